#pragma once

/*
 * origin: who may call (the CORS protocol, Fetch Standard section 3.3). A pattern is an origin as a
 * browser writes it, one with "*." in front of its host for all names below a domain, "null", or
 * "*".
 */

#include "lib/slice.h"

/* What is wrong with a pattern; NULL: nothing. */
const char *origin_fault(struct slice pattern);
/* Is this origin, as the client sent it, one of the pattern? */
bool origin_matches(struct slice pattern, struct slice origin);
