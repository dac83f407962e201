#pragma once

/*
 * store_sync: keeps rules equal to what Redis holds, over a connection that somebody else makes. A
 * full comparison (SCAN, then every key) is the truth; announced keys are fetched at once. Decides
 * what a missing key means: a rule goes when its key is gone, but a loss of more than half of what
 * is known is withheld, since it is more likely somebody's accident than somebody's wish.
 *
 * The rules change in whole steps only: what is read goes into a draft, which is brought in when
 * the comparison has ended, or all keys that were announced together have been fetched. Frontends
 * are read before the backends that they name: half of it would answer nobody.
 */

#include "rules.h"

#include <uv.h>

struct redis_conn;
struct store_sync;

struct store_sync_ops {
	/* What the rules become; what is refused in there may be given a last good value. */
	void (*drafted)(void *userdata, struct rules *draft);
	void (*changed)(void *userdata);  /* rules are not what they were: publish */
	void (*compared)(void *userdata); /* a full comparison has ended */
	void (*withheld)(void *userdata); /* sync_withheld changed */
	/* The server refuses, or answers nonsense. The connection is of no more use: detach and
	 * close it. */
	void (*failed)(void *userdata, const char *reason);
};

struct store_sync *sync_new(uv_loop_t *loop, struct rules *rules, const struct store_sync_ops *ops,
			    void *userdata);
void sync_free(
    struct store_sync *s); /* closes its handle; the memory goes when the loop has run once more */
/* A connection that is ready for commands. */
void sync_attach(struct store_sync *s, struct redis_conn *conn);
/* What was asked for and not answered is forgotten; the next comparison makes up for it. */
void sync_detach(struct store_sync *s);
/* Compares in full; once more if a comparison is under way. `force`: deletions that were withheld
 * are applied. Nothing happens without a connection. */
void sync_compare(struct store_sync *s, bool force);
/* Any key may have changed: as sync_compare, and a comparison that is under way counts for nothing,
 * since half of it was read before. */
void sync_flushed(struct store_sync *s);
bool sync_comparing(const struct store_sync *s);
/* Nothing is being read, and nothing waits for it: the rules are what was announced. */
bool sync_settled(const struct store_sync *s);
/* The key may have changed. Asked for at sync_turn. */
void sync_announce(struct store_sync *s, struct slice key);
/* The connection has reported all that had arrived. */
void sync_turn(struct store_sync *s);
/* A write of ours touches the key (or does no longer): if it is gone, that is meant. */
void sync_own(struct store_sync *s, struct slice key, bool own);
/* A revision says that the key was deleted: if it is gone, that is meant. Asked for at sync_turn.
 */
void sync_meant(struct store_sync *s, struct slice key);
/* As sync_announce, and what is asked for already does not count: it was written just now. */
void sync_wrote(struct store_sync *s, struct slice key);
/* Once what has been announced by now is in the rules, `reached` is called. Follows sync_wrote. One
 * at a time; the end of the connection forgets it. */
void sync_barrier(struct store_sync *s, void (*reached)(void *userdata), void *userdata);
/* `tag` of a command whose answer was too large to read: the next comparison refuses its key, and
 * does not ask for it again until it changes. */
void sync_oversized(struct store_sync *s, struct slice tag);
/* Is the deletion of this key one of those that are not applied? */
bool sync_withholds(const struct store_sync *s, struct slice key);
/* Deletions that are not applied. */
size_t sync_withheld(const struct store_sync *s);
