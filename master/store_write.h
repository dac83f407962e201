#pragma once

/*
 * store_write: one change of the rules as one transaction of Redis, over a connection that somebody
 * else makes: WATCH what must not change meanwhile, look whether the keys are as the change knows
 * them, then MULTI, the operations, an entry of the stream of revisions, EXEC. One at a time.
 * Whatever Redis refuses is told in its own words.
 */

#include "lib/slice.h"

struct change;
struct redis_conn;
struct rules;
struct store_writer;

enum write_result {
	WRITE_DONE,    /* `text`: the revision that it is */
	WRITE_UNREAD,  /* the same, but Redis was lost before the rules had it (store_redis) */
	WRITE_IDLE,    /* the store is already what the change leads to; nothing was stored */
	WRITE_CHANGED, /* a key is not as an exact change knows it; nothing was stored */
	WRITE_STALE,   /* somebody else wrote meanwhile; nothing was stored, try again */
	WRITE_REFUSED, /* a key holds another kind of value; nothing was stored. `text` says which
			*/
	WRITE_FAILED,  /* `text` says why, and whether anything was stored */
};

typedef void (*write_done_fn)(void *userdata, enum write_result result, struct slice text);

struct write_order { /* all of it must live until it is done */
	const struct change *change;
	const char *known; /* the newest revision that the change has seen; "": none */
	const char *digest;
	const struct rules *draft; /* change_draft; NULL: the change has no operations */
	bool exact;                /* the keys must be as the draft began with them */
	struct slice delta;
	struct slice never; /* rules_recover.h; empty: there are none */
};

struct store_writer *writer_new(void);
void writer_free(struct store_writer *w);
void writer_attach(struct store_writer *w, struct redis_conn *conn);
/* The connection is gone. What is under way fails. */
void writer_detach(struct store_writer *w, const char *reason);
bool writer_ready(const struct store_writer *w);
/* Must be ready. `done` is called once, later. */
void writer_run(struct store_writer *w, const struct write_order *order, write_done_fn done,
		void *userdata);
/* Writes, reads and deletes a key of its own. `text`: what went wrong, in redx's words. */
void writer_probe(struct store_writer *w, write_done_fn done, void *userdata);
