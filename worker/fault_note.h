#pragma once

/*
 * fault_note: keeps the heads of requests that are refused for their form, for `yett errors`
 * (shm/faults.h).
 */

#include "request.h"

/* r->in holds what came of the head; r->field is the field to blame, if one is. */
void fault_note(const struct request *r, enum reason reason);
