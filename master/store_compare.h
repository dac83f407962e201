#pragma once

/*
 * store_compare: the full comparison, which is the truth: SCAN names the keys, and each of them,
 * and each that a rule is there for, is asked for. What becomes of the answers is not decided here.
 */

#include "store_draft.h"
#include "store_fetch.h"

struct store_compare {
	struct store_draft *draft; /* open while one runs */
	struct store_fetch *fetch;
	/* The server refuses, or answers nonsense. */
	void (*failed)(void *userdata, const struct redis_reply *r);
	void *userdata;
	bool running, force; /* `force`: what it misses goes */
	bool again, again_force;
	bool stale; /* what it has read counts for nothing */
	uint64_t number;
	unsigned pattern; /* index of the SCAN that runs; past the last: all are through */
	size_t present;   /* keys found; for who reads the answers to count */
};

/* Begins one; the one before has ended. */
void compare_begin(struct store_compare *c, bool force);
/* One more is needed after the one that runs. */
void compare_ask_again(struct store_compare *c, bool force);
/* Has everything been answered? */
bool compare_is_through(const struct store_compare *c);
/* Is it a key that rules stand under? */
bool compare_covers(struct slice key);
