#include "shed.h"

#include "peers.h"
#include "pool.h"
#include "tls_front.h"
#include "upstream.h"

#include <errno.h>
#include <malloc.h>

#define BATCH 256        /* of clients: not all come back at once */
#define SILENT_MS 1000u  /* nobody needs it to begin */
#define TRIM_TICKS 10    /* it takes milliseconds */
#define LAST_TICKS 2     /* the same, where it is worth them */
#define SHORT_PERCENT 90 /* of the limit, as master/memory.c has it */
#define LAST_PERCENT 95

static bool
is_last(const struct worker *w)
{
	uint64_t limit = w->master_page ? board_get(&w->master_page->memory_limit) : 0;

	if (limit == 0 || !shed_is_due(w))
		return false;
	return board_get(&w->master_page->memory_used) / LAST_PERCENT >= limit / 100;
}

bool
shed_refuses_handshake(const struct client *c)
{
	const struct worker *w = c->worker;

	return c->kind == LISTENER_HTTP && (is_last(w) || stream_env_is_tight(&w->env));
}

/* This worker's part of half of what there is until it is short: what is kept costs more than its
 * bytes, and whoever is under way then has a read more. */
static uint64_t
room(const struct worker *w)
{
	uint64_t limit =
	    w->master_page && !w->orphan ? board_get(&w->master_page->memory_limit) : 0;
	uint64_t used, most = limit / 100 * SHORT_PERCENT;

	if (limit == 0)
		return UINT64_MAX;
	used = board_get(&w->master_page->memory_used);
	return used < most ? (most - used) / 2 / (w->peers->count + 1) : 0;
}

/* ---- what waits for nothing ---- */

static void
close_idle(struct worker *w, bool last)
{
	unsigned left = BATCH;

	list_for_safe (pos, tmp, &w->idle) {
		struct client *c = container_of(pos, struct client, link);

		if (left == 0)
			break;
		if (c->served == 0 &&
		    !(last && c->kind == LISTENER_HTTP && c->tls == CLIENT_TLS_BEGINS))
			continue;
		client_quit(c);
		left--;
	}
}

/* Of answers whose readers are slow. */
static void
close_lingering(struct worker *w)
{
	unsigned left = BATCH;

	list_for_safe (pos, tmp, &w->lingering) {
		struct client *c = container_of(pos, struct client, link);

		if (left == 0)
			break;
		if (c->kind != LISTENER_HTTP || c->stream.queued == 0)
			continue;
		client_reset(c);
		left--;
	}
}

/* ---- requests ---- */

/* What is written for it, or kept of it, is more than somebody takes. */
static bool
holds_much(const struct client *c)
{
	const struct request *r = c->request;

	return c->stream.full || (r->upstream && r->upstream->stream.full) ||
	       (r->collecting && !r->body_done);
}

static void
refuse(struct worker *w, struct list *head, bool last)
{
	unsigned left = BATCH;

	list_for_safe (pos, tmp, head) {
		struct client *c = container_of(pos, struct client, link);

		if (left == 0)
			break;
		if (c->kind != LISTENER_HTTP || !c->request || c->request->ended)
			continue;
		if (shed_refuses_head(c))
			request_head_ends(c->request, REASON_overloaded);
		else if (last && holds_much(c))
			request_refuse(c->request, REASON_overloaded);
		else
			continue;
		left--;
	}
}

/* ---- for others that wait ---- */

/* Since it came nothing whole did. */
static bool
is_silent(struct worker *w, const struct client *c)
{
	const struct table_global *g = snapshot_global(w->table);
	uint32_t head_ms = g && g->client_head_ms ? g->client_head_ms : CLIENT_HEAD_MS;

	return c->served == 0 && c->timer.node.deadline + SILENT_MS <= worker_now(w) + head_ms;
}

static unsigned
close_some(struct worker *w, unsigned most, bool silent)
{
	unsigned n = 0;

	list_for_safe (pos, tmp, &w->idle) {
		struct client *c = container_of(pos, struct client, link);

		if (n == most)
			break;
		if (silent ? !is_silent(w, c) : c->served == 0)
			continue;
		tls_front_failed(c, -ETIMEDOUT);
		client_quit(c);
		n++;
	}
	return n;
}

static unsigned
end_heads(struct worker *w, unsigned most)
{
	unsigned n = 0;

	list_for_safe (pos, tmp, &w->active) {
		struct client *c = container_of(pos, struct client, link);
		struct request *r = c->request;

		if (n == most)
			break;
		if (r->ended || r->in.head_done || r->begin_us + SILENT_MS * 1000 > worker_us(w))
			continue;
		request_head_ends(r, REASON_overloaded);
		n++;
	}
	return n;
}

unsigned
shed_connections(struct worker *w, unsigned most)
{
	unsigned n = close_some(w, most, true);

	n += close_some(w, most - n, false);
	return n + end_heads(w, most - n);
}

/* ---- the tick ---- */

void
shed_tick(struct worker *w)
{
	bool last = is_last(w), due = shed_is_due(w);

	stream_env_allow(&w->env, room(w));
	if (!due && !shed_is_due(w))
		return;
	pool_close_all(w);
	requests_shed(w); /* those of the last turns */
	close_idle(w, last);
	refuse(w, &w->active, last);
	if (last) {
		refuse(w, &w->tunnels, last);
		close_lingering(w);
	}
	if (w->ticks % (last ? LAST_TICKS : TRIM_TICKS) == 0)
		malloc_trim(0);
}
