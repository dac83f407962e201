/*
 * pick: which endpoint gets the request? Dead ones and ejected ones are skipped, by the words on the
 * master's page; when there are no others, one that was ejected is still tried, or the one that
 * died last, unless the configuration says to fail.
 */

#include "load.h"
#include "pool.h"
#include "queue.h"
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
	bool full; /* there are some, but none has room */
};

/* What an endpoint can be to the request: of two the one that stands later is the better. */
enum standing {
	STANDING_UNFIT,
	STANDING_DEAD,
	STANDING_EJECTED,
	STANDING_FULL,   /* it has all the requests that it may have */
	STANDING_RISING, /* it gets a part of its share, which grows */
	STANDING_GOOD,
};

struct look {
	uint32_t at; /* the endpoint's index */
	const struct table_endpoint *e;
	enum standing standing;
	uint32_t share; /* in thousandths, of its own */
	uint64_t died;
};

#define SHARE_WHOLE 1000u
#define SHARE_FIRST 100u

static uint32_t
share_of(const struct table_upstream *up, uint64_t since, uint64_t now)
{
	if (up->slow_start_ms == 0 || since == 0 || now >= since + up->slow_start_ms)
		return SHARE_WHOLE;
	if (now <= since)
		return SHARE_FIRST;
	return SHARE_FIRST +
	       (uint32_t)((SHARE_WHOLE - SHARE_FIRST) * (now - since) / up->slow_start_ms);
}

static bool
is_full(const struct worker *w, const struct table_upstream *up, const struct table_endpoint *e)
{
	return up->max_connections && e->slot > 0 && e->slot < BOARD_ENDPOINTS &&
	       load_now(w, e->slot) >= up->max_connections;
}

static struct look
look_at(struct request *r, const struct table_upstream *up, uint32_t at)
{
	const struct table_endpoint *e =
	    table_endpoint(r->table->segments[SEGMENT_ENDPOINTS], at);
	struct look l = { at, e, STANDING_UNFIT, SHARE_WHOLE, 0 };
	const struct board_health *h;
	uint64_t now = worker_now(r->worker);

	if (!e || was_tried(r, at) || e->count == 0)
		return l;
	l.standing = STANDING_GOOD;
	h = health_of(r->worker, e);
	if (!h)
		return l;
	l.died = board_get(&h->died);
	if (board_get(&h->state) == HEALTH_DEAD)
		l.standing = STANDING_DEAD;
	else if (up->eject_failures && board_get(&h->ejected_until_ms) > now)
		l.standing = STANDING_EJECTED;
	else if ((l.share = share_of(up, board_get(&h->up_since_ms), now)) < SHARE_WHOLE)
		l.standing = STANDING_RISING;
	if (l.standing >= STANDING_RISING && is_full(r->worker, up, e))
		l.standing = STANDING_FULL;
	return l;
}

static bool
is_better(const struct look *a, const struct look *b)
{
	if (a->standing != b->standing)
		return a->standing > b->standing;
	return a->standing == STANDING_DEAD && a->died > b->died;
}

/* None that is looked for was found: the best of all others. */
static struct choice
last_resort(const struct request *r, const struct table_upstream *up, const struct look *best)
{
	enum standing least =
	    up->flags & UPSTREAM_ALL_DOWN_FAIL ? STANDING_FULL : STANDING_DEAD;
	struct choice c = { .endpoint = best->at, .resolved = best->standing != STANDING_UNFIT };

	if (best->standing >= least)
		c.full = is_full(r->worker, up, best->e);
	c.found = best->standing >= least && !c.full;
	return c;
}

/* From `turn` on the first that may serve. */
static struct choice
choose_in_turn(struct request *r, const struct table_upstream *up, uint32_t turn)
{
	struct look best = { .standing = STANDING_UNFIT };

	for (uint32_t i = 0; i < up->count; i++) {
		struct look l = look_at(r, up, up->first + (turn + i) % up->count);

		if (l.standing == STANDING_GOOD ||
		    (l.standing == STANDING_RISING &&
		     pick_random(r->worker) % SHARE_WHOLE < l.share))
			return (struct choice){ l.at, true, true };
		if (is_better(&l, &best))
			best = l;
	}
	return last_resort(r, up, &best);
}

/* Of those that may serve the one with the fewest requests under way for its weight, and of equals
 * the one whose turn comes first. Many are not all looked at: the best of a few at random is nearly
 * as good. */
static struct choice
choose_least(struct request *r, const struct table_upstream *up, uint32_t turn)
{
	uint32_t looks = up->count <= LOOK_AT_ALL ? up->count : LOOKS;
	uint64_t best_load = 0, best_weight = 0;
	struct choice choice = { 0 };

	for (uint32_t i = 0; i < looks; i++) {
		uint32_t skip = looks == up->count ? i : pick_random(r->worker);
		struct look l = look_at(r, up, up->first + (turn + skip) % up->count);
		uint64_t load, weight;

		if (l.standing < STANDING_RISING)
			continue;
		if (l.e->slot == 0 || l.e->slot >= BOARD_ENDPOINTS) /* nobody knows its load */
			return (struct choice){ 0 };
		load = load_of(r->worker, l.e->slot) + 1;
		weight = (uint64_t)l.e->weight * l.share;
		if (!choice.found || load * best_weight < best_load * weight) {
			best_load = load;
			best_weight = weight;
			choice = (struct choice){ l.at, true, true };
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
	if (up->max_connections && queue_is_ahead(r))
		return queue_wait(r, up);
	choice = choose(r, up);
	if (choice.full)
		return queue_wait(r, up);
	if (r->queue)
		queue_leave(r);
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
