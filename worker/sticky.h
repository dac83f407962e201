#pragma once

/*
 * sticky: a cookie keeps a client at one endpoint. What the cookie says for each endpoint stands in
 * the table, signed by the master where it is not redx's, so a worker only compares: what is
 * unknown or forged names none.
 */

#include "balance.h"

/* The endpoint that the client's cookie names, if it serves. */
struct choice sticky_choose(struct request *r, const struct table_upstream *up);
/* Does the client's cookie name this endpoint of the upstream? Only host and port count. */
bool sticky_is_named(struct request *r, const struct table_upstream *up,
		     const struct table_endpoint *e);
/* The request goes to r->endpoint: will its answer set the cookie anew? */
void sticky_settle(struct request *r, const struct table_upstream *up);
/* Set-Cookie, with r->sticky_new: most bytes that it takes, and the line. */
size_t sticky_room(const struct request *r);
char *sticky_put(char *o, struct request *r);
