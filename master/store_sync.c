#include "store_sync.h"

#include "lib/list.h"
#include "lib/redis.h"
#include "lib/xalloc.h"
#include "store_keys.h"
#include "store_read.h"

#include <stdlib.h>

#define WINDOW 500 /* fetches under way at once */
#define SCAN_COUNT "1000"
#define QUIET_MS 20  /* a deletion waits so long for others of its batch, */
#define BATCH_MS 100 /* and no longer than this */
#define GATHER_MS 50 /* announced changes are one batch if they come within this */

static const char *const patterns[] = { "frontend:*", "backend:*", "yett:route:*",
					"yett:upstream:*", "yett:policy:*" };

struct wanted { /* a key to ask for */
	struct list link;
	size_t n;
	char key[];
};

struct store_sync {
	struct rules *rules; /* in force; changed by draft_apply alone */
	struct rules *draft; /* what becomes of them; NULL: nothing was read */
	const struct store_sync_ops *ops;
	void *userdata;
	struct redis_conn *conn; /* NULL: none */
	uv_timer_t settle;
	struct store_keys keys;
	struct list urgent, ordinary; /* struct wanted: announced, and of the comparison */
	struct list later;            /* announced behind the batch that is being fetched */
	size_t under_way;             /* fetches sent */
	size_t urgent_left;           /* announced in this batch and not answered */
	bool sealed;                  /* the batch grows no more */
	uint64_t published;           /* rules_generation that `changed` told of */
	uint64_t gather_since;        /* ms; the first announcement of this batch. 0: none */
	uint64_t batch_since;         /* ms; the first deletion of these. 0: none */
	struct {
		unsigned batches; /* that have to end before */
		bool fetched;     /* they have; what they found is not in the rules yet */
		void (*reached)(void *userdata);
		void *userdata;
	} barrier;
	/* The comparison. */
	bool comparing, force, again, again_force;
	bool stale;   /* what it has read counts for nothing */
	bool flushed; /* all went at once: what the next one misses nobody has meant */
	/* One has ended. Before that nothing is published. */
	bool complete;
	uint64_t number;
	unsigned pattern; /* index of the SCAN that runs; past the last: all are through */
	size_t left;      /* keys of it not answered */
	size_t present;   /* keys found */
};

/* ---- telling ---- */

static void
publish(struct store_sync *s)
{
	if (!s->complete || s->published == rules_generation(s->rules))
		return;
	s->published = rules_generation(s->rules);
	s->ops->changed(s->userdata);
}

static void
tell_withheld(struct store_sync *s, size_t before)
{
	if (s->keys.withheld != before)
		s->ops->withheld(s->userdata);
}

static void
settle(struct store_sync *s, enum loss loss, bool all, bool force)
{
	size_t before = s->keys.withheld;

	keys_settle(&s->keys, loss, all, force);
	tell_withheld(s, before);
}

/* ---- the draft ---- */

static void
draft_set(struct store_sync *s, struct rules *draft)
{
	s->draft = draft;
	s->keys.rules = draft ? draft : s->rules;
}

static void
draft_open(struct store_sync *s)
{
	if (!s->draft)
		draft_set(s, rules_copy(s->rules));
}

static void
draft_drop(struct store_sync *s)
{
	rules_free(s->draft);
	draft_set(s, NULL);
}

static void
draft_apply(struct store_sync *s)
{
	size_t before = s->keys.withheld;

	if (!s->draft)
		return;
	s->ops->drafted(s->userdata, s->draft);
	if (rules_generation(s->draft) == rules_generation(s->rules))
		rules_free(s->draft);
	else
		rules_replace(s->rules, s->draft);
	draft_set(s, NULL);
	keys_confirm(&s->keys);
	tell_withheld(s, before);
}

/* ---- deletions in a batch ---- */

static void
on_settle(uv_timer_t *timer)
{
	struct store_sync *s = timer->data;

	s->batch_since = 0;
	draft_open(s);
	settle(s, LOSS_GONE, false, false);
	if (s->comparing || s->urgent_left > 0)
		return; /* with the rest */
	draft_apply(s);
	publish(s);
}

static void
batch_wait(struct store_sync *s)
{
	uint64_t now = uv_now(s->settle.loop), wait = QUIET_MS;

	if (!s->batch_since)
		s->batch_since = now;
	if (now + wait > s->batch_since + BATCH_MS)
		wait = s->batch_since + BATCH_MS > now ? s->batch_since + BATCH_MS - now : 0;
	uv_timer_start(&s->settle, on_settle, wait, 0);
}

/* ---- one key ---- */

static void
key_absent(struct store_sync *s, struct slice key, bool urgent)
{
	size_t before = s->keys.withheld;

	const struct mark *m = keys_mark(&s->keys, key);

	if (m->own || m->meant) {
		keys_drop(&s->keys, key);
		tell_withheld(s, before);
		return;
	}
	if (keys_absent(&s->keys, key, urgent ? LOSS_GONE : LOSS_MISSING) && urgent)
		batch_wait(s);
}

static bool
is_ours(struct slice key)
{
	for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
		struct slice prefix = slice_of(patterns[i]);

		prefix.n--; /* without the asterisk */
		if (slice_starts(key, prefix))
			return true;
	}
	return false;
}

/* False when the answer is none for such a key. */
static bool
key_answer(struct store_sync *s, struct slice key, bool urgent, const struct redis_reply *r)
{
	if (store_reads_nothing(r)) {
		key_absent(s, key, urgent);
		return true;
	}
	if (!store_read(s->draft, key, r))
		return false;
	keys_present(&s->keys, key);
	if (!urgent)
		s->present++;
	return true;
}

static void
fail_answer(struct store_sync *s, const struct redis_reply *r)
{
	char text[160];

	s->ops->failed(s->userdata, redis_fault(r, text, sizeof text));
}

/* ---- fetching ---- */

static void
want(struct list *queue, struct slice key)
{
	struct wanted *w = xmalloc(sizeof *w + key.n);

	w->n = key.n;
	memcpy(w->key, key.p, key.n);
	list_push(queue, &w->link);
}

static void
queue_clear(struct list *queue)
{
	list_for_safe (pos, next, queue) {
		list_remove(pos);
		free(container_of(pos, struct wanted, link));
	}
}

/* The tag is 'u' or 'c' (urgent, comparison) and the key. */
static void
on_fetched(void *userdata, struct slice tag, const struct redis_reply *r)
{
	struct store_sync *s = userdata;
	struct slice key = slice_make(tag.p + 1, tag.n - 1);
	bool urgent = tag.p[0] == 'u';

	s->under_way--;
	if (urgent)
		s->urgent_left--;
	else
		s->left--;
	draft_open(s);
	if (!key_answer(s, key, urgent, r))
		fail_answer(s, r);
}

static void
fetch(struct store_sync *s, struct wanted *w, bool urgent)
{
	struct slice key = slice_make(w->key, w->n);
	struct slice argv[2] = { store_reads_hash(key) ? SLICE("HGETALL") : SLICE("GET"), key };
	struct buf tag BUF_CLEAN = { 0 };

	if (urgent)
		keys_mark(&s->keys, key)->queued = false;
	buf_addc(&tag, urgent ? 'u' : 'c');
	buf_adds(&tag, key);
	redis_conn_command(s->conn, on_fetched, s, buf_slice(&tag), 2, argv);
	s->under_way++;
	list_remove(&w->link);
	free(w);
}

static void
pump(struct store_sync *s)
{
	while (s->under_way < WINDOW && !list_empty(&s->urgent))
		fetch(s, container_of(s->urgent.next, struct wanted, link), true);
	while (s->under_way < WINDOW && !list_empty(&s->ordinary))
		fetch(s, container_of(s->ordinary.next, struct wanted, link), false);
	redis_conn_flush(s->conn);
}

/* ---- the comparison ---- */

static void
compare_want(struct store_sync *s, struct slice key)
{
	struct mark *m = keys_mark(&s->keys, key);

	if (m->seen == s->number)
		return;
	m->seen = s->number;
	if (m->oversized) {
		rules_refuse(s->draft, key, "its value is too large to be read");
		keys_present(&s->keys, key);
		m->oversized = true;
		s->present++;
		return;
	}
	s->left++;
	want(&s->ordinary, key);
}

/* Keys that SCAN did not name are asked for by name, so that a deletion never rests on what SCAN
 * left out. */
static void
compare_known(struct store_sync *s)
{
	struct buf key BUF_CLEAN = { 0 };

	for (size_t i = 0; i < rules_keys(s->draft); i++) {
		struct mark *m;

		if (!rules_key_at(s->draft, i, &key))
			continue;
		m = keys_mark(&s->keys, buf_slice(&key));
		if (m->seen != s->number)
			m->oversized = false;
		compare_want(s, buf_slice(&key));
	}
}

static void on_scanned(void *userdata, struct slice tag, const struct redis_reply *r);

static void
scan(struct store_sync *s, struct slice cursor)
{
	struct slice argv[6] = {
		SLICE("SCAN"),  cursor,
		SLICE("MATCH"), slice_of(patterns[s->pattern]),
		SLICE("COUNT"), SLICE(SCAN_COUNT),
	};

	redis_conn_command(s->conn, on_scanned, s, SLICE(""), 6, argv);
}

static bool
scan_read(struct store_sync *s, const struct redis_reply *r)
{
	struct slice prefix = slice_of(patterns[s->pattern]);
	const struct redis_reply *keys;

	prefix.n--; /* without the asterisk */
	if (r->type != REDIS_ARRAY || r->count != 2 || !r->elements[0] ||
	    r->elements[0]->type != REDIS_STRING || !r->elements[1] ||
	    r->elements[1]->type != REDIS_ARRAY)
		return false;
	keys = r->elements[1];
	for (size_t i = 0; i < keys->count; i++) {
		if (!keys->elements[i] || !slice_starts(keys->elements[i]->text, prefix))
			return false;
		compare_want(s, keys->elements[i]->text);
	}
	return true;
}

static void
on_scanned(void *userdata, struct slice tag, const struct redis_reply *r)
{
	struct store_sync *s = userdata;

	if (!scan_read(s, r)) {
		fail_answer(s, r);
		return;
	}
	if (!slice_eq(r->elements[0]->text, SLICE("0"))) {
		scan(s, r->elements[0]->text);
		return;
	}
	s->pattern++;
	if (s->pattern < sizeof patterns / sizeof patterns[0])
		scan(s, SLICE("0"));
	else
		compare_known(s);
}

static void
compare_start(struct store_sync *s, bool force)
{
	s->comparing = true;
	s->force = force;
	s->again = s->again_force = s->stale = false;
	draft_open(s);
	s->number++;
	s->pattern = 0;
	s->left = s->present = 0;
	for (size_t i = 0; i < s->keys.marks.count; i++) {
		struct mark *m = s->keys.marks.entries[i].value;

		m->missing = false;
		if (force)
			m->oversized = false;
	}
	scan(s, SLICE("0"));
	redis_conn_flush(s->conn);
}

static bool
compare_through(const struct store_sync *s)
{
	return s->comparing && s->left == 0 && s->pattern == sizeof patterns / sizeof patterns[0];
}

static void
compare_end(struct store_sync *s)
{
	s->comparing = false;
	if (s->stale) {
		draft_drop(s);
		compare_start(s, s->again_force);
		return;
	}
	settle(s, LOSS_MISSING, s->flushed || s->present == 0, s->force);
	s->flushed = false;
	draft_apply(s);
	rules_whole(s->rules);
	s->ops->compared(s->userdata);
	if (!s->complete) /* that there are no rules is news, too */
		s->published = rules_generation(s->rules) - 1;
	s->complete = true;
	publish(s);
	if (s->again && s->conn)
		compare_start(s, s->again_force);
}

void
sync_compare(struct store_sync *s, bool force)
{
	if (!s->conn)
		return;
	if (s->comparing) {
		s->again = true;
		s->again_force |= force;
		return;
	}
	compare_start(s, force);
}

void
sync_flushed(struct store_sync *s)
{
	s->flushed = true;
	if (s->comparing) {
		s->stale = true;
		s->again_force |= s->force;
	}
	sync_compare(s, false);
}

bool
sync_comparing(const struct store_sync *s)
{
	return s->comparing;
}

bool
sync_settled(const struct store_sync *s)
{
	return s->conn && !s->comparing && s->under_way == 0 && s->batch_since == 0 &&
	       list_empty(&s->urgent) && list_empty(&s->later);
}

/* ---- announcements ---- */

void
sync_announce(struct store_sync *s, struct slice key)
{
	struct mark *m;

	if (!s->conn || !is_ours(key))
		return;
	m = keys_mark(&s->keys, key);
	m->oversized = false;
	if (m->queued)
		return;
	m->queued = true;
	if (s->sealed) {
		want(&s->later, key);
		return;
	}
	if (!s->gather_since)
		s->gather_since = uv_now(s->settle.loop);
	s->urgent_left++;
	want(&s->urgent, key);
}

void
sync_own(struct store_sync *s, struct slice key, bool own)
{
	keys_own(&s->keys, key, own);
}

void
sync_meant(struct store_sync *s, struct slice key)
{
	if (!s->conn || !rules_knows(s->keys.rules, key))
		return;
	keys_mark(&s->keys, key)->meant = true;
	sync_announce(s, key);
}

void
sync_wrote(struct store_sync *s, struct slice key)
{
	if (!s->conn)
		return;
	keys_mark(&s->keys, key)->queued = false;
	sync_announce(s, key);
}

void
sync_barrier(struct store_sync *s, void (*reached)(void *userdata), void *userdata)
{
	s->barrier.batches = s->sealed ? 2 : 1;
	s->barrier.fetched = false;
	s->barrier.reached = reached;
	s->barrier.userdata = userdata;
}

static void
barrier_settle(struct store_sync *s)
{
	if (!s->barrier.fetched || s->draft)
		return;
	s->barrier.fetched = false;
	s->barrier.reached(s->barrier.userdata);
}

/* What was announced behind the batch becomes the next one. */
static void
batch_next(struct store_sync *s)
{
	s->sealed = false;
	s->gather_since = list_empty(&s->later) ? 0 : uv_now(s->settle.loop);
	list_for_safe (pos, next, &s->later) {
		list_remove(pos);
		list_push(&s->urgent, pos);
		s->urgent_left++;
	}
	pump(s);
}

void
sync_turn(struct store_sync *s)
{
	uint64_t now = uv_now(s->settle.loop);

	if (!s->conn)
		return;
	pump(s);
	if (s->urgent_left > 0) {
		/* Without an end to what is announced there would be none to what waits for it. */
		if (compare_through(s) || now - s->gather_since > GATHER_MS)
			s->sealed = true;
		return;
	}
	if (s->barrier.batches > 0 && --s->barrier.batches == 0)
		s->barrier.fetched = true;
	if (compare_through(s)) {
		compare_end(s);
	} else if (!s->comparing) {
		draft_apply(s);
		publish(s);
	}
	if (s->conn)
		batch_next(s);
	barrier_settle(s);
}

void
sync_oversized(struct store_sync *s, struct slice tag)
{
	struct slice key = slice_make(tag.p + 1, tag.n - 1);

	if (tag.n < 2 || (tag.p[0] != 'u' && tag.p[0] != 'c'))
		return;
	keys_mark(&s->keys, key)->oversized = true;
}

bool
sync_withholds(const struct store_sync *s, struct slice key)
{
	return keys_withholds(&s->keys, key);
}

size_t
sync_withheld(const struct store_sync *s)
{
	return s->keys.withheld;
}

/* ---- life ---- */

struct store_sync *
sync_new(uv_loop_t *loop, struct rules *rules, const struct store_sync_ops *ops, void *userdata)
{
	struct store_sync *s = xcalloc(1, sizeof *s);

	s->rules = rules;
	keys_init(&s->keys, rules);
	s->ops = ops;
	s->userdata = userdata;
	s->published = rules_generation(rules);
	list_init(&s->urgent);
	list_init(&s->ordinary);
	list_init(&s->later);
	uv_timer_init(loop, &s->settle);
	s->settle.data = s;
	return s;
}

void
sync_attach(struct store_sync *s, struct redis_conn *conn)
{
	s->conn = conn;
}

void
sync_detach(struct store_sync *s)
{
	s->conn = NULL;
	s->comparing = s->stale = s->sealed = false;
	s->under_way = s->urgent_left = s->left = 0;
	s->gather_since = s->batch_since = 0;
	s->barrier.batches = 0;
	s->barrier.fetched = false;
	uv_timer_stop(&s->settle);
	queue_clear(&s->urgent);
	queue_clear(&s->ordinary);
	queue_clear(&s->later);
	draft_drop(s);
	keys_reset(&s->keys);
}

static void
on_closed(uv_handle_t *handle)
{
	struct store_sync *s = handle->data;

	keys_deinit(&s->keys);
	free(s);
}

void
sync_free(struct store_sync *s)
{
	s->conn = NULL;
	queue_clear(&s->urgent);
	queue_clear(&s->ordinary);
	queue_clear(&s->later);
	draft_drop(s);
	uv_close((uv_handle_t *)&s->settle, on_closed);
}
