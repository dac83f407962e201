#pragma once

/*
 * ending: of a request that did not end as it should: whose doing it was, and how far it had come.
 */

#include "request.h"

/* It is refused or breaks off now: notes how far it has come, for ending_phase. */
void ending_note(struct request *r);
/* "client", "upstream" or "gateway"; NULL: all went well. */
const char *ending_by(const struct request *r);
/* "head", "decision", "queue", "connect", "request_body", "first_byte", "response_head",
 * "response_body" or "tunnel"; NULL as above. */
const char *ending_phase(const struct request *r);
