#pragma once

/*
 * policies: the questions that others share with the step.
 */

#include "request.h"

/* Is a token needed, and who says so? */
struct table_protection policies_protection(const struct request *r);
/* A preflight carries no token, and asks about a request that will: it is let through. */
bool policies_is_preflight(const struct request *r);
