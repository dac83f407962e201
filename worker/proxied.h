#pragma once

/*
 * proxied: the PROXY protocol on both sides: the header that a client's connection begins with,
 * where its listener says so, and the one that a connection to an upstream begins with.
 */

#include "request.h"

struct upstream;

/* May this peer say whose connection it is? If not it is closed, without a byte. */
bool proxied_admits(struct client *c);
/* Bytes of a client whose header has not come yet: takes it off the front of *bytes. False: it is
 * not whole, or the client is gone. */
bool proxied_take(struct client *c, struct slice *bytes);
/* The header (enum proxy_version) for a new connection, into `out` (PROXY_WRITE_MAX bytes). */
struct slice proxied_header(struct request *r, uint32_t version, char *out);
