#pragma once

/*
 * rate_rows: the rows of one set, and how a key gets one of its own without a lock.
 *
 * The danger is that two processes give the same key a row each, and it passes twice. So a row is
 * first only claimed: `due` has its top bit set and holds a number that no other attempt has. A
 * claim becomes a row by a compare-and-swap from that very number, made by anybody who has, after
 * he first saw the claim, looked through the whole set and found no other row or claim of that key.
 * Two claims of one key: everyone takes away all but the first. Of two processes that claim
 * different rows the later one sees the earlier one's claim when it looks, for a full barrier lies
 * between claiming and looking; so at most one claim of a key is confirmed. A claim whose maker was
 * killed is confirmed by the next one that needs it, or given to another key.
 */

#include "rate.h"

#include <stdbool.h>

struct rate_row {
	uint64_t tag; /* the key; 0: never used */
	uint64_t due; /* ns of CLOCK_MONOTONIC, or a claim */
} __attribute__((aligned(16)));

enum { RATE_SHARED_SHORT, RATE_SHARED_LONG, RATE_SHARED_N };
#define RATE_SHORT_NS UINT64_C(60000000000) /* bursts that come back within it share one row */

struct rate_set {
	struct rate_row row[RATE_ROWS];
	struct rate_row shared[RATE_SHARED_N]; /* the tag means nothing */
};
_Static_assert(sizeof(struct rate_set) == 256, "four lines of the cache");

/* Attempts before a set that others keep changing is given up; no honest load comes near. */
#define RATE_ATTEMPTS 4096

#define RATE_CLAIM (UINT64_C(1) << 63)

/* Swaps *row from *seen to (tag, due) at once; a full barrier. When it is something else, *seen is
 * that, and the result is false. */
static inline bool
rate_swap(struct rate_row *row, struct rate_row *seen, uint64_t tag, uint64_t due)
{
	union {
		struct rate_row row;
		unsigned __int128 word;
	} is, want = { .row = *seen }, to = { .row = { tag, due } };

	/* Not __atomic: compilers call libatomic for 16 bytes, which may take a lock. */
	is.word = __sync_val_compare_and_swap((unsigned __int128 *)row, want.word, to.word);
	if (is.word == want.word)
		return true;
	*seen = is.row;
	return false;
}

static inline uint64_t
rate_load(const uint64_t *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

/* The row of a key in use; NULL when there is none. *seen is what it may hold: only a swap tells.
 */
static inline struct rate_row *
rate_find(struct rate_set *set, uint64_t tag, struct rate_row *seen)
{
	for (unsigned i = 0; i < RATE_ROWS; i++) {
		if (rate_load(&set->row[i].tag) != tag)
			continue;
		*seen = (struct rate_row){ tag, rate_load(&set->row[i].due) };
		if (!(seen->due & RATE_CLAIM))
			return &set->row[i];
	}
	return NULL;
}

/* Does the key have a row, or anybody's claim to one? */
static inline bool
rate_is_there(const struct rate_set *set, uint64_t tag)
{
	for (unsigned i = 0; i < RATE_ROWS; i++) {
		if (rate_load(&set->row[i].tag) == tag)
			return true;
	}
	return false;
}

/* One step on the way to a row of its own for a key that has none: *claim is what the last step
 * left (zeroes before the first).
 * RATE_CLAIMED: *row is confirmed by a swap from *claim. RATE_AGAIN: look for the key, and take
 * another step. RATE_FULL: all rows are others'. */
enum rate_step { RATE_CLAIMED, RATE_AGAIN, RATE_FULL };
enum rate_step rate_claim(struct rate_table *t, struct rate_set *set, uint64_t tag, uint64_t now,
			  struct rate_row *claim, struct rate_row **row);

/* Is there a row that a key without one could get at once? */
bool rate_has_room(const struct rate_set *set, uint64_t now);

struct rate_set *rate_set_of(const struct rate_table *t, uint64_t tag);
