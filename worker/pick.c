/*
 * pick: which endpoint gets the request? `balance` chooses; here is what becomes of its choice: the
 * request waits for a place, goes to the fallback, is refused, or has its endpoint.
 */

#include "balance.h"
#include "fallback.h"
#include "pool.h"
#include "queue.h"
#include "sticky.h"

/* There is none for it. */
static enum result
pick_nobody(struct request *r, enum reason reason)
{
	if (r->failure == REASON_none || fallback_is_harmless(r)) {
		if (fallback_take(r))
			return pick_step(r);
	}
	r->reason = r->failure != REASON_none ? r->failure : reason; /* all have been tried */
	return STEP_REPLY;
}

enum result
pick_step(struct request *r)
{
	const struct segment *seg = r->table->segments[SEGMENT_ENDPOINTS];
	const struct table_upstream *up = table_upstream(seg, r->upstream_index);
	const struct table_endpoint *e;
	struct choice choice;

	if (!up || (up->flags & UPSTREAM_ABSENT) || up->count == 0)
		return pick_nobody(r, REASON_no_endpoint);
	if (up->max_connections && queue_is_ahead(r))
		return queue_wait(r, up);
	choice = balance_choose(r, up);
	if (choice.full)
		return queue_wait(r, up);
	if (r->queue)
		queue_leave(r);
	if (!choice.found)
		return pick_nobody(r, choice.resolved ? REASON_no_endpoint
						      : REASON_upstream_unresolved);
	board_add(&r->worker->page->counts.counter[COUNTER_last_resorts], choice.last);
	r->failure = REASON_none;
	r->endpoint = choice.endpoint;
	r->address = 0;
	e = table_endpoint(seg, choice.endpoint);
	r->endpoint_slot = e->slot < BOARD_ENDPOINTS ? e->slot : 0;
	r->upstream_slot = up->slot < BOARD_UPSTREAMS ? up->slot : 0;
	r->pool = pool_get(r->table, choice.endpoint);
	sticky_settle(r, up);
	if (r->route_id.p)
		r->authority = arena_copy(&r->arena, seg_string(seg, e->authority));
	return STEP_NEXT;
}
