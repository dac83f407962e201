/*
 * The last step: what a request was is counted, noted for replays and logged.
 */

#include "access_log.h"
#include "client.h"
#include "request.h"
#include "statistics.h"
#include "trace.h"
#include "worker.h"

#include "lib/failpoint.h"

static void
count_upstream(const struct request *r, struct board_counts *counts, unsigned class)
{
	struct board_endpoint *e = &counts->endpoint[r->endpoint_slot];
	struct board_upstream *up = &counts->upstream[r->upstream_slot];

	board_add(&up->by_class[class], 1);
	board_add(&e->requests, 1);
	board_add(&e->errors, class == 5 && r->reason == REASON_none);
	board_add(&e->bytes_in, r->bytes_in);
	board_add(&e->bytes_out, r->bytes_out);
	if (!r->first_us)
		return;
	board_add(&e->duration_us, r->first_us - r->send_us);
	board_add_duration(&up->first_byte, r->first_us - r->send_us);
}

static unsigned
method_of(const struct request *r)
{
	_Static_assert(METHOD_OTHER < BOARD_METHODS, "by_code has a row for every method");

	return r->in.head_done ? r->method : METHOD_OTHER;
}

static void
count(struct request *r)
{
	struct board_counts *counts = &r->worker->page->counts;
	struct board_route *route = &counts->route[r->route_slot];
	uint64_t us = worker_us(r->worker) - r->begin_us;
	unsigned class = r->status >= 100 && r->status < 600 ? (unsigned)r->status / 100 : 0;

	board_add(&counts->counter[COUNTER_requests], 1);
	board_add(&counts->counter[COUNTER_sent_bytes], r->bytes_out);
	board_add(&counts->by_code[method_of(r)][board_code(r->status)], 1);
	if (r->reason != REASON_none)
		board_add(&counts->by_reason[r->reason], 1);
	FAILPOINT("board-half-counted");
	if (!r->tunnel) {
		board_add_request(&counts->duration, route, us);
		board_add_size(&counts->request_size, r->bytes_in);
		board_add_size(&counts->response_size, r->bytes_out);
	}
	board_add(&route->by_class[class], 1);
	board_add(&route->bytes_in, r->bytes_in);
	board_add(&route->bytes_out, r->bytes_out);
	board_add(&route->shadow_refusals, r->shadow != REASON_none);
	if (r->pool && r->send_us)
		count_upstream(r, counts, class);
	if (r->identity.n && r->worker->hello.identities)
		statistics_count(r, r->identity, us);
}

/* For a replay. A request that was refused before there was a canonical path has no key. */
static void
note(struct request *r)
{
	const struct asked_key key = {
		.second = (uint32_t)r->worker->wall,
		.method = (uint8_t)r->method,
		.host = r->host_field,
		.path = r->match_path,
	};

	if (r->worker->hello.replay_keys && key.path.p)
		asked_note(&r->worker->page->asked, &key);
}

enum result
log_step(struct request *r)
{
	if (r->client->kind == LISTENER_HTTP) {
		count(r);
		note(r);
		if (!r->trace)
			trace_begin_late(r);
		if (r->trace)
			trace_end(r);
		access_log_request(r);
	}
	return STEP_DONE;
}
