#pragma once

/*
 * fields: what a request says of itself under a name: in a header, in a cookie, in a claim of its
 * token.
 */

#include "request.h"

/* All of these: the first of them; p == NULL when there is none. */

/* By the name as it is configured, case makes no difference. */
struct slice fields_header(const struct request *r, struct slice name);
struct slice fields_cookie(const struct request *r, struct slice name);
/* Of those in gate.claims, once the gate has seen the token. */
struct slice fields_claim(const struct request *r, struct slice claim);
