#pragma once

/*
 * board_fields: what stands where on a page of the board, by names, so that a page of another
 * layout (an older or a newer program's) can be read: what both know is copied, the rest is left.
 * Only what a next master goes on with is named; a name keeps its meaning for ever.
 */

#include <stddef.h>
#include <stdint.h>

#define BOARD_FIELDS_MAX 1024

enum board_page { BOARD_PAGE_WORKER, BOARD_PAGE_MASTER };
extern const char *const board_page_name[];

struct board_field {
	char name[56];
	uint32_t offset, bytes; /* of the first row */
	uint32_t rows, stride;
};

/* Of this program. Returns how many. */
size_t board_fields(enum board_page which, struct board_field out[BOARD_FIELDS_MAX]);
struct buf;
/* As lines for another program: PREFIX LAYOUT PAGE NAME OFFSET BYTES ROWS STRIDE. */
void board_fields_write(uint32_t layout, enum board_page which, const struct board_field *fields,
			size_t n, const char *prefix, struct buf *out);
/* Those of this program, both pages. */
void board_fields_write_own(const char *prefix, struct buf *out);
/* Copies to `to` what fields of the same name and size hold in `from`; of rows, as many as both
 * have. `from` may be written by somebody meanwhile, word by word. */
void board_translate(const struct board_field *now, size_t now_n, void *to, size_t to_size,
		     const struct board_field *then, size_t then_n, const void *from,
		     size_t from_size);
