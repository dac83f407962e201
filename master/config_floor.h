#pragma once

/*
 * config_floor: what the file protects, and nobody else can open: a route of its own is refused
 * where it says so, and one of a store is told that it has no effect.
 */

#include <stdbool.h>

struct config;
struct config_policy;
struct config_route;

/* Does it say that no token is needed? */
bool config_opens(const struct config_route *route);

/* The path by which gate and policies of the file protect all of the route, for some method; NULL:
 * they do not. */
const char *config_floor_gate(const struct config *c, const struct config_route *route);
/* The same for a route of a store: by the routes of the file, too, and not where the file leaves it
 * to the store. */
const char *config_floor_route(const struct config *c, const struct config_route *route);
/* The path by which the file keeps closed what the first exception of no effect of a policy of a
 * store would open, for some method; NULL: there is none. */
const char *config_floor_policy(const struct config *c, const struct config_policy *policy);
