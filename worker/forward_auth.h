#pragma once

/*
 * forward_auth: other proxies ask about a request before they serve it (nginx: auth_request,
 * Traefik: forwardAuth). What it is they say in X-Forwarded-Method, -Uri and -Host, or in
 * X-Original-Method and -URI; that is taken from trusted proxies alone. Then all that the route
 * and the policies ask is asked of it, and who passes is told in the answer. Where nothing is said,
 * it is only whether the token is good.
 */

#include "request.h"

/* Is this request such a question? */
bool forward_auth_is(const struct request *r);
/* What is asked about takes the place of what was sent: path, query, host and route_method. Sets
 * r->asks. REASON_none, or why it cannot be judged. */
enum reason forward_auth_take(struct request *r);
/* Nothing stood against it: 202, and the headers of the identity. */
enum result forward_auth_answer(struct request *r);
