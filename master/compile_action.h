#pragma once

/*
 * compile_action: what a route does beside passing requests on, as a row of RULES_ACTIONS. Part of
 * compile_rules.
 */

#include "compile_routes.h"

/* `source`: where the route comes from. `upstream` is the route's, NULL where it has none. The
 * index of the row, 0 when there is nothing to do. */
uint32_t compile_action(const struct compile_input *in, struct table_builder *b,
			enum rules_source source, const struct config_route *r,
			const struct directory_upstream *upstream);
/* Adds the origins that may ask, if there are any, to a row. */
void compile_cors(struct table_builder *b, const struct config_cors *c, struct table_action *a);
/* Where a route leads, for who reads it: the name of its upstream, those of its split, "redirect
 * 308", "respond 404", "hub". May use `space`. */
struct slice compile_action_leads(const struct config_route *r, struct buf *space);
