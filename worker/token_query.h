#pragma once

/*
 * token_query: a token in the query of a request: taken out of it, so that no upstream gets it.
 */

#include "lib/arena.h"
#include "lib/slice.h"

struct token_query {
	struct slice token; /* p == NULL: there is none */
	bool repeated;
	struct slice rest; /* the query without it, with its '?'; empty when nothing is left */
};

/* `query`: with its '?', or empty; `name`: of the parameter, as it is when triplets are decoded.
 * False: it is not there, and *out is not set. Texts are in the arena. */
bool token_query_take(struct arena *arena, struct slice query, struct slice name,
		      struct token_query *out);
