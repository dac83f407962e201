#pragma once

/*
 * retry: the try at an upstream failed. Again, and where, or is that the answer? Decided before a
 * byte of a final answer went to the client; afterwards nobody asks.
 */

#include "request.h"

/* In the step `response`: back to `pick`, or a reply with the reason of the failure. */
enum result retry_or_fail(struct request *r);
/* The connection failed when the request was on its way, or before. Can it be sent once more,
 * whole, and with no harm (RFC 9110 section 9.2.2: it does none twice, or was not taken)? */
bool retry_is_harmless(const struct request *r);
/* A final answer came with this status. Is it tried elsewhere, because the route says so of this
 * status, the request does no harm twice, and there is an endpoint that was not tried? Then the
 * request goes back to `pick`, and the answer is thrown away. */
bool retry_answer(struct request *r, int status);
