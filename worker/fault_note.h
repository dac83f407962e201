#pragma once

/*
 * fault_note: keeps the heads of requests that are refused for their form, for `yett errors`
 * (shm/faults.h).
 */

#include "request.h"

/* It ends with r->reason: where a route or a policy says so, before an upstream was asked. A ring
 * of its own: there may be many of these, of which FAULTS are noted a second. */
void fault_note_refusal(const struct request *r);
/* r->in holds what came of the head; r->field is the field to blame, if one is. */
void fault_note(const struct request *r, enum reason reason);
