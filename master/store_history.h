#pragma once

/*
 * store_history: reads the revisions that stand in Redis, in the stream yett:revisions, over a
 * connection that somebody else makes: one entry after the other, from the newest to the first that
 * is known, since each of them may be large. Writes nothing.
 */

#include "history.h"

struct redis_conn;
struct store_history;

#define HISTORY_KEY "yett:revisions"

/* `history` is the caller's; `changed` is called when the stream was read to the end, whatever was
 * found. */
struct store_history *store_history_new(struct history *history, void (*changed)(void *userdata),
					void *userdata);
void store_history_free(struct store_history *s); /* NULL is allowed */
/* A connection that is ready for commands: reads. */
void store_history_attach(struct store_history *s, struct redis_conn *conn);
void store_history_detach(struct store_history *s);
/* The stream may have changed: reads, once more if it is being read. */
void store_history_announce(struct store_history *s);
/* `tag` of a command whose answer was too large to read: if it was one of ours, the stream is not
 * read before it changes. */
void store_history_oversized(struct store_history *s, struct slice tag);
/* Read to the end since the last attach, and not being read? */
bool store_history_settled(const struct store_history *s);
/* Why it cannot be read; "" when it can. */
const char *store_history_fault(const struct store_history *s);
