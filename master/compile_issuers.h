#pragma once

/*
 * compile_issuers: whose tokens are verified, for the segments of rules and of keys.
 */

#include "config.h"

#include "shm/table.h"

struct issuers;

void compile_issuers(struct table_builder *b, const struct config_gate *g);
/* Bits of those that a route accepts; NULL: no route in particular, all. */
uint64_t compile_issuers_of(const struct config *c, const struct config_route *r);
/* The first that it names and that there is not; NULL: there are all. */
const char *compile_issuers_unknown(const struct config *c, const struct config_route *r);
/* Does any route of the file name some? */
bool compile_issuers_named(const struct config *c);
/* Their keys; of those that are fetched, what `known` (NULL: nothing) has. */
void compile_issuers_keys(struct seg_builder *b, const struct config_gate *g,
			  const struct issuers *known);
/* More bytes than these take in the segment's strings. */
size_t compile_issuers_size(const struct config_gate *g, const struct issuers *known);
