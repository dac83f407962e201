/*
 * Requests are made once and used again, the last one first: what a quiet worker touches stays in
 * the processor's cache. After a burst the surplus is given back in a few seconds, so that idle
 * connections do not pay for it.
 */

#include "client.h"
#include "inject.h"
#include "request.h"
#include "worker.h"

#include "lib/xalloc.h"

#include <malloc.h>
#include <stdlib.h>

#define HELD_MAX ((size_t)32768) /* bytes of a body, that a spare one keeps room for */
#define SPARE_MIN 32             /* that a worker keeps in any case */
/* Freed bytes, before libc is asked to give pages back, which takes it some time. */
#define TRIM_MIN ((size_t)262144)

/* Everything but what is costly to make again. */
static void
request_reset(struct request *r)
{
	struct arena arena = r->arena;
	struct buf held = r->held;

	memset(&r->table, 0, offsetof(struct request, in) - offsetof(struct request, table));
	memset((char *)&r->in + sizeof r->in, 0,
	       sizeof *r - offsetof(struct request, in) - sizeof r->in);
	r->arena = arena;
	r->held = held;
	r->held.n = 0;
	r->step = STEP_HEAD;
	r->advancing = r->ended = r->rehearsed = false;
}

static const struct http_limits *
request_limits(struct worker *w)
{
	const struct table_global *g;
	static const struct http_limits builtin = { .head_bytes = 32768,
						    .uri_bytes = 8192,
						    .fields = 100 };

	if (!w->table)
		return &builtin;
	g = table_global(w->table->segments[SEGMENT_RULES]);
	w->limits = (struct http_limits){ .head_bytes = g->head_bytes,
					  .uri_bytes = g->uri_bytes,
					  .fields = g->head_fields };
	return &w->limits;
}

struct request *
request_new(struct client *c)
{
	struct worker *w = c->worker;
	struct list *spare = list_pop(&w->spare);
	struct request *r;

	if (!spare) {
		r = xcalloc(1, sizeof *r);
		r->magic = REQUEST_MAGIC;
		r->worker = w;
		http_parser_init(&r->in, HTTP_REQUEST, request_limits(w), &w->scratch);
	} else {
		r = container_of(spare, struct request, link);
		w->spare_count--;
		if (w->spare_count < w->spare_low)
			w->spare_low = w->spare_count;
		request_reset(r);
		r->in.limits = request_limits(w);
	}
	list_init(&r->link);
	timer_init(&r->total, request_on_total);
	r->client = c;
	r->secure = c->tls == CLIENT_TLS;
	r->begin_us = worker_us(w);
	board_add(&w->page->in_flight, 1);
	return r;
}

static void
request_free(struct request *r)
{
	http_parser_deinit(&r->in);
	arena_deinit(&r->arena);
	buf_deinit(&r->held);
	free(r);
}

void
requests_collect(struct worker *w)
{
	list_for_safe (pos, tmp, &w->dead) {
		struct request *r = container_of(pos, struct request, link);

		list_remove(&r->link);
		if (r->credentials.n > 0)
			inject_wipe(r);
		arena_reset(&r->arena);
		http_parser_reset(&r->in);
		if (r->held.cap > HELD_MAX)
			buf_deinit(&r->held);
		list_push_front(&w->spare, &r->link);
		w->spare_count++;
	}
}

void
requests_trim(struct worker *w)
{
	struct list *last;

	while (w->spare_low > SPARE_MIN && (last = list_pop_last(&w->spare))) {
		struct request *r = container_of(last, struct request, link);

		w->freed += sizeof *r + r->in.kept_cap;
		request_free(r);
		w->spare_count--;
		w->spare_low--;
	}
	w->spare_low = w->spare_count;
	if (w->freed >= TRIM_MIN && w->freed == w->freed_seen) { /* and it is quiet */
		malloc_trim(0);
		w->freed = 0;
	}
	w->freed_seen = w->freed;
}

void
requests_shed(struct worker *w)
{
	list_for_safe (pos, tmp, &w->spare)
		request_free(container_of(pos, struct request, link));
	list_init(&w->spare);
	w->spare_count = w->spare_low = 0;
}

void
requests_free(struct worker *w)
{
	requests_collect(w);
	requests_shed(w);
}
