#pragma once

/*
 * replay_asks: what a request has to be, beside coming with a token, to pass: conditions of its
 * route and of the gate (shm/table_authorise.h), compared between two tables. Part of replay.
 */

#include "shm/table.h"

#include "lib/buf.h"

/* The same number where the same is asked; 0: nothing. */
uint64_t replay_asks(const struct segment *rules, const struct table_key *key,
		     const struct table_route *route);
/* All conditions, one behind the other; how they hang together is left out. */
void replay_asks_text(const struct segment *rules, const struct table_key *key,
		      const struct table_route *route, struct buf *out);
