#pragma once

/*
 * compile_conditions: what a route asks of a request, as a run of RULES_CONDITIONS. Part of
 * compile_rules.
 */

#include "config.h"
#include "shm/table.h"

/* How many there are. */
uint32_t compile_conditions_count(const struct config_route *r);
/* Bits of enum table_method, 0 = all. */
uint32_t compile_conditions_methods(const struct config_route *r);
/* Appends them for who reads them: "GET, POST; X-Tenant = acme; ?debug; path ~ /[0-9]+". */
void compile_conditions_text(const struct config_route *r, struct buf *out);
/* Adds them; returns where the run begins. */
uint32_t compile_conditions(struct table_builder *b, const struct config_route *r);
/* Appends them as text, the same for routes that ask for the same in whatever order; nothing for a
 * route that asks for nothing. Also of one with mistakes. */
void compile_conditions_key(const struct config_route *r, struct buf *out);
