/*
 * pick: which endpoint gets the request? Dead ones are skipped by the words on the master's page;
 * when all are dead, the one that died last is still tried, unless the configuration says to fail.
 */

#include "load.h"
#include "pool.h"
#include "request.h"
#include "worker.h"

#define LOOK_AT_ALL 32u /* endpoints; of more, so many are looked at: */
#define LOOKS 16u

/* It spreads, it protects nothing. */
static uint32_t
pick_random(struct worker *w)
{
	w->seed = w->seed * 1664525u + 1013904223u;
	return w->seed >> 8;
}

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

/* What stands between an endpoint and the request; the larger is the better. */
enum standing { STANDING_UNFIT, STANDING_DEAD, STANDING_GOOD };

static enum standing
standing_of(const struct request *r, const struct table_endpoint *e, uint32_t at)
{
	const struct board_health *h;

	if (!e || was_tried(r, at) || e->count == 0)
		return STANDING_UNFIT;
	h = health_of(r->worker, e);
	return h && board_get(&h->state) == HEALTH_DEAD ? STANDING_DEAD : STANDING_GOOD;
}

/* From `turn` on the first that may serve. */
static struct choice
choose_in_turn(struct request *r, const struct table_upstream *up, uint32_t turn)
{
	const struct segment *seg = r->table->segments[SEGMENT_ENDPOINTS];
	struct choice choice = { 0 };
	uint64_t died = 0;

	for (uint32_t i = 0; i < up->count; i++) {
		uint32_t at = up->first + (turn + i) % up->count;
		const struct table_endpoint *e = table_endpoint(seg, at);
		enum standing standing = standing_of(r, e, at);
		const struct board_health *h;

		if (standing == STANDING_UNFIT)
			continue;
		choice.resolved = true;
		if (standing == STANDING_GOOD)
			return (struct choice){ at, true, true };
		h = health_of(r->worker, e);
		if (!(up->flags & UPSTREAM_ALL_DOWN_FAIL) &&
		    (!choice.found || board_get(&h->died) > died)) {
			died = board_get(&h->died);
			choice.endpoint = at;
			choice.found = true;
		}
	}
	return choice;
}

/* Requests under way, were this one added, for so much weight. */
struct share {
	uint64_t load, weight;
};

/* Of those that may serve the least loaded, and of equals the one whose turn comes first. Many are
 * not all looked at: the best of a few at random is nearly as good. */
static struct choice
choose_least(struct request *r, const struct table_upstream *up, uint32_t turn)
{
	const struct segment *seg = r->table->segments[SEGMENT_ENDPOINTS];
	uint32_t looks = up->count <= LOOK_AT_ALL ? up->count : LOOKS;
	struct share best = { 0, 0 };
	struct choice choice = { 0 };

	for (uint32_t i = 0; i < looks; i++) {
		uint32_t skip = looks == up->count ? i : pick_random(r->worker);
		uint32_t at = up->first + (turn + skip) % up->count;
		const struct table_endpoint *e = table_endpoint(seg, at);
		struct share share;

		if (standing_of(r, e, at) != STANDING_GOOD)
			continue;
		if (e->slot == 0 || e->slot >= BOARD_ENDPOINTS) /* nobody knows its load */
			return (struct choice){ 0 };
		share = (struct share){ load_of(r->worker, e->slot) + 1, e->weight };
		if (!choice.found || share.load * best.weight < best.load * share.weight) {
			best = share;
			choice = (struct choice){ at, true, true };
		}
	}
	return choice;
}

static struct choice
choose(struct request *r, const struct table_upstream *up)
{
	const struct segment *seg = r->table->segments[SEGMENT_ENDPOINTS];
	uint32_t turn = turn_of(seg, up, r->table->turns[r->upstream_index]++);
	struct choice choice = { 0 };

	if (up->flags & UPSTREAM_LEAST)
		choice = choose_least(r, up, turn);
	return choice.found ? choice : choose_in_turn(r, up, turn);
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
