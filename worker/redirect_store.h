#pragma once

/*
 * redirect_store: where something has gone, as an upstream says that knows: asked by GET, once for
 * all requests of this worker that want to know the same at a time; its answers are kept, in a
 * bounded number and for a bounded time. A target is whatever the operator's upstream says it is,
 * but a clean http(s) URL, and at one of the hosts of the table where it names any.
 */

#include "request.h"

/* Of what `source` (a URL) says. STEP_NEXT: *target, until the next call; STEP_WAIT; STEP_REPLY:
 * there is none, or it could not be asked (REASON_redirect_unknown). */
enum result redirect_store_find(struct request *r, struct slice source, struct slice *target);
/* The worker ends. */
void redirect_store_free(struct worker *w);
