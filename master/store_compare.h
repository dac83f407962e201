#pragma once

/*
 * store_compare: the full comparison, which is the truth: SCAN names the keys, and each of them,
 * and each that a rule is there for, is asked for. What becomes of the answers is not decided here.
 * It goes on in parts, as the answers come, so that a million keys hold up nothing.
 */

#include "lib/buf.h"
#include "store_draft.h"
#include "store_fetch.h"

enum compare_at {
	COMPARE_SCANNED, /* SCAN is under way */
	COMPARE_PAUSED,  /* the next one waits until fewer keys are to be asked for */
	COMPARE_WALKS,   /* keys that SCAN did not name are looked for in the rules */
	COMPARE_NAMED,   /* all are asked for */
};

struct store_compare {
	struct store_draft *draft; /* open while one runs */
	struct store_fetch *fetch;
	/* The server refuses, or answers nonsense. */
	void (*failed)(void *userdata, const struct redis_reply *r);
	void *userdata;
	bool running, force; /* `force`: what it misses goes */
	bool again, again_force;
	bool stale;      /* what it has read counts for nothing */
	uint32_t number; /* of this comparison, for rules_meet */
	enum compare_at at;
	struct buf cursor; /* of the next SCAN */
	size_t left;       /* rules to look at: those with an index below */
	size_t present;    /* keys found; for who reads the answers to count */
};

void compare_deinit(struct store_compare *c);

/* Begins one; the one before has ended. */
void compare_begin(struct store_compare *c, bool force);
/* One more is needed after the one that runs. */
void compare_ask_again(struct store_compare *c, bool force);
/* Goes on with what it has to do before answers, a part of it. */
void compare_go_on(struct store_compare *c);
/* There is more of that, and it waits for no answer. */
bool compare_walks(const struct store_compare *c);
/* Has everything been answered? */
bool compare_is_through(const struct store_compare *c);
/* Is it a key that rules stand under? */
bool compare_covers(struct slice key);
