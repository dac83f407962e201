/*
 * pick: which endpoint gets the request? Dead ones are skipped by the words on the master's page;
 * when all are dead, the one that died last is still tried, unless the configuration says to fail.
 */

#include "pool.h"
#include "request.h"
#include "worker.h"

static bool
was_tried(const struct request *r, uint32_t endpoint)
{
	for (unsigned i = 0; i < r->tries && i < REQUEST_TRIES; i++) {
		if (r->tried[i] == endpoint)
			return true;
	}
	return false;
}

static const struct board_health *
health_of(const struct worker *w, const struct table_endpoint *e)
{
	if (!w->master_page || e->slot == 0 || e->slot >= BOARD_ENDPOINTS)
		return NULL;
	return &w->master_page->health[e->slot];
}

/* Whose turn is it? */
static uint32_t
turn_of(const struct segment *seg, const struct table_upstream *up, uint32_t turn)
{
	uint64_t at;

	if (up->weight_total <= up->count) /* all weigh the same */
		return turn % up->count;
	at = (uint64_t)turn * up->stride % up->weight_total;
	for (uint32_t i = 0; i < up->count; i++) {
		const struct table_endpoint *e = table_endpoint(seg, up->first + i);

		if (!e || at < e->weight)
			return i;
		at -= e->weight;
	}
	return 0;
}

struct choice {
	uint32_t endpoint;
	bool found, resolved;
};

static struct choice
choose(struct request *r, const struct table_upstream *up)
{
	const struct segment *seg = r->table->segments[SEGMENT_ENDPOINTS];
	struct choice choice = { 0 };
	uint32_t turn = turn_of(seg, up, r->table->turns[r->upstream_index]++);
	uint64_t died = 0;

	for (uint32_t i = 0; i < up->count; i++) {
		uint32_t at = up->first + (turn + i) % up->count;
		const struct table_endpoint *e = table_endpoint(seg, at);
		const struct board_health *h;

		if (!e || was_tried(r, at) || e->count == 0)
			continue;
		choice.resolved = true;
		h = health_of(r->worker, e);
		if (!h || board_get(&h->state) != HEALTH_DEAD)
			return (struct choice){ at, true, true };
		if (!(up->flags & UPSTREAM_ALL_DOWN_FAIL) &&
		    (!choice.found || board_get(&h->died) > died)) {
			died = board_get(&h->died);
			choice.endpoint = at;
			choice.found = true;
		}
	}
	return choice;
}

enum result
pick_step(struct request *r)
{
	const struct segment *seg = r->table->segments[SEGMENT_ENDPOINTS];
	const struct table_upstream *up = table_upstream(seg, r->upstream_index);
	const struct table_endpoint *e;
	struct choice choice;

	if (!up || (up->flags & UPSTREAM_ABSENT) || up->count == 0) {
		r->reason = REASON_no_endpoint;
		return STEP_REPLY;
	}
	choice = choose(r, up);
	if (!choice.found) {
		if (r->failure != REASON_none) /* all have been tried */
			r->reason = r->failure;
		else
			r->reason =
			    choice.resolved ? REASON_no_endpoint : REASON_upstream_unresolved;
		return STEP_REPLY;
	}
	r->failure = REASON_none;
	r->endpoint = choice.endpoint;
	r->address = 0;
	e = table_endpoint(seg, choice.endpoint);
	r->endpoint_slot = e->slot < BOARD_ENDPOINTS ? e->slot : 0;
	r->pool = pool_get(r->table, choice.endpoint);
	if (r->route_id.p)
		r->authority = arena_copy(&r->arena, seg_string(seg, e->authority));
	return STEP_NEXT;
}
