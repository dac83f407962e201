#pragma once

/*
 * pool: idle connections to one endpoint, most recently used first. Idle ones are read from, so
 * that one which the upstream closes leaves at once.
 */

#include "behind.h"
#include "idle.h"

#include "lib/list.h"
#include "lib/slice.h"

#include <stdbool.h>
#include <stdint.h>

struct worker;
struct upstream;
struct snapshot;

struct pool_address { /* of the endpoint's set of this generation */
	uint64_t generation;
	uint32_t index;
};

struct pool {
	struct worker *worker;
	struct list link;
	struct list idle; /* struct upstream, most recent first */
	uint32_t idle_count;
	uint32_t refs; /* snapshots and connections */
	struct idle_lesson lesson;
	struct pool_address last; /* that a connection was made to */
	char *authority;
	bool tls;
	struct behind *behind; /* of TLS; NULL: the table lacks what it needs */
	char *peer;            /* of TLS: whom the certificate has to be of */
	struct behind_sessions sessions;
};

/* The pool of endpoint i of this snapshot. The snapshot holds the reference. */
struct pool *pool_get(struct snapshot *s, uint32_t endpoint);
struct pool *pool_ref(struct pool *p);
void pool_unref(struct pool *p);
/* The most recent idle connection to an address of this generation, taken out of the pool, or NULL.
 * Older ones are closed. `fresh`: only one that is known to be open, which costs a system call. */
struct upstream *pool_take(struct pool *p, uint64_t generation, bool fresh);
/* An upstream connection that is between two requests; it may be closed here when there are enough.
 */
void pool_put(struct upstream *u);
/* The endpoint closed one that was idle, or had been until just now. */
void pool_learn(struct upstream *u);
/* Closes every idle connection of the worker. */
void pool_close_all(struct worker *w);
