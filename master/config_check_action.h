#pragma once

/*
 * config_check_action: does what a route does beside passing requests on fit together? Asked of a
 * route of the file as of one of a store.
 */

#include "config.h"
#include "mistakes.h"

struct action_check {
	struct mistakes *mistakes;
	struct arena *arena;
	const char *key; /* "routes[3]" */
	int line;
	/* What the route says of others, looked up. */
	const struct config_claim *claims; /* of the gate: their headers are its own */
	size_t claims_count;
	bool has_keys;                  /* tokens can be verified */
	const struct config_gate *gate; /* whose issuers it may name; NULL: that is seen later */
	const char *gated; /* the gate protects its path: by this entry; NULL: it does not */
};

/* Also completes it: replace_prefix becomes strip and add_prefix. */
void config_check_action(const struct action_check *a, struct config_route *route);
void config_check_cors(const struct action_check *a, const struct config_cors *c);
