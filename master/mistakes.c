#include "mistakes.h"

#include "lib/xalloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
mistakes_deinit(struct mistakes *m)
{
	for (size_t i = 0; i < m->count; i++)
		free(m->items[i].text);
	free(m->items);
	*m = (struct mistakes){ 0 };
}

void
mistakes_vadd(struct mistakes *m, bool warning, int line, const char *key, const char *fmt,
	      va_list args)
{
	struct buf BUF_CLEAN text = { 0 };
	char one[1024];

	vsnprintf(one, sizeof one, fmt, args);
	buf_addf(&text, "%s%s%s%s", key, *key ? ": " : "", warning ? "warning: " : "", one);
	for (size_t i = 0; i < text.n; i++) {
		if ((unsigned char)text.p[i] < 0x20 || text.p[i] == 0x7f)
			text.p[i] = '?';
	}
	if (m->count == m->cap) {
		m->cap = m->cap ? 2 * m->cap : 16;
		m->items = xrealloc(m->items, m->cap * sizeof *m->items);
	}
	m->items[m->count] = (struct mistake){ line, m->count, warning, xstrndup(text.p, text.n) };
	m->count++;
	m->errors += !warning;
}

void
mistakes_add(struct mistakes *m, bool warning, int line, const char *key, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	mistakes_vadd(m, warning, line, key, fmt, args);
	va_end(args);
}

static int
compare(const void *a, const void *b)
{
	const struct mistake *x = a, *y = b;

	if (x->line != y->line)
		return (unsigned)x->line - 1 < (unsigned)y->line - 1 ? -1
								     : 1; /* of no line: last */
	return x->at < y->at ? -1 : x->at > y->at;
}

void
mistakes_where(const struct mistakes *m, const char *file, int line, struct buf *out)
{
	int place = line / MISTAKES_LINES;

	if (place > 1)
		buf_addf(out, "env %s", m->places[place]);
	else if (line > 0)
		buf_addf(out, "%s:%d", place ? m->places[1] : file, line % MISTAKES_LINES);
	else
		buf_addf(out, "%s", file);
}

void
mistakes_write(struct mistakes *m, const char *file, struct buf *out)
{
	if (m->count > 1)
		qsort(m->items, m->count, sizeof *m->items, compare);
	for (size_t i = 0; i < m->count && i < MISTAKES_SHOWN; i++) {
		const struct mistake *one = &m->items[i];

		mistakes_where(m, file, one->line, out);
		buf_addf(out, ": %s\n", one->text);
	}
	if (m->count > MISTAKES_SHOWN)
		buf_addf(out, "%s: and %zu more\n", file, m->count - MISTAKES_SHOWN);
}

struct slice
mistakes_first(const char *report)
{
	struct slice rest = slice_of(report), line = rest;

	while (rest.n > 0) {
		line = slice_cut(rest, '\n', &rest);
		if (!memmem(line.p, line.n, ": warning: ", strlen(": warning: ")))
			break;
	}
	return line;
}
