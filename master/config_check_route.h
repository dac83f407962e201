#pragma once

/*
 * config_check_route: what has to fit together in one route, whatever else there is. Asked of a
 * route of the file as of one of a store.
 */

#include "config_read.h"

struct route_check {
	struct mistakes *mistakes;
	const struct node *node; /* what is written of the route; NULL: nothing */
	const char *key;         /* "routes[3]" */
	int line;
};

/* Does it lead somewhere, and to one place? */
bool config_check_leads(const struct route_check *k);
/* Sections that are nothing without one of their settings. */
void config_check_sections(const struct route_check *k);
/* A prefix with a slash at the end says no more than one without; of an exact path the slash
 * counts. */
void config_check_trim(struct arena *arena, struct config_route *route);
