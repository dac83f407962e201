#pragma once

/*
 * own: is an address one of our own listeners? A gateway that is its own upstream goes round in
 * circles, and a rule that names the admin listener would hand it to everybody. Literal addresses
 * and "localhost" only: what a name resolves to can change at any time, and loops by way of names
 * end at the worker (508 by Via).
 */

#include "config.h"

struct own;

/* Reads the addresses of this host once. `c` must outlive it. */
struct own *own_new(const struct config *c);
void own_free(struct own *o);
bool own_is(const struct own *o, const struct config_address *a);
