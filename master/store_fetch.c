#include "store_fetch.h"

#include "lib/redis.h"
#include "lib/xalloc.h"
#include "store_read.h"

#include <stdlib.h>

#define WINDOW 1000 /* keys under way at once */
#define TOGETHER                                                                                   \
	200 /* of them in one command; with the largest values that are good, the answer is        \
	       well below REDIS_ANSWER_MAX */
#define FULL 2000

struct wanted { /* a key to ask for */
	struct list link;
	size_t n;
	char key[];
};

/* The tag of a command is one of these, and its keys, each behind its length. */
static const char tags[FETCH_N] = { [FETCH_URGENT] = 'u', [FETCH_ORDINARY] = 'c' };

static void
tag_add(struct buf *tag, struct slice key)
{
	buf_add(tag, &key.n, sizeof key.n);
	buf_adds(tag, key);
}

/* The next of them; p NULL: there are no more. */
static struct slice
tag_next(struct slice *rest)
{
	struct slice key = { NULL, 0 };
	size_t n;

	if (rest->n == 0)
		return key;
	memcpy(&n, rest->p, sizeof n);
	key = slice_make(rest->p + sizeof n, n);
	*rest = slice_make(key.p + n, rest->n - sizeof n - n);
	return key;
}

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

static enum fetch
tag_kind(struct slice tag)
{
	return tag.p[0] == tags[FETCH_URGENT] ? FETCH_URGENT : FETCH_ORDINARY;
}

/* ---- one key ---- */

static void
on_fetched(void *userdata, struct slice tag, const struct redis_reply *r)
{
	struct slice rest = slice_make(tag.p + 1, tag.n - 1), key = tag_next(&rest);
	struct store_fetch *f = userdata;
	struct mark *m = keys_find(f->keys, key);
	enum fetch kind = tag_kind(tag);

	f->under_way--;
	f->left[kind]--;
	if (m && m->alone)
		m->alone = r->text.n > RULES_VALUE_MAX;
	f->answered(f->userdata, kind, key, r);
}

static void
fetch_alone(struct store_fetch *f, enum fetch kind, struct slice key)
{
	struct slice argv[2] = { store_reads_hash(key) ? SLICE("HGETALL") : SLICE("GET"), key };
	struct buf tag BUF_CLEAN = { 0 };

	buf_addc(&tag, tags[kind]);
	tag_add(&tag, key);
	redis_conn_command(f->conn, on_fetched, f, buf_slice(&tag), 2, argv);
}

/* ---- many at once ---- */

/* In a cluster, while they are on their way to another node: each is at one of the two. */
static bool
are_apart(const struct redis_reply *r)
{
	return r->type == REDIS_FAILED && slice_starts(r->text, SLICE("TRYAGAIN "));
}

/* What is no string looks there as if it were gone: asked for alone, it says what it is. */
static void
on_fetched_together(void *userdata, struct slice tag, const struct redis_reply *r)
{
	struct slice rest = slice_make(tag.p + 1, tag.n - 1), key;
	struct store_fetch *f = userdata;
	enum fetch kind = tag_kind(tag);

	for (size_t i = 0; f->conn && (key = tag_next(&rest)).p; i++) {
		const struct redis_reply *value = are_apart(r)             ? NULL
						  : r->type != REDIS_ARRAY ? r
						  : i < r->count           ? r->elements[i]
									   : NULL;

		if (!value || value->type == REDIS_NIL) {
			fetch_alone(f, kind, key);
			continue;
		}
		f->under_way--;
		f->left[kind]--;
		f->answered(f->userdata, kind, key, value);
	}
}

static bool
is_alone(const struct store_fetch *f, struct slice key)
{
	const struct mark *m = keys_find(f->keys, key);

	return store_reads_hash(key) || (m && m->alone);
}

/* The next of the queue, which is not empty. */
static void
fetch_next(struct store_fetch *f, enum fetch kind)
{
	struct slice argv[1 + TOGETHER] = { SLICE("MGET") };
	struct list *first, *queue = &f->queues[kind];
	struct wanted *taken[TOGETHER];
	struct buf tag BUF_CLEAN = { 0 };
	size_t n = 0;
	bool alone = false;

	buf_addc(&tag, tags[kind]);
	while (n < TOGETHER && f->under_way < WINDOW && !alone && (first = list_pop(queue))) {
		struct wanted *w = container_of(first, struct wanted, link);
		struct slice key = slice_make(w->key, w->n);
		struct mark *m = keys_find(f->keys, key);

		alone = is_alone(f, key);
		if (alone && n > 0) {
			list_push_front(queue, first);
			break;
		}
		if (m && kind == FETCH_URGENT)
			m->queued = false;
		tag_add(&tag, key);
		taken[n++] = w;
		argv[n] = key;
		f->under_way++;
	}
	if (n == 1)
		fetch_alone(f, kind, argv[1]);
	else
		redis_conn_command(f->conn, on_fetched_together, f, buf_slice(&tag), 1 + n, argv);
	for (size_t i = 0; i < n; i++)
		free(taken[i]);
}

void
fetch_pump(struct store_fetch *f)
{
	for (enum fetch kind = FETCH_URGENT; kind < FETCH_N; kind++) {
		while (f->under_way < WINDOW && !list_empty(&f->queues[kind]))
			fetch_next(f, kind);
	}
	redis_conn_flush(f->conn);
}

bool
fetch_is_full(const struct store_fetch *f)
{
	return f->left[FETCH_ORDINARY] >= FULL;
}

bool
fetch_rests(const struct store_fetch *f)
{
	return f->under_way == 0 && list_empty(&f->queues[FETCH_URGENT]) && list_empty(&f->later);
}

void
fetch_oversized(struct store_fetch *f, struct slice tag)
{
	struct slice rest, key, next;

	if (tag.n < 2 || (tag.p[0] != tags[FETCH_URGENT] && tag.p[0] != tags[FETCH_ORDINARY]))
		return;
	rest = slice_make(tag.p + 1, tag.n - 1);
	key = tag_next(&rest);
	if (rest.n == 0) {
		keys_mark(f->keys, key)->oversized = true;
		return;
	}
	for (next = key; next.p; next = tag_next(&rest))
		keys_mark(f->keys, next)->alone = true;
}
