#include "tail.h"

#include "lib/xalloc.h"

#include <stdio.h>
#include <stdlib.h>

static void
put(struct tail *t, uint64_t at, const char *p, size_t n)
{
	size_t first = TAIL_BYTES - at % TAIL_BYTES;

	if (first > n)
		first = n;
	memcpy(t->ring + at % TAIL_BYTES, p, first);
	memcpy(t->ring, p + first, n - first);
}

void
tail_write(struct tail *t, uint64_t number, struct slice line)
{
	char prefix[24];
	uint64_t end = t->written;
	size_t n = (size_t)snprintf(prefix, sizeof prefix, "%llu ", (unsigned long long)number);

	if (line.n > TAIL_LINE_MAX)
		return;
	__atomic_store_n(&t->reserved, end + n + line.n + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE); /* before the first byte is overwritten */
	put(t, end, prefix, n);
	put(t, end + n, line.p, line.n);
	put(t, end + n + line.n, "\n", 1);
	__atomic_store_n(&t->written, end + n + line.n + 1, __ATOMIC_RELEASE);
}

/* Of what was written since *from, what was surely not overwritten while it was copied; *from is
 * its start, *end its end. */
static struct slice
copy(const struct tail *t, uint64_t *from, uint64_t *end, char *room)
{
	uint64_t start, reserved, floor;
	size_t n, first;

	*end = __atomic_load_n(&t->written, __ATOMIC_ACQUIRE);
	start = *from < *end ? *from : *end; /* beyond: a place of another ring */
	if (*end - start > TAIL_BYTES)
		start = *end - TAIL_BYTES;
	n = (size_t)(*end - start);
	first = TAIL_BYTES - start % TAIL_BYTES;
	first = first < n ? first : n;
	memcpy(room, t->ring + start % TAIL_BYTES, first);
	memcpy(room + first, t->ring, n - first);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	reserved = __atomic_load_n(&t->reserved, __ATOMIC_RELAXED);
	floor = reserved > TAIL_BYTES ? reserved - TAIL_BYTES : 0;
	floor = floor < *end ? floor : *end;
	*from = floor > start ? floor : start;
	return slice_make(room + (*from - start), (size_t)(*end - *from));
}

/* Its number, cut off. */
static bool
numbered(struct slice *line, uint64_t *out)
{
	size_t n = 0;

	*out = 0;
	while (n < line->n && n < 20 && line->p[n] >= '0' && line->p[n] <= '9')
		*out = *out * 10 + (uint64_t)(line->p[n++] - '0');
	if (n == 0 || n >= line->n || line->p[n] != ' ')
		return false;
	*line = slice_make(line->p + n + 1, line->n - n - 1);
	return true;
}

uint64_t
tail_read(const struct tail *t, struct tail_place *place, size_t most, struct buf *out, bool *more)
{
	char *room = xmalloc(TAIL_BYTES);
	uint64_t from = place->at, end, missed = 0, number;
	struct slice rest = copy(t, &from, &end, room);
	size_t before = out->n;

	if (from != place->at) /* in the middle of a line */
		slice_cut(rest, '\n', &rest);
	while (rest.p && rest.n > 0 && out->n - before < most) {
		struct slice line = slice_cut(rest, '\n', &rest);

		if (!numbered(&line, &number) || number <= place->line)
			continue;
		missed += number - place->line - 1;
		place->line = number;
		buf_adds(out, line);
		buf_addc(out, '\n');
	}
	place->at = end - rest.n;
	*more = rest.n > 0;
	free(room);
	return missed;
}
