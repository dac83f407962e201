#include "texts.h"

#include "lib/buf.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

void
texts_deinit(struct texts *t)
{
	for (size_t i = 0; i < t->count; i++)
		free((char *)t->items[i].p);
	free(t->items);
}

void
texts_add(struct texts *t, struct slice text)
{
	if (t->count == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 16;
		t->items = xrealloc(t->items, t->cap * sizeof *t->items);
	}
	t->items[t->count++] = slice_make(xstrndup(text.p, text.n), text.n);
}

void
texts_expand(struct texts *t, struct slice pattern, uint64_t count)
{
	BUF_CLEAN struct buf text = { 0 };
	const char *hole = memmem(pattern.p, pattern.n, "{n}", 3);

	for (uint64_t i = 0; i < count; i++) {
		text.n = 0;
		buf_add(&text, pattern.p, hole ? (size_t)(hole - pattern.p) : pattern.n);
		if (hole) {
			buf_addf(&text, "%llu", (unsigned long long)i);
			buf_add(&text, hole + 3, pattern.n - (size_t)(hole - pattern.p) - 3);
		}
		texts_add(t, buf_slice(&text));
	}
}

int
texts_read(struct texts *t, const char *file)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	FILE *f = fopen(file, "re");

	if (!f)
		return -errno;
	while ((n = getline(&line, &cap, f)) > 0) {
		size_t len = strcspn(line, "\r\n");

		if (len > 0)
			texts_add(t, slice_make(line, len));
	}
	free(line);
	fclose(f);
	return t->count ? 0 : -ENODATA;
}

struct slice
texts_next(struct texts *t)
{
	struct slice item = t->items[t->next];

	t->next = t->next + 1 < t->count ? t->next + 1 : 0;
	return item;
}
