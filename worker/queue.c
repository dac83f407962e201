#include "queue.h"

#include "client.h"

#include "lib/xalloc.h"

#include <assert.h>
#include <stdlib.h>

#define LOOK_MS 10 /* for places that siblings gave back */

struct queue {
	struct list link; /* of the worker's queues */
	uint32_t upstream;
	uint32_t count;
	struct list waiting; /* struct request */
};

static struct queue *
queue_find(const struct worker *w, uint32_t upstream)
{
	list_for (pos, &w->queues) {
		struct queue *q = container_of(pos, struct queue, link);

		if (q->upstream == upstream)
			return q;
	}
	return NULL;
}

static struct request *
first_of(const struct queue *q)
{
	return list_empty(&q->waiting) ? NULL : container_of(q->waiting.next, struct request, link);
}

bool
queue_is_ahead(const struct request *r)
{
	const struct queue *q = queue_find(r->worker, r->upstream_index);

	return q && q->count > 0 && first_of(q) != r;
}

/* What went wrong before says more than that there is no place to try again. */
static enum reason
reason_of(const struct request *r, enum reason reason)
{
	return r->failure != REASON_none ? r->failure : reason;
}

/* Whose time is over; and by running at all it makes the loop turn. */
static void
queues_on_tick(uv_timer_t *tick)
{
	struct worker *w = tick->data;

	list_for (pos, &w->queues) {
		struct queue *q = container_of(pos, struct queue, link);

		list_for_safe (at, tmp, &q->waiting) {
			struct request *r = container_of(at, struct request, link);

			if (worker_now(w) >= r->queue_until_ms)
				request_refuse(r, reason_of(r, REASON_queue_timeout));
		}
	}
}

static struct queue *
queue_of(struct worker *w, uint32_t upstream)
{
	struct queue *q = queue_find(w, upstream);

	if (q)
		return q;
	if (list_empty(&w->queues))
		uv_timer_start(&w->queue_tick, queues_on_tick, LOOK_MS, LOOK_MS);
	q = xcalloc(1, sizeof *q);
	q->upstream = upstream;
	list_init(&q->waiting);
	list_push(&w->queues, &q->link);
	return q;
}

enum result
queue_wait(struct request *r, const struct table_upstream *up)
{
	struct worker *w = r->worker;
	uint64_t waited_ms = r->queue_us / 1000; /* by an earlier try */
	struct queue *q;

	if (r->queue)
		return STEP_WAIT;
	q = queue_of(w, r->upstream_index);
	if (q->count >= up->queue) {
		r->reason = reason_of(r, REASON_queue_full);
		return STEP_REPLY;
	}
	q->count++;
	r->queue = q;
	r->queued_us = worker_us(w);
	r->queue_until_ms =
	    worker_now(w) + (up->queue_ms > waited_ms ? up->queue_ms - waited_ms : 0);
	list_push(&q->waiting, &r->link);
	timer_set(w, &r->client->timer, 0); /* the client owes nothing meanwhile */
	board_add(&w->page->queued, 1);
	return STEP_WAIT;
}

void
queue_leave(struct request *r)
{
	struct worker *w = r->worker;

	list_remove(&r->link);
	r->queue->count--;
	r->queue = NULL;
	r->queue_us += worker_us(w) - r->queued_us;
	board_sub(&w->page->queued, 1);
}

void
queues_run(struct worker *w)
{
	list_for_safe (pos, tmp, &w->queues) {
		struct queue *q = container_of(pos, struct queue, link);
		struct request *r = NULL;

		/* As long as the first one finds a place. */
		while (first_of(q) && first_of(q) != r) {
			r = first_of(q);
			request_advance(r);
		}
		if (q->count > 0)
			continue;
		list_remove(&q->link);
		free(q);
	}
	if (list_empty(&w->queues))
		uv_timer_stop(&w->queue_tick);
}

void
queues_init(struct worker *w)
{
	list_init(&w->queues);
	uv_timer_init(&w->loop, &w->queue_tick);
	w->queue_tick.data = w;
}

void
queues_deinit(struct worker *w)
{
	queues_run(w);
	assert(list_empty(&w->queues));
	uv_close((uv_handle_t *)&w->queue_tick, NULL);
}
