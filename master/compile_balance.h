#pragma once

/*
 * compile_balance: how an upstream chooses its endpoints, as the table has it: weights, the key of
 * its hash, redx's plugins, the sticky cookie.
 */

#include "directory.h"
#include "shm/table.h"

/* Sets what belongs to it in `row`, whose endpoints are counted. Plugins and cookie are added to
 * the segment. */
void compile_balance(struct seg_builder *b, const struct directory_upstream *u,
		     struct table_upstream *row);
/* What all weights are multiples of. */
uint32_t compile_weight_unit(const struct directory_upstream *u);
/* The same of an endpoint. `sticky_key` signs its name. */
void compile_balance_endpoint(struct seg_builder *b, const struct directory_upstream *u,
			      const struct directory_endpoint *e, struct slice sticky_key,
			      struct table_endpoint *row);
