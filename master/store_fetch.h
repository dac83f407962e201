#pragma once

/*
 * store_fetch: asks Redis for keys, those that were announced before those of a comparison, a
 * window of them at a time, and strings many at once. Keeps nothing of the answers.
 */

#include "lib/list.h"
#include "store_keys.h"

struct redis_conn;
struct redis_reply;

enum fetch { FETCH_URGENT, FETCH_ORDINARY, FETCH_N };

typedef void (*fetch_fn)(void *userdata, enum fetch kind, struct slice key,
			 const struct redis_reply *r);

struct store_fetch {
	struct redis_conn *conn; /* NULL: none */
	struct store_keys *keys; /* mark.queued ends when a key is asked for */
	struct list queues[FETCH_N];
	struct list later;    /* urgent ones of the next batch */
	size_t left[FETCH_N]; /* not answered, whether asked for or not */
	size_t under_way;     /* asked for and not answered */
	fetch_fn answered;
	void *userdata;
};

void fetch_init(struct store_fetch *f, struct store_keys *keys, fetch_fn answered, void *userdata);
/* Forgets what it has to ask for, and the answers that will not come. */
void fetch_reset(struct store_fetch *f);
/* To be asked for at fetch_pump. */
void fetch_want(struct store_fetch *f, enum fetch kind, struct slice key);
/* To be asked for as urgent after fetch_take_later. */
void fetch_want_later(struct store_fetch *f, struct slice key);
/* Were there any? */
bool fetch_take_later(struct store_fetch *f);
void fetch_pump(struct store_fetch *f);
/* Has a comparison named as many keys as should wait? */
bool fetch_is_full(const struct store_fetch *f);
/* Nothing is asked for, and nothing urgent waits for it. */
bool fetch_rests(const struct store_fetch *f);
/* The answer to the command with this tag was too large: its key is marked as oversized, or if
 * there were several, each is asked for alone from now on. */
void fetch_oversized(struct store_fetch *f, struct slice tag);
