#pragma once

/*
 * store_draft: what becomes of the rules. What is read of Redis goes into a draft, which is brought
 * in as a whole, and with it what is known of the keys. Knows no connection.
 */

#include "store_keys.h"
#include "store_sync.h"

struct redis_reply;

struct store_draft {
	struct rules *rules; /* in force; changed by draft_apply alone */
	struct rules *next;  /* what becomes of them; NULL: nothing was read */
	struct store_keys keys;
	const struct store_sync_ops *ops; /* `drafted` and `withheld` are called from here */
	void *userdata;
};

enum draft_read {
	DRAFT_NONSENSE, /* it is no answer to the question */
	DRAFT_FOUND,
	DRAFT_GONE, /* there is no such key, and none is missed */
	DRAFT_LOST, /* a rule stands for it: draft_settle decides */
};

void draft_init(struct store_draft *d, struct rules *rules, const struct store_sync_ops *ops,
		void *userdata);
void draft_deinit(struct store_draft *d);
/* Begins one, unless there is one. */
void draft_open(struct store_draft *d);
void draft_drop(struct store_draft *d);
/* Makes the draft, if there is one, the rules in force. */
void draft_apply(struct store_draft *d);
/* What Redis says of a key goes into the open draft. `loss`: how it is remembered if it is gone. */
enum draft_read draft_read(struct store_draft *d, struct slice key, enum loss loss,
			   const struct redis_reply *r);
/* As keys_settle. */
void draft_settle(struct store_draft *d, enum loss loss, bool all, bool force);
