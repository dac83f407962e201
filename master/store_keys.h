#pragma once

/*
 * store_keys: what is known of some keys of Redis beside their rules, and what becomes of the rules
 * whose keys are gone: they go too, unless so many went at once that it looks like somebody's
 * accident. Then the deletions are withheld until the keys come back or somebody confirms.
 */

#include "lib/map.h"
#include "rules.h"

struct mark {
	bool missing;   /* this comparison found it gone */
	bool found;     /* it is there, which ends its being withheld at keys_confirm */
	bool gone;      /* an announcement led to nothing; waits for the end of its batch */
	bool withheld;  /* it is gone, and its rule stays */
	bool oversized; /* cannot be read */
	bool queued;    /* announced, not asked for yet */
	bool own;       /* a write of ours touches it: if it goes, that is meant */
	bool meant;     /* a revision says so of it, until it is found again */
	bool alone;     /* is not asked for together with others: all of it was too large */
};

enum loss { LOSS_MISSING, LOSS_GONE }; /* by mark.missing, by mark.gone */

struct store_keys {
	struct rules *rules; /* to decide by and to delete from; may be changed at any time */
	struct map marks;    /* by key, cut to RULES_KEY_MAX: struct mark */
	size_t withheld;
};

void keys_init(struct store_keys *k, struct rules *rules);
void keys_deinit(struct store_keys *k);
/* Made where missing; valid until the key is forgotten. */
struct mark *keys_mark(struct store_keys *k, struct slice key);
/* NULL: there is nothing to tell of it, as of nearly all. */
struct mark *keys_find(const struct store_keys *k, struct slice key);
/* The key is there, whatever its value. */
void keys_present(struct store_keys *k, struct slice key);
/* The key is not there. Says whether that is a loss: a rule stands for it. */
bool keys_absent(struct store_keys *k, struct slice key, enum loss loss);
/* The key is not there, and that is meant: its rule goes with it. */
void keys_drop(struct store_keys *k, struct slice key);
/* Is its deletion withheld? */
bool keys_withholds(const struct store_keys *k, struct slice key);
/* Sets mark.own. */
void keys_own(struct store_keys *k, struct slice key, bool own);
/* What was found by now is in force from now on: it is withheld no longer. Forgets those of which
 * there is nothing to tell. */
void keys_confirm(struct store_keys *k);
/* Applies the deletions that were found, or withholds them: with `all` (nothing is left, or it was
 * flushed), or when more than half of the rules and at least four are lost, every one; else those
 * of policies. `force` applies them in any case. Logs when it withholds more or less than before.
 */
void keys_settle(struct store_keys *k, enum loss loss, bool all, bool force);
/* Forgets everything but what is withheld or cannot be read: nothing is under way any more. */
void keys_reset(struct store_keys *k);
