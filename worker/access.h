#pragma once

/*
 * access: who asks at an admin listener, and in which role: by the user at the other end of a Unix
 * socket, by a token over TCP. What may be done in a role is the master's to say.
 */

#include "request.h"

/* Sets r->access and r->identity. REASON_none, or why nobody is served here. */
enum reason access_judge(struct request *r);
/* The same for a page that tells nothing of the gateway: a browser that asks for it has no token
 * yet, and may have followed a link. */
enum reason access_judge_page(const struct request *r);
/* Did a page in a browser that is none of ours make it ask, or ask by a name that is none of ours?
 */
bool access_is_cross_site(const struct request *r);
