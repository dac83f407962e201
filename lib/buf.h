#pragma once

/*
 * buf: a growing run of bytes for building text. Allocation failure aborts (xalloc.h).
 */

#include "slice.h"

#include <stdarg.h>
#include <stdint.h>

struct buf {
	char *p;
	size_t n;
	size_t cap;
};

void buf_deinit(struct buf *b);
/* The same of what holds secrets; what grew has left copies behind, so reserve before. */
void buf_wipe(struct buf *b);
/* Room for `more` bytes beyond n; the caller writes at b->p + b->n and raises n. */
void buf_reserve(struct buf *b, size_t more);
void buf_add(struct buf *b, const void *p, size_t n);
void buf_adds(struct buf *b, struct slice s);
void buf_addc(struct buf *b, char c);
/* In decimal. */
void buf_add_u64(struct buf *b, uint64_t n);
/* As short as it reads back; finite. */
void buf_add_double(struct buf *b, double number);
void buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A JSON string with its quotes; bytes that are no UTF-8 become U+FFFD, control characters, those
 * from U+007F to U+009F, too, are escaped (RFC 8259 section 7). */
void buf_add_json(struct buf *b, struct slice s);
/* Seconds since 1970 as a JSON string (RFC 3339, UTC); null where there are none. */
void buf_add_json_time(struct buf *b, int64_t wall);
/* Length of the well-formed UTF-8 sequence at s (RFC 3629 section 4), 0 when there is none. */
size_t utf8_length(struct slice s);
/* Length of the control character at s, which a terminal obeys (ECMA-48, section 5: up to U+001F,
 * U+007F to U+009F), 0 when there is none. s is not empty. */
size_t utf8_control(struct slice s);
/* Text for HTML: & < > " ' are escaped. */
void buf_add_html(struct buf *b, struct slice s);
/* Text for a form or a query: whatever is not plain is a triplet, so at most three bytes for each.
 */
void buf_add_form(struct buf *b, struct slice s);

#define BUF_CLEAN __attribute__((cleanup(buf_deinit)))

static inline struct slice
buf_slice(const struct buf *b)
{
	return (struct slice){ b->p, b->n };
}
