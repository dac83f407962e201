#include "target.h"

#include <stdlib.h>

/* "1k", "64k", "1m", "2g" or bytes. */
static bool
parse_size(struct slice s, uint64_t *size)
{
	uint64_t n = 0;
	size_t i = 0;

	for (; i < s.n && s.p[i] >= '0' && s.p[i] <= '9' && i < 15; i++)
		n = n * 10 + (uint64_t)(s.p[i] - '0');
	if (i == 0 || s.n > i + 1)
		return false;
	if (i < s.n) {
		char unit = s.p[i];

		if (unit != 'k' && unit != 'm' && unit != 'g')
			return false;
		n <<= unit == 'k' ? 10 : unit == 'm' ? 20 : 30;
	}
	*size = n;
	return true;
}

void
target_parse(struct target *t, struct slice text)
{
	struct slice query, path = slice_cut(text, '?', &query), last = path, rest;
	const char *ms;

	for (rest = path; rest.p;)
		last = slice_cut(rest, '/', &rest);
	*t = (struct target){ .status = 200 };
	t->upload = slice_eq(last, SLICE("upload"));
	t->echo = slice_eq(last, SLICE("echo"));
	if (parse_size(last, &t->size) || t->upload || t->echo || slice_eq(last, SLICE("isAlive")))
		return;
	if (!slice_eq(last, SLICE("slow"))) {
		t->status = 404;
		return;
	}
	ms = query.p ? memmem(query.p, query.n, "ms=", 3) : NULL;
	t->size = 1024;
	t->delay = ms ? strtoul(ms + 3, NULL, 10) : 0;
}
