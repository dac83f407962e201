#pragma once

/*
 * inject: what the route tells its upstream of who asks, in the place of whatever the client sent
 * under those names: tokens of providers, claims, secrets, assertions. Behind all policies that
 * could refuse, since it may have to wait for a token to be renewed.
 *
 * A credential that is not there is left out, unless its route requires it. What the client sent
 * under such a name goes in any case: no row of the file may be spoken by a client.
 */

#include "policies.h"

/* Fills r->credentials, for the route's upstream and for who asks by forward_auth; mirrors get
 * none. Asked of routes with r->injects alone. */
enum verdict inject_policy(struct request *r);
/* Does the route have a field of this name, Authorization or Cookie, of its own? All other names
 * are taken off everywhere (RULES_STRIP). */
bool inject_replaces(const struct request *r, struct slice name);
/* Do its clients, as its upstream, speak Basic? Git asks for a password only where it hears so. */
bool inject_takes_basic(const struct request *r);
/* What was said is nobody's business any more. */
void inject_wipe(struct request *r);
