#pragma once

/* Between the parts of roster.h. */

#include "roster.h"

#include "lib/buf.h"
#include "lib/redis.h"

#define ROSTER_HEARD "yett:gateways:heard"
#define ROSTER_KEY "yett:gateway:"
/* Bytes of an announcement: all of ROSTER_MAX are less than an answer may be. */
#define ROSTER_TEXT_MAX 1500

/* ---- roster.c ---- */

/* What we are. */
void roster_self(const struct master *m, struct roster_gateway *out);
/* We were in Redis, and are there no more: it has lost all, or all has expired there. */
void roster_forgotten(struct roster *r);
/* Once, until it is something else. NULL: all is well. */
void roster_complain(struct roster *r, enum roster_doing doing, const struct redis_reply *reply);

/* ---- roster_text.c ---- */

/* Cut, and without what a terminal would obey. */
void roster_copy(struct slice from, char *to, size_t cap);
/* What is announced; ROSTER_GONE: it is no announcement. */
void roster_read_one(struct roster_gateway *g, struct slice text);
/* As JSON; what is announced has no id, and no age since it was heard of. */
void roster_write_one(const struct roster_gateway *g, bool announced, struct buf *out);

/* ---- roster_read.c ---- */

/* Asks Redis, unless a question is under way. `beyond`: who has that revision is not asked for
 * again; "": all are. */
void roster_read(struct master *m, const char *beyond);

/* ---- roster_wait.c ---- */

/* Something was read, or is in force, or time has passed. */
void roster_settle(struct master *m);
