#include "columns.h"

#include "lib/xalloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct columns_cell {
	enum colour colour;
	char *text;
	size_t shown; /* characters */
};

static const char *const escape[] = {
	[COLOUR_NONE] = "",         [COLOUR_BOLD] = "\033[1m", [COLOUR_GOOD] = "\033[32m",
	[COLOUR_WARN] = "\033[33m", [COLOUR_BAD] = "\033[31m",
};

bool
columns_want_colours(int fd)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(fd) && !(no && *no) && term && *term && strcmp(term, "dumb") != 0;
}

/* Nothing that a terminal would obey: neither the controls of ASCII nor those of Unicode. */
static void
add_clean(struct slice text, struct buf *out)
{
	size_t n;

	for (size_t i = 0; i < text.n; i += n ? n : 1) {
		n = utf8_control(slice_make(text.p + i, text.n - i));
		buf_addc(out, n ? '?' : text.p[i]);
	}
}

void
columns_paint(bool colours, enum colour colour, const char *text, struct buf *out)
{
	bool paint = colours && colour != COLOUR_NONE;

	if (paint)
		buf_adds(out, slice_of(escape[colour]));
	add_clean(slice_of(text), out);
	if (paint)
		buf_adds(out, SLICE("\033[0m"));
}

/* One of ours that the text begins with; empty: none. */
static struct slice
own_escape(struct slice text)
{
	static const char reset[] = "\033[0m";

	if (slice_starts(text, slice_of(reset)))
		return slice_of(reset);
	for (size_t i = COLOUR_BOLD; i <= COLOUR_BAD; i++) {
		if (slice_starts(text, slice_of(escape[i])))
			return slice_of(escape[i]);
	}
	return SLICE("");
}

void
columns_tidy(struct slice lines, struct buf *out)
{
	size_t begin = 0;

	for (size_t i = 0; i < lines.n; i++) {
		struct slice own = SLICE("");
		char c = lines.p[i];

		if (c == 033)
			own = own_escape(slice_make(lines.p + i, lines.n - i));
		if (own.n == 0 && c != '\n' && c != '\t')
			continue;
		add_clean(slice_make(lines.p + begin, i - begin), out);
		buf_add(out, lines.p + i, own.n ? own.n : 1);
		i += own.n ? own.n - 1 : 0;
		begin = i + 1;
	}
	if (begin < lines.n)
		add_clean(slice_make(lines.p + begin, lines.n - begin), out);
}

void
columns_init(struct columns *c, size_t width, bool colours)
{
	*c = (struct columns){ .width = width, .colours = colours };
}

void
columns_deinit(struct columns *c)
{
	for (size_t i = 0; i < c->count; i++)
		free(c->cells[i].text);
	free(c->cells);
	*c = (struct columns){ 0 };
}

void
columns_add(struct columns *c, enum colour colour, struct slice text)
{
	struct buf BUF_CLEAN clean = { 0 };
	size_t shown = 0;

	add_clean(text, &clean);
	for (size_t i = 0; i < clean.n; i++)
		shown += ((unsigned char)clean.p[i] & 0xc0) !=
			 0x80; /* the first byte of each in UTF-8 */
	if (c->count == c->cap) {
		c->cap = c->cap ? 2 * c->cap : 64;
		c->cells = xrealloc(c->cells, c->cap * sizeof *c->cells);
	}
	c->cells[c->count++] =
	    (struct columns_cell){ colour, xstrndup(clean.p ? clean.p : "", clean.n), shown };
}

void
columns_addf(struct columns *c, enum colour colour, const char *fmt, ...)
{
	char one[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(one, sizeof one, fmt, args);
	va_end(args);
	columns_add(c, colour, slice_of(one));
}

void
columns_write(const struct columns *c, struct buf *out)
{
	size_t *widest = xcalloc(c->width, sizeof *widest);

	for (size_t i = 0; i < c->count; i++) {
		if (c->cells[i].shown > widest[i % c->width])
			widest[i % c->width] = c->cells[i].shown;
	}
	for (size_t i = 0; i < c->count; i++) {
		const struct columns_cell *cell = &c->cells[i];
		bool last = i % c->width == c->width - 1;

		columns_paint(c->colours, cell->colour, cell->text, out);
		for (size_t n = cell->shown; !last && n < widest[i % c->width] + 2; n++)
			buf_addc(out, ' ');
		if (!last)
			continue;
		while (out->n > 0 && out->p[out->n - 1] == ' ')
			out->n--;
		buf_addc(out, '\n');
	}
	free(widest);
}
