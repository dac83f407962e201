#pragma once

/*
 * policies: who may pass. What a policy is, and the questions that others share with the step.
 */

#include "request.h"

/* What a policy says of a request: it passes, it is refused (r->reason says why), or it waits
 * (await.h). */
enum verdict { PASS, REPLY, WAIT };

/* policy_identity.c: sets r->who, or r->ignored where a bad token is as good as none. */
enum verdict policy_identity(struct request *r);
/* What r->challenge says with this reason. */
const char *policy_challenge(enum reason reason);
/* Is a token needed, and who says so? */
struct table_protection policies_protection(const struct request *r);
/* A preflight carries no token, and asks about a request that will: it is let through. */
bool policies_is_preflight(const struct request *r);
