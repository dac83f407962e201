#pragma once

/*
 * rules_text: rules as they stand in files: JSON in source form, so that a newer or an older
 * version reads it through the same checks as Redis' own values. A text has all of a set, or what
 * some keys of it stand for.
 */

#include "lib/buf.h"

#include <stdbool.h>
#include <stdint.h>

struct map;
struct revision;
struct rules;

#define RULES_FORMAT "yett rules 1"

/* Where a text goes that may be large: to a descriptor in parts, or (-1) into `text` as a whole. */
struct rules_sink {
	int fd;
	struct buf text;
	int error; /* a negative errno; nothing is written behind it */
};

/* All of them. The first line tells this text from any other. */
void rules_write(const struct rules *r, const struct revision *revision, struct rules_sink *out);
/* What these keys stand for, or that they do no more, in one line. */
void rules_write_part(const struct rules *r, const struct map *keys,
		      const struct revision *revision, struct rules_sink *out);
/* What is left in it. 0 or a negative errno. */
int rules_sink_end(struct rules_sink *out);

struct rules_reader;

/* Reads a text from a descriptor, which is the reader's from here on, into these rules; or one that
 * is here as a whole (fd -1). `over`: it changes what is there already. */
struct rules_reader *rules_reader_new(struct rules *r, int fd, struct slice text, bool over);
/* Goes on with so many keys. 1: there is more; 0: it is read; -EBADMSG: it is no such text. */
int rules_reader_go(struct rules_reader *x, size_t keys) __attribute__((warn_unused_result));
/* Of one that is read. *revision is the caller's; NULL: none was saved. */
int64_t rules_reader_saved_at(const struct rules_reader *x);
struct revision *rules_reader_revision(const struct rules_reader *x);
/* Its first line, without its end, of a text from a descriptor. */
struct slice rules_reader_line(const struct rules_reader *x);
void rules_reader_free(struct rules_reader *x); /* NULL is allowed */
