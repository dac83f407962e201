#include "pool.h"

#include "snapshot.h"
#include "upstream.h"
#include "worker.h"

#include "lib/stream_peer.h"
#include "lib/xalloc.h"

#include <assert.h>
#include <stdlib.h>

#define AGE_MAX_MS 3600000u

static struct pool *
pool_find(struct worker *w, struct slice authority, const struct behind *behind)
{
	list_for (pos, &w->pools) {
		struct pool *p = container_of(pos, struct pool, link);

		if (p->behind == behind && slice_eq(slice_of(p->authority), authority))
			return p;
	}
	return NULL;
}

static struct pool *
pool_new(struct worker *w, struct slice authority, struct behind *behind)
{
	struct pool *p = xcalloc(1, sizeof *p);

	p->worker = w;
	p->authority = xstrndup(authority.p, authority.n);
	p->behind = behind ? behind_ref(behind) : NULL;
	list_init(&p->idle);
	list_push(&w->pools, &p->link);
	return p;
}

static void
pool_secure(struct pool *p, const struct segment *endpoints, const struct table_endpoint *e)
{
	p->tls = true;
	p->peer = behind_peer(endpoints, e->tls, seg_string(endpoints, e->host));
}

struct pool *
pool_get(struct snapshot *s, uint32_t endpoint)
{
	const struct table_endpoint *e = table_endpoint(s->segments[SEGMENT_ENDPOINTS], endpoint);
	struct slice authority;
	struct behind *behind;
	struct pool *p;

	assert(e && endpoint < s->pools_count);
	if (s->pools[endpoint])
		return s->pools[endpoint];
	authority = seg_string(s->segments[SEGMENT_ENDPOINTS], e->authority);
	behind = e->tls ? behind_get(s, e->tls) : NULL;
	p = pool_find(s->worker, authority, behind);
	if (!p) {
		p = pool_new(s->worker, authority, behind);
		if (e->tls)
			pool_secure(p, s->segments[SEGMENT_ENDPOINTS], e);
	}
	s->pools[endpoint] = pool_ref(p);
	return p;
}

struct pool *
pool_ref(struct pool *p)
{
	p->refs++;
	return p;
}

void
pool_unref(struct pool *p)
{
	if (--p->refs > 0)
		return;
	assert(p->idle_count == 0);
	list_remove(&p->link);
	behind_forget(&p->sessions);
	behind_unref(p->behind);
	free(p->peer);
	free(p->authority);
	free(p);
}

static uint64_t
waited(const struct upstream *u)
{
	return worker_now(u->worker) - u->idle_since;
}

void
pool_learn(struct upstream *u)
{
	idle_learn(&u->pool->lesson, (uint32_t)waited(u), worker_now(u->worker));
}

struct upstream *
pool_take(struct pool *p, uint64_t generation, bool fresh)
{
	while (!list_empty(&p->idle)) {
		struct upstream *u = container_of(p->idle.next, struct upstream, link);

		if (fresh && waited(u) >= idle_fresh(u->idle_ms, &p->lesson, worker_now(p->worker)))
			return NULL; /* those behind it have waited longer */
		list_remove(&u->link);
		p->idle_count--;
		board_sub(&p->worker->page->counts.endpoint[u->slot].idle, 1);
		if (u->generation == generation) {
			if (!fresh || stream_is_quiet(&u->stream))
				return u;
			pool_learn(u);
		}
		upstream_close(u);
	}
	return NULL;
}

void
pool_put(struct upstream *u)
{
	struct pool *p = u->pool;
	struct worker *w = p->worker;
	const struct table_global *g = snapshot_global(w->table);
	uint64_t now = worker_now(w);
	uint32_t ms = g ? idle_limit(&u->word, &p->lesson, g->upstream_idle_ms, now) : 0;

	if (w->draining || ms == 0 || p->idle_count >= g->upstream_idle_max ||
	    now - u->born > AGE_MAX_MS) {
		upstream_close(u);
		return;
	}
	behind_remember(u);
	upstream_idle(u, ms);
	list_push_front(&p->idle, &u->link);
	p->idle_count++;
	board_add(&w->page->counts.endpoint[u->slot].idle, 1);
}

void
pool_close_all(struct worker *w)
{
	list_for_safe (pos, tmp, &w->pools) {
		struct pool *p = container_of(pos, struct pool, link);

		pool_ref(p); /* the last connection would take it along */
		while (!list_empty(&p->idle))
			upstream_close(pool_take(
			    p, container_of(p->idle.next, struct upstream, link)->generation,
			    false));
		pool_unref(p);
	}
}
