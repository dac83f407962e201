#include "store_fetch.h"

#include "lib/redis.h"
#include "lib/xalloc.h"
#include "store_read.h"

#include <stdlib.h>

#define WINDOW 500 /* fetches under way at once */

struct wanted { /* a key to ask for */
	struct list link;
	size_t n;
	char key[];
};

/* The tag of a command is one of these, and the key. */
static const char tags[FETCH_N] = { [FETCH_URGENT] = 'u', [FETCH_ORDINARY] = 'c' };

void
fetch_init(struct store_fetch *f, struct store_keys *keys, fetch_fn answered, void *userdata)
{
	*f = (struct store_fetch){ .keys = keys, .answered = answered, .userdata = userdata };
	for (int kind = 0; kind < FETCH_N; kind++)
		list_init(&f->queues[kind]);
	list_init(&f->later);
}

static void
queue_clear(struct list *queue)
{
	list_for_safe (pos, next, queue) {
		list_remove(pos);
		free(container_of(pos, struct wanted, link));
	}
}

void
fetch_reset(struct store_fetch *f)
{
	for (int kind = 0; kind < FETCH_N; kind++) {
		queue_clear(&f->queues[kind]);
		f->left[kind] = 0;
	}
	queue_clear(&f->later);
	f->under_way = 0;
}

static void
enqueue(struct list *queue, struct slice key)
{
	struct wanted *w = xmalloc(sizeof *w + key.n);

	w->n = key.n;
	memcpy(w->key, key.p, key.n);
	list_push(queue, &w->link);
}

void
fetch_want(struct store_fetch *f, enum fetch kind, struct slice key)
{
	enqueue(&f->queues[kind], key);
	f->left[kind]++;
}

void
fetch_want_later(struct store_fetch *f, struct slice key)
{
	enqueue(&f->later, key);
}

bool
fetch_take_later(struct store_fetch *f)
{
	bool any = !list_empty(&f->later);

	list_for_safe (pos, next, &f->later) {
		list_remove(pos);
		list_push(&f->queues[FETCH_URGENT], pos);
		f->left[FETCH_URGENT]++;
	}
	return any;
}

static void
on_fetched(void *userdata, struct slice tag, const struct redis_reply *r)
{
	struct store_fetch *f = userdata;
	enum fetch kind = tag.p[0] == tags[FETCH_URGENT] ? FETCH_URGENT : FETCH_ORDINARY;

	f->under_way--;
	f->left[kind]--;
	f->answered(f->userdata, kind, fetch_key(tag), r);
}

static void
fetch(struct store_fetch *f, struct wanted *w, enum fetch kind)
{
	struct slice key = slice_make(w->key, w->n);
	struct slice argv[2] = { store_reads_hash(key) ? SLICE("HGETALL") : SLICE("GET"), key };
	struct buf tag BUF_CLEAN = { 0 };

	if (kind == FETCH_URGENT)
		keys_mark(f->keys, key)->queued = false;
	buf_addc(&tag, tags[kind]);
	buf_adds(&tag, key);
	redis_conn_command(f->conn, on_fetched, f, buf_slice(&tag), 2, argv);
	f->under_way++;
	list_remove(&w->link);
	free(w);
}

void
fetch_pump(struct store_fetch *f)
{
	for (enum fetch kind = FETCH_URGENT; kind < FETCH_N; kind++) {
		struct list *queue = &f->queues[kind];

		while (f->under_way < WINDOW && !list_empty(queue))
			fetch(f, container_of(queue->next, struct wanted, link), kind);
	}
	redis_conn_flush(f->conn);
}

bool
fetch_rests(const struct store_fetch *f)
{
	return f->under_way == 0 && list_empty(&f->queues[FETCH_URGENT]) && list_empty(&f->later);
}

struct slice
fetch_key(struct slice tag)
{
	if (tag.n < 2 || (tag.p[0] != tags[FETCH_URGENT] && tag.p[0] != tags[FETCH_ORDINARY]))
		return slice_make(NULL, 0);
	return slice_make(tag.p + 1, tag.n - 1);
}
