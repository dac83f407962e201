#pragma once

/*
 * store: the worker's link to the Redis of sessions. There is one where the table has a login, and
 * none else. Its address is an upstream of the table like any other; who is let in stands in the
 * secret segment. What was read and changes afterwards is announced (CLIENT TRACKING), which
 * session.c hears of.
 */

#include "lib/redis.h"
#include "lib/slice.h"

#include <stdbool.h>
#include <stddef.h>

struct snapshot;
struct store_call; /* a command under way */
struct worker;

/* r NULL: the link was lost; the command was done, or was not. */
typedef void (*store_fn)(void *userdata, const struct redis_reply *r);

/* It can be asked: the link stands, or is being made right now. */
bool store_is_up(const struct worker *w);
/* What was read is announced when it changes. */
bool store_tracks(const struct worker *w);
/* One command; several keep their order, so that MULTI ... EXEC is as many calls. They go out at
 * the end of the loop turn, or as soon as the link stands. NULL: the store is not up, or too much
 * waits for it already; then fn is not called. It is never called from within. */
struct store_call *store_ask(struct worker *w, store_fn fn, void *userdata, size_t argc,
			     const struct slice *argv);
/* May `n` commands be asked now? What belongs together is asked all or not at all. */
bool store_has_room(const struct worker *w, size_t n);
/* fn will not run; the command is done all the same. */
void store_forget(struct store_call *c);

/* A new table: connects, where its server or who asks it is another one; NULL: lets go of all. */
void session_store_load(struct worker *w, struct snapshot *s);
void session_store_turn(struct worker *w); /* the end of the loop turn */
void session_store_tick(struct worker *w); /* once a second */
void session_store_free(struct worker *w);
