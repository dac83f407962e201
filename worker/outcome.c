#include "outcome.h"

#include "peers.h"
#include "request.h"
#include "worker.h"

#define TELL_MS 100 /* an endpoint is reported no more often than this */

/* The last sign that speaks for the endpoint, of any worker or of the master. */
static uint64_t
good_until(const struct worker *w, uint32_t slot)
{
	uint64_t ms = board_get(&w->page->counts.endpoint[slot].good_ms);

	for (size_t i = 0; i < w->peers->count; i++) {
		uint64_t other = board_get(&w->peers->peers[i].page->counts.endpoint[slot].good_ms);

		ms = other > ms ? other : ms;
	}
	if (w->master_page && board_get(&w->master_page->health[slot].ejected_until_ms) > ms)
		ms = board_get(&w->master_page->health[slot].ejected_until_ms);
	return ms;
}

/* A row that began before it is none any more. */
static uint64_t
failing_since(const struct worker *w, uint32_t slot, uint64_t good)
{
	uint64_t sum = board_get(&w->page->counts.endpoint[slot].failing);

	for (size_t i = 0; i < w->peers->count; i++) {
		const struct board_endpoint *e = &w->peers->peers[i].page->counts.endpoint[slot];

		if (board_get(&e->failing_ms) > good)
			sum += board_get(&e->failing);
	}
	return sum;
}

static void
tell(struct worker *w, const struct request *r, uint64_t now)
{
	struct msg_failing failing = { .endpoint = r->endpoint_slot,
				       .upstream = r->upstream_index };

	if (!w->control_open || now < w->told_ms[r->endpoint_slot] + TELL_MS)
		return;
	w->told_ms[r->endpoint_slot] = now;
	/* When it cannot be said now the next failure says it. */
	(void)!ipc_send(&w->control, MSG_FAILING, &failing, sizeof failing, -1);
}

static void
count_failure(struct request *r)
{
	const struct table_upstream *up =
	    table_upstream(r->table->segments[SEGMENT_ENDPOINTS], r->upstream_index);
	struct worker *w = r->worker;
	struct board_endpoint *own = &w->page->counts.endpoint[r->endpoint_slot];
	uint64_t now = worker_now(w), good;

	if (r->endpoint_slot == 0 || !up || up->eject_failures == 0)
		return;
	good = good_until(w, r->endpoint_slot);
	if (own->failing_ms <= good) {
		board_set(&own->failing, 0u);
		board_set(&own->failing_ms, now);
	}
	board_add(&own->failing, 1);
	if (now > good && failing_since(w, r->endpoint_slot, good) >= up->eject_failures)
		tell(w, r, now);
}

void
outcome_failure(struct request *r)
{
	switch (r->failure) {
	case REASON_upstream_closed: /* one from the pool may have been too old */
		if (r->reused && r->first_us == 0)
			return;
		count_failure(r);
		return;
	case REASON_upstream_connect_refused:
	case REASON_upstream_connect_failed:
	case REASON_upstream_connect_timeout:
	case REASON_upstream_tls_failed:
	case REASON_upstream_certificate_refused:
	case REASON_upstream_malformed:
	case REASON_upstream_first_byte_timeout:
		count_failure(r);
		return;
	default:
		return;
	}
}

void
outcome_answer(struct request *r, int status)
{
	if (status >= 502 && status <= 504)
		count_failure(r);
	else
		board_set(&r->worker->page->counts.endpoint[r->endpoint_slot].good_ms,
			  worker_now(r->worker));
}
