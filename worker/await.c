#include "await.h"

#include "lib/xalloc.h"

#include <stdlib.h>

struct await {
	struct list link; /* of the worker's */
	struct request *request;
	enum await_kind kind;
	uint64_t key;
	struct timer timer;
};

void
awaits_init(struct worker *w)
{
	list_init(&w->awaits);
}

static unsigned
count(const struct worker *w, enum await_kind kind)
{
	unsigned n = 0;

	list_for (pos, &w->awaits)
		n += container_of(pos, struct await, link)->kind == kind;
	return n;
}

void
await_leave(struct request *r)
{
	struct await *a = r->await;

	r->await = NULL;
	r->awaited |= 1u << a->kind;
	timer_clear(&a->timer);
	list_remove(&a->link);
	free(a);
}

static void
resume(struct request *r)
{
	await_leave(r);
	request_advance(r);
}

static void
on_time(struct timer *t)
{
	resume(container_of(t, struct await, timer)->request);
}

bool
await_begin(struct request *r, enum await_kind kind, uint64_t key, uint32_t ms, unsigned most)
{
	struct worker *w = r->worker;
	struct await *a;

	if (count(w, kind) >= most)
		return false;
	a = xcalloc(1, sizeof *a);
	a->request = r;
	a->kind = kind;
	a->key = key;
	timer_init(&a->timer, on_time);
	timer_set(w, &a->timer, ms);
	list_push(&w->awaits, &a->link);
	r->await = a;
	return true;
}

unsigned
await_count(const struct worker *w, enum await_kind kind, uint64_t key)
{
	unsigned n = 0;

	list_for (pos, &w->awaits) {
		const struct await *a = container_of(pos, struct await, link);

		n += a->kind == kind && a->key == key;
	}
	return n;
}

/* A request that goes on may end others, and may wait again: for the next word. */
void
await_done(struct worker *w, enum await_kind kind, uint64_t key)
{
	struct list found;

	list_init(&found);
	list_for_safe (pos, tmp, &w->awaits) {
		const struct await *a = container_of(pos, struct await, link);

		if (a->kind != kind || a->key != key)
			continue;
		list_remove(pos);
		list_push(&found, pos);
	}
	list_drain (pos, &found)
		resume(container_of(pos, struct await, link)->request);
}
