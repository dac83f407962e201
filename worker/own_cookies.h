#pragma once

/*
 * own_cookies: the cookies by which the gateway itself knows a browser. They are as good as a
 * password, so no upstream gets to see one (unless its route says so), and none may set one. Those
 * of load balancing are not among them: they say nothing of anybody.
 */

#include "put.h"
#include "request.h"

/* Puts what goes upstream of this Cookie field of the request; there may be nothing. */
char *own_cookies_put(char *o, struct put_run *run, struct request *r, const struct http_field *f);
/* Would a client that takes this Set-Cookie field from an upstream send one of ours? */
bool own_cookies_are_set(const struct request *r, struct slice field);
