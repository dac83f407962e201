#pragma once

/*
 * policies: the question that others share with the step.
 */

#include "request.h"

/* Is a token needed: by the route, or by the gate? */
bool policies_protect(const struct request *r);
