#pragma once

/*
 * store_readback: a change of ours in Redis, from being stored to being in the rules: all that it
 * touched is read back, since somebody else may have changed other fields.
 */

#include "history.h"
#include "store_write.h"

struct store_sync;

struct store_readback {
	struct store_sync *sync;
	struct store_writer *writer;
	const struct change *change; /* NULL: none is under way */
	write_done_fn done;
	void *userdata;
	char revision[REVISION_TEXT]; /* once it is stored */
};

/* One at a time; `order` must live until `done`. */
void readback_run(struct store_readback *b, const struct write_order *order, write_done_fn done,
		  void *userdata);
/* The connections are gone. What is stored is stored; the rules have it when they are back. */
void readback_lost(struct store_readback *b, const char *reason);
