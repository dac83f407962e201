#include "rate_rows.h"

#include <assert.h>

#define SAMPLE 65536u /* sets */

/* Nothing is known of its key: the time is past, or so far ahead that no limit put it there. */
static bool
is_spent(const struct rate_row *seen, uint64_t now)
{
	return !(seen->due & RATE_CLAIM) &&
	       (seen->due <= now || seen->due - now > 2 * RATE_BURST_NS);
}

struct survey {
	struct rate_row *mine; /* the first claim of the key */
	struct rate_row mine_seen;
	bool alone;            /* nothing else in the set is the key's */
	struct rate_row *free; /* a row that may be taken */
	struct rate_row free_seen;
	bool free_is_claim; /* somebody's, who may be dead */
};

static void
survey_foreign(struct survey *s, struct rate_row *row, const struct rate_row *seen, uint64_t now)
{
	bool claim = (seen->due & RATE_CLAIM) != 0;

	if (!claim && !is_spent(seen, now))
		return;
	if (s->free && (claim || !s->free_is_claim))
		return;
	s->free = row;
	s->free_seen = *seen;
	s->free_is_claim = claim;
}

/* A second claim is taken away. */
static void
survey_own(struct survey *s, struct rate_row *row, struct rate_row *seen)
{
	if (!s->mine && (seen->due & RATE_CLAIM)) {
		s->mine = row;
		s->mine_seen = *seen;
		return;
	}
	s->alone = false;
	if (seen->due & RATE_CLAIM)
		(void)rate_swap(row, seen, 0, 0);
}

static void
survey_make(struct survey *s, struct rate_set *set, uint64_t tag, uint64_t now)
{
	*s = (struct survey){ .alone = true };
	for (unsigned i = 0; i < RATE_ROWS; i++) {
		struct rate_row *row = &set->row[i];
		struct rate_row seen = { rate_load(&row->tag), rate_load(&row->due) };

		if (seen.tag == tag)
			survey_own(s, row, &seen);
		else
			survey_foreign(s, row, &seen, now);
	}
}

enum rate_step
rate_claim(struct rate_table *t, struct rate_set *set, uint64_t tag, uint64_t now,
	   struct rate_row *claim, struct rate_row **row)
{
	struct rate_row before = *claim;
	struct survey s;

	survey_make(&s, set, tag, now);
	if (s.mine) {
		*row = s.mine;
		*claim = s.mine_seen;
		return s.alone && claim->tag == before.tag && claim->due == before.due
			   ? RATE_CLAIMED
			   : RATE_AGAIN;
	}
	*claim = (struct rate_row){ 0 };
	if (!s.alone)
		return RATE_AGAIN;
	if (!s.free)
		return RATE_FULL;
	t->nonce++;
	if (rate_swap(s.free, &s.free_seen, tag, t->nonce | RATE_CLAIM))
		*claim = (struct rate_row){ tag, t->nonce | RATE_CLAIM };
	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* before anything is looked at again */
	return RATE_AGAIN;
}

bool
rate_has_room(const struct rate_set *set, uint64_t now)
{
	for (unsigned i = 0; i < RATE_ROWS; i++) {
		struct rate_row seen = { rate_load(&set->row[i].tag), rate_load(&set->row[i].due) };

		if ((seen.due & RATE_CLAIM) || is_spent(&seen, now))
			return true;
	}
	return false;
}

void
rate_usage(const struct rate_table *t, uint64_t now, struct rate_usage *out)
{
	uint32_t step = t->head.sets > SAMPLE ? t->head.sets / SAMPLE : 1, seen = 0;
	uint64_t used = 0;

	assert(t->head.sets > 0);
	for (uint32_t s = 0; s < t->head.sets; s += step, seen++) {
		for (unsigned i = 0; i < RATE_ROWS; i++) {
			const struct rate_row *row = &t->sets[s].row[i];
			struct rate_row now_there = { rate_load(&row->tag), rate_load(&row->due) };

			used += !(now_there.due & RATE_CLAIM) && !is_spent(&now_there, now);
		}
	}
	out->rows = (uint64_t)t->head.sets * RATE_ROWS;
	out->used = used * t->head.sets / seen;
}

struct rate_set *
rate_set_of(const struct rate_table *t, uint64_t tag)
{
	return &t->sets[(unsigned __int128)tag * t->head.sets >> 64];
}
