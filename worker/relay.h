#pragma once

/*
 * relay: bodies, in both directions, with back-pressure: a stream that is full stops
 * the other side's reading and nothing is buffered beyond its watermark.
 */

#include "request.h"

/* May the request be sent a second time, whatever became of the first? As far as its head tells. */
bool relay_is_repeatable(const struct request *r);
/* Body bytes of the request that r->in just parsed: written to the upstream, or held until there is
 * one. */
void relay_request_body(struct request *r);
/* The buffer that r->in.spans point into goes away: those that are still needed are kept, and
 * reading stops. */
void relay_hold(struct request *r);
/* Body bytes of the answer that u->parser just parsed. */
void relay_response_body(struct request *r);
/* `body`: of the answer, before what has been parsed. */
void relay_answer_head(struct request *r, struct slice body);
/* Writes the head in w->head of an answer that is not the final one. */
void relay_interim(struct request *r);
/* Does the exchange wait for more of the client's body? */
bool relay_client_owes(const struct request *r);
/* One side can take more again, or (error < 0) nothing any more. */
void relay_client_drained(struct request *r, int error);
void relay_upstream_drained(struct request *r, int error);
