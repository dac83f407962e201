#include "retry.h"

#include "fallback.h"
#include "load.h"
#include "outcome.h"
#include "relay.h"
#include "trace.h"
#include "upstream.h"
#include "worker.h"

#define RETRIES_ALWAYS 3u /* in flight, however few requests there are */

bool
retry_is_harmless(const struct request *r)
{
	bool began = r->first_us != 0; /* an answer, to come */

	return !r->body_lost && !began && (r->idempotent || r->untaken);
}

static bool
is_harmless(const struct request *r)
{
	switch (r->failure) {
	case REASON_upstream_connect_refused:
	case REASON_upstream_connect_failed:
	case REASON_upstream_connect_timeout:
	case REASON_upstream_certificate_refused:
		return r->policy.retry_on & RETRY_CONNECT;
	case REASON_upstream_tls_failed:
		return (r->policy.retry_on & RETRY_CONNECT) && retry_is_harmless(r);
	case REASON_upstream_closed:
		if (!(r->policy.retry_on & RETRY_RESET) && !r->reused)
			return false;
		return retry_is_harmless(r);
	default:
		return false;
	}
}

/* When an upstream breaks down, its clients' requests must not become several times as many. Two
 * workers that decide at the same moment may both take the last one. */
static bool
is_in_budget(const struct request *r, uint32_t percent)
{
	const struct segment *seg = r->table->segments[SEGMENT_ENDPOINTS];
	const struct table_upstream *up = table_upstream(seg, r->upstream_index);
	uint64_t in_flight = 1, retrying = 0, most;

	for (uint32_t i = 0; up && i < up->count; i++) {
		const struct table_endpoint *e = table_endpoint(seg, up->first + i);
		uint32_t slot = e && e->slot < BOARD_ENDPOINTS ? e->slot : 0;

		in_flight += load_now(r->worker, slot);
		retrying += load_retrying(r->worker, slot);
	}
	most = in_flight * percent / 100;
	return retrying < (most < RETRIES_ALWAYS ? RETRIES_ALWAYS : most);
}

/* By the limits. */
static bool
is_allowed(struct request *r)
{
	const struct table_global *g = table_global(r->table->segments[SEGMENT_RULES]);

	if (r->tries >= r->policy.retries || r->tries >= REQUEST_TRIES)
		return false;
	if (is_in_budget(r, g->retry_budget))
		return true;
	board_add(&r->worker->page->counts.counter[COUNTER_retries_refused], 1);
	return false;
}

static enum result
pick_again(struct request *r)
{
	r->fresh = true;
	r->step = STEP_PICK - 1;
	return STEP_NEXT;
}

static enum result
fall_or_fail(struct request *r)
{
	if (fallback_is_harmless(r) && fallback_take(r))
		return pick_again(r);
	r->reason = r->failure;
	return STEP_REPLY;
}

static enum result
try_again(struct request *r)
{
	r->untaken = r->interim = false;
	board_add(&r->worker->page->counts.counter[COUNTER_retries], 1);
	return pick_again(r);
}

enum result
retry_or_fail(struct request *r)
{
	struct board_counts *counts = &r->worker->page->counts;

	if (r->trace)
		trace_try_end(r, 0, r->failure);
	/* A pooled connection that died says nothing of its endpoint, and counts nowhere; that
	 * happens once, as all that follow are new. */
	if (r->reused && is_harmless(r)) {
		r->reused = false;
	} else {
		if (r->failure != REASON_overloaded) /* which is no fault of the endpoint's */
			board_add(&counts->endpoint[r->endpoint_slot].failures, 1);
		outcome_failure(r);
		if (!is_harmless(r) || !is_allowed(r))
			return fall_or_fail(r);
		r->tried[r->tries++] = r->endpoint;
	}
	return try_again(r);
}

static uint32_t
bit_of(int status)
{
	switch (status) {
	case 502:
		return RETRY_502;
	case 503:
		return RETRY_503;
	case 504:
		return RETRY_504;
	default:
		return 0;
	}
}

bool
retry_answer(struct request *r, int status)
{
	const struct table_upstream *up =
	    table_upstream(r->table->segments[SEGMENT_ENDPOINTS], r->upstream_index);

	if (!(r->policy.retry_on & bit_of(status)) || !relay_is_repeatable(r) || !up ||
	    r->tries + 1u >= up->count || !is_allowed(r))
		return false;
	if (r->trace)
		trace_try_end(r, status, REASON_none);
	upstream_release(r->upstream, false); /* counted as the try that it was */
	r->tried[r->tries++] = r->endpoint;
	r->reused = false;
	r->first_us = 0;
	try_again(r);
	return true;
}
