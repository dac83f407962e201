#pragma once

/*
 * balance: which endpoint of an upstream gets the request? One function a strategy; what none of
 * them finds is taken in turn, and when there are no others, one that was ejected is still tried,
 * or the one that died last, unless the configuration says to fail.
 */

#include "look.h"

struct choice {
	uint32_t endpoint;
	bool found, resolved;
	bool full; /* there are some, but none has room */
	bool last; /* found, though it is dead or ejected */
};

/* `up` has endpoints. */
struct choice balance_choose(struct request *r, const struct table_upstream *up);

/* Strategies with a file of their own. Not found: none of them can be had by this strategy, and
 * they take turns. `turn`: the endpoint of the upstream whose turn it is. */

/* Rendezvous: always the same endpoint for the same key of the request, as long as it serves. */
struct choice balance_hash(struct request *r, const struct table_upstream *up);
/* redx: each plugin leaves fewer of those that serve. */
struct choice balance_chain(struct request *r, const struct table_upstream *up, uint32_t turn);
