/*
 * Small numbers for identities that come and go. See directory.h.
 */

#include "directory.h"

#include "lib/map.h"
#include "lib/xalloc.h"

#include <stdlib.h>

struct slot {
	uint32_t number;
	uint64_t used; /* round in which it was last asked for */
};

struct slots {
	struct map by_identity; /* struct slot */
	uint32_t *unused;       /* numbers that were given back, a stack */
	uint32_t unused_count;
	uint32_t next, limit;  /* numbers never used yet: next..limit-1 */
	uint64_t round, swept; /* now; when they were swept last */
};

struct slots *
slots_new(uint32_t limit)
{
	struct slots *s = xcalloc(1, sizeof *s);

	s->limit = limit;
	s->next = 1;
	return s;
}

void
slots_free(struct slots *s)
{
	if (!s)
		return;
	map_deinit(&s->by_identity, free);
	free(s->unused);
	free(s);
}

uint32_t
slots_get(struct slots *s, struct slice identity)
{
	struct slot *slot = map_get(&s->by_identity, identity);

	if (!slot) {
		if (s->unused_count == 0 && s->next >= s->limit)
			return 0;
		slot = xcalloc(1, sizeof *slot);
		slot->number = s->unused_count ? s->unused[--s->unused_count] : s->next++;
		*map_put(&s->by_identity, identity) = slot;
	}
	slot->used = s->round;
	return slot->number;
}

void
slots_pass(struct slots *s)
{
	s->round++;
}

/* Whoever was named the last time may have gone just now. */
static bool
is_kept(const struct slots *s, const struct slot *slot, unsigned rounds_kept)
{
	return slot->used >= s->swept || slot->used + rounds_kept >= s->round;
}

void
slots_sweep(struct slots *s, unsigned rounds_kept)
{
	size_t i = 0;

	while (i < s->by_identity.count) {
		const struct map_entry *e = &s->by_identity.entries[i];
		struct slot *slot = e->value;

		if (is_kept(s, slot, rounds_kept)) {
			i++;
			continue;
		}
		if (s->unused_count % 64 == 0)
			s->unused = xrealloc(s->unused, (s->unused_count + 64) * sizeof *s->unused);
		s->unused[s->unused_count++] = slot->number;
		map_take(&s->by_identity, map_name(e)); /* the last one takes its place */
		free(slot);
	}
	s->swept = s->round++;
}
