#pragma once

/*
 * own: is an address one of our own listeners? A gateway that is its own upstream goes round in
 * circles, and a rule that names the admin listener would hand it to everybody. Literal addresses
 * and "localhost" are judged as they are written; a name, each time anew, by what it resolves to.
 */

#include "config.h"

struct own;

/* Reads the addresses of this host once. `c` must outlive it. */
struct own *own_new(const struct config *c);
/* Reads them again, and holds for this configuration. */
void own_renew(struct own *o, const struct config *c);
void own_free(struct own *o);
bool own_is(const struct own *o, const struct config_address *a);
/* The same of what a name resolved to: a family and its address as struct resolved has them. */
bool own_reaches(const struct own *o, uint16_t family, const uint8_t ip[16], uint16_t port);
