#include "look.h"

#include "load.h"

#define SHARE_FIRST 100u

uint32_t
look_random(struct worker *w)
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

bool
look_is_counted(const struct table_endpoint *e)
{
	return e->slot > 0 && e->slot < BOARD_ENDPOINTS;
}

uint64_t
look_load(struct worker *w, const struct table_endpoint *e)
{
	return load_of(w, e->slot);
}

static const struct board_health *
health_of(const struct worker *w, const struct table_endpoint *e)
{
	if (!w->master_page || e->slot == 0 || e->slot >= BOARD_HEALTH)
		return NULL;
	return &w->master_page->health[e->slot];
}

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

bool
look_is_full(const struct worker *w, const struct table_upstream *up,
	     const struct table_endpoint *e)
{
	return up->max_connections && look_is_counted(e) &&
	       load_now(w, e->slot) >= up->max_connections;
}

struct look
look_of(struct worker *w, const struct snapshot *t, const struct table_upstream *up, uint32_t at)
{
	const struct table_endpoint *e = table_endpoint(t->segments[SEGMENT_ENDPOINTS], at);
	struct look l = { .at = at, .e = e, .share = SHARE_WHOLE };
	const struct board_health *h;
	uint64_t now = worker_now(w), drained;

	if (!e || e->count == 0)
		return l;
	l.standing = STANDING_GOOD;
	h = health_of(w, e);
	if (!h)
		return l;
	l.died = board_get(&h->died);
	if (board_get(&h->state) == HEALTH_DEAD)
		l.standing = STANDING_DEAD;
	else if (up->eject_failures && board_get(&h->ejected_until_ms) > now)
		l.standing = STANDING_EJECTED;
	else if ((l.share = share_of(up, board_get(&h->up_since_ms), now)) < SHARE_WHOLE)
		l.standing = STANDING_RISING;
	if (l.standing >= STANDING_RISING && look_is_full(w, up, e))
		l.standing = STANDING_FULL;
	drained = board_get(&h->drained);
	if (drained != DRAINED_NOT) {
		l.kept = drained == DRAINED_BUT_STICKY && l.standing >= STANDING_RISING;
		l.standing = STANDING_DRAINED;
	}
	return l;
}

struct look
look_at(struct request *r, const struct table_upstream *up, uint32_t at)
{
	struct look l = look_of(r->worker, r->table, up, at);

	if (was_tried(r, at)) {
		l.standing = STANDING_UNFIT;
		l.kept = false;
	}
	return l;
}

bool
look_serves(struct worker *w, const struct look *l)
{
	return l->standing == STANDING_GOOD ||
	       (l->standing == STANDING_RISING && look_random(w) % SHARE_WHOLE < l->share);
}

bool
look_is_better(const struct look *a, const struct look *b)
{
	if (a->standing != b->standing)
		return a->standing > b->standing;
	return a->standing == STANDING_DEAD && a->died > b->died;
}
