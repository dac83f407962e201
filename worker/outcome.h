#pragma once

/*
 * outcome: what an endpoint made of its requests. A worker counts failures in a row, and tells the
 * master when there were too many over all workers.
 */

struct request;

/* The try at r's endpoint failed before the head of an answer was whole; r->failure says how. */
void outcome_failure(struct request *r);
/* A head came, with this status. */
void outcome_answer(struct request *r, int status);
