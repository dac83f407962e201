#pragma once

/*
 * config_check_conditions: does what a route asks of a request fit together? Asked of a route of
 * the file as of one of a store.
 */

#include "config.h"
#include "mistakes.h"

/* `key`: of the route, "routes[3]"; `line`: of it. */
void config_check_conditions(struct mistakes *m, const char *key, int line,
			     const struct config_route *route);
