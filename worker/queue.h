#pragma once

/*
 * queue: requests that wait because every endpoint of their upstream that is of use has all the
 * requests that it may have. One queue an upstream and worker, first in, first out. A place that is
 * free again is seen at the end of the loop turn in which one of our own requests gave it back, or
 * at the next look at the pages of the siblings.
 */

#include "request.h"

void queues_init(struct worker *w);
/* When no request is left. */
void queues_deinit(struct worker *w);
/* The end of a loop turn: whose turn is it? */
void queues_run(struct worker *w);
/* Are others waiting in front of r? */
bool queue_is_ahead(const struct request *r);
/* r waits, from now on or on; STEP_REPLY: too many do. */
enum result queue_wait(struct request *r, const struct table_upstream *up);
/* r waits no more. */
void queue_leave(struct request *r);
