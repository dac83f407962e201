#pragma once

/*
 * collect: all of a request's body, for a step that needs it before it can go on.
 */

#include "request.h"

/* Does r->held have all of it? Else the step has to wait: it is called again when the body has
 * come. How much may come is r->policy.body_bytes. */
bool collect_body(struct request *r);
/* More of it came, and is held. */
void collect_input(struct request *r);
