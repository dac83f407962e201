#pragma once

/*
 * columns: text in aligned columns for a terminal. Control characters in it become '?': what is
 * shown came from files and from Redis.
 */

#include "lib/buf.h"

enum colour { COLOUR_NONE, COLOUR_BOLD, COLOUR_GOOD, COLOUR_WARN, COLOUR_BAD };

struct columns {
	struct columns_cell *cells;
	size_t count, cap;
	size_t width; /* cells in a row */
	bool colours;
};

/* Colours are shown on a terminal that has them (TERM), and whose user did not say no (NO_COLOR).
 */
bool columns_want_colours(int fd);
/* Text in a colour, outside of columns. */
void columns_paint(bool colours, enum colour colour, const char *text, struct buf *out);
/* Whole lines for a terminal: of what it would obey, only line ends, tabs and our own colours are
 * left. */
void columns_tidy(struct slice lines, struct buf *out);
void columns_init(struct columns *c, size_t width, bool colours);
void columns_deinit(struct columns *c);
/* The next cell, from left to right; a row ends by itself. */
void columns_add(struct columns *c, enum colour colour, struct slice text);
void columns_addf(struct columns *c, enum colour colour, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void columns_write(const struct columns *c, struct buf *out);
