#pragma once

/*
 * condition: does what a route asks of a request hold? Of its header fields as they came, the
 * parameters of its query, its canonical path, the certificate of its client.
 */

#include "request.h"

/* For table_key.test; key->userdata is the request. What meets a limit holds neither way: then
 * r->unjudged is set, with r->field, nothing holds any more, and what was found means nothing. */
bool condition_test(const struct table_key *key, uint32_t condition);
