#pragma once

/*
 * reserved: paths that nobody may ask for from outside, since only the gateway itself does.
 */

#include "request.h"

/* Does the path end in one of gate.reserved, as anybody could read it? */
bool reserved_is(struct request *r);
