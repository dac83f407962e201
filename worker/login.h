#pragma once

/*
 * login: the gateway as a client of identity providers (OpenID Connect Core section 3.1): its
 * endpoints below one path, in the place of `route`, and who is sent there instead of being
 * refused.
 *
 * A login begins at `login`, which remembers it under a key at random, bound to the browser, and
 * ends at `callback`, which forgets it whatever comes of it. What is at the provider stands in its
 * session there; what is here, in ours (session.h).
 */

#include "request.h"

/* r on a path of login's own: below its base, or one of oauth2-proxy's names. */
bool login_is(const struct request *r);
enum result login_step(struct request *r);
/* More of the body came. */
void login_input(struct request *r);
/* r has ended: nothing resumes it. */
void login_leave(struct request *r);

/* login_offer.c */

/* The policies refused r: a person who has to log in is sent there, which is answered then. */
bool login_redirects(struct request *r);
/* Where one logs in, for programs that were refused by r->reason; false: that would not help. */
bool login_offer(const struct request *r, struct buf *out);
/* Does a person look at what comes of it? */
bool login_is_visit(const struct request *r);
