#include "store_sync.h"

#include "lib/redis.h"
#include "lib/xalloc.h"
#include "store_compare.h"
#include "store_draft.h"
#include "store_fetch.h"

#include <stdlib.h>

#define QUIET_MS 20   /* a deletion waits so long for others of its batch, */
#define BATCH_MS 100  /* and no longer than this */
#define WHOLE_MS 1000 /* and than this, where others of it are still asked for */
#define GATHER_MS 50  /* announced changes are one batch if they come within this */

struct store_sync {
	const struct store_sync_ops *ops;
	void *userdata;
	uv_timer_t settle;
	uv_idle_t walk; /* goes on with a comparison that waits for no answer */
	unsigned handles;
	struct store_draft draft;
	struct store_fetch fetch;
	struct store_compare compare;
	bool sealed;           /* the batch that is being fetched grows no more */
	uint64_t published;    /* rules_generation that `changed` told of */
	uint64_t gather_since; /* ms; the first announcement of this batch. 0: none */
	uint64_t batch_since;  /* ms; the first deletion of these. 0: none */
	struct {
		unsigned batches; /* that have to end before */
		bool fetched;     /* they have; what they found is not in the rules yet */
		void (*reached)(void *userdata);
		void *userdata;
	} barrier;
	bool flushed;  /* all went at once: what the next comparison misses nobody has meant */
	bool complete; /* a comparison has ended. Before that nothing is published. */
};

static void
publish(struct store_sync *s)
{
	uint64_t generation = rules_generation(s->draft.rules);

	if (!s->complete || s->published == generation)
		return;
	s->published = generation;
	s->ops->changed(s->userdata);
}

/* ---- deletions in a batch ---- */

static void
on_settle(uv_timer_t *timer)
{
	struct store_sync *s = timer->data;

	/* What is still asked for may be of the same loss. */
	if (s->fetch.left[FETCH_URGENT] > 0 && uv_now(timer->loop) < s->batch_since + WHOLE_MS) {
		uv_timer_start(timer, on_settle, QUIET_MS, 0);
		return;
	}
	s->batch_since = 0;
	draft_open(&s->draft);
	draft_settle(&s->draft, LOSS_GONE, false, false);
	if (s->compare.running || s->fetch.left[FETCH_URGENT] > 0)
		return; /* with the rest */
	draft_apply(&s->draft);
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

/* ---- answers ---- */

static void
on_nonsense(void *userdata, const struct redis_reply *r)
{
	struct store_sync *s = userdata;
	char text[160];

	s->ops->failed(s->userdata, redis_fault(r, text, sizeof text));
}

static void
on_answered(void *userdata, enum fetch kind, struct slice key, const struct redis_reply *r)
{
	bool urgent = kind == FETCH_URGENT;
	struct store_sync *s = userdata;

	draft_open(&s->draft);
	switch (draft_read(&s->draft, key, urgent ? LOSS_GONE : LOSS_MISSING, r)) {
	case DRAFT_NONSENSE:
		on_nonsense(s, r);
		break;
	case DRAFT_FOUND:
		s->compare.present += !urgent;
		break;
	case DRAFT_GONE:
		break;
	case DRAFT_LOST:
		if (urgent)
			batch_wait(s);
		break;
	}
}

/* ---- the comparison ---- */

static void
compare_end(struct store_sync *s)
{
	struct store_compare *c = &s->compare;

	c->running = false;
	if (c->stale) {
		draft_drop(&s->draft);
		compare_begin(c, c->again_force);
		return;
	}
	draft_settle(&s->draft, LOSS_MISSING, s->flushed || c->present == 0, c->force);
	s->flushed = false;
	draft_apply(&s->draft);
	rules_whole(s->draft.rules);
	s->ops->compared(s->userdata);
	if (!s->complete) /* that there are no rules is news, too */
		s->published = rules_generation(s->draft.rules) - 1;
	s->complete = true;
	publish(s);
	if (c->again && s->fetch.conn)
		compare_begin(c, c->again_force);
}

void
sync_compare(struct store_sync *s, bool force)
{
	if (!s->fetch.conn)
		return;
	if (s->compare.running)
		compare_ask_again(&s->compare, force);
	else
		compare_begin(&s->compare, force);
}

void
sync_flushed(struct store_sync *s)
{
	s->flushed = true;
	if (s->compare.running) {
		s->compare.stale = true;
		s->compare.again_force |= s->compare.force;
	}
	sync_compare(s, false);
}

bool
sync_comparing(const struct store_sync *s)
{
	return s->compare.running;
}

bool
sync_settled(const struct store_sync *s)
{
	return s->fetch.conn && !s->compare.running && s->batch_since == 0 &&
	       fetch_rests(&s->fetch);
}

/* ---- announcements ---- */

void
sync_announce(struct store_sync *s, struct slice key)
{
	struct mark *m;

	if (!s->fetch.conn || !compare_covers(key))
		return;
	m = keys_mark(&s->draft.keys, key);
	m->oversized = false;
	if (m->queued)
		return;
	m->queued = true;
	if (s->sealed) {
		fetch_want_later(&s->fetch, key);
		return;
	}
	if (!s->gather_since)
		s->gather_since = uv_now(s->settle.loop);
	fetch_want(&s->fetch, FETCH_URGENT, key);
}

void
sync_own(struct store_sync *s, struct slice key, bool own)
{
	keys_own(&s->draft.keys, key, own);
}

void
sync_meant(struct store_sync *s, struct slice key)
{
	if (!s->fetch.conn || !rules_knows(s->draft.keys.rules, key))
		return;
	keys_mark(&s->draft.keys, key)->meant = true;
	sync_announce(s, key);
}

void
sync_wrote(struct store_sync *s, struct slice key)
{
	if (!s->fetch.conn)
		return;
	keys_mark(&s->draft.keys, key)->queued = false;
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
	if (!s->barrier.fetched || s->draft.next)
		return;
	s->barrier.fetched = false;
	s->barrier.reached(s->barrier.userdata);
}

/* What was announced behind the batch becomes the next one. */
static void
batch_next(struct store_sync *s)
{
	s->sealed = false;
	s->gather_since = fetch_take_later(&s->fetch) ? uv_now(s->settle.loop) : 0;
	fetch_pump(&s->fetch);
}

static void
on_walk(uv_idle_t *idle)
{
	sync_turn(idle->data);
}

/* Its next part comes in the next turn of the loop. */
static void
walk_on(struct store_sync *s)
{
	if (compare_walks(&s->compare))
		uv_idle_start(&s->walk, on_walk);
	else
		uv_idle_stop(&s->walk);
}

void
sync_turn(struct store_sync *s)
{
	uint64_t now = uv_now(s->settle.loop);

	if (!s->fetch.conn)
		return;
	compare_go_on(&s->compare);
	fetch_pump(&s->fetch);
	walk_on(s);
	if (s->fetch.left[FETCH_URGENT] > 0) {
		/* Without an end to what is announced there would be none to what waits for it. */
		if (compare_is_through(&s->compare) || now - s->gather_since > GATHER_MS)
			s->sealed = true;
		return;
	}
	if (s->barrier.batches > 0 && --s->barrier.batches == 0)
		s->barrier.fetched = true;
	if (compare_is_through(&s->compare)) {
		compare_end(s);
	} else if (!s->compare.running) {
		draft_apply(&s->draft);
		publish(s);
	}
	if (s->fetch.conn)
		batch_next(s);
	barrier_settle(s);
}

void
sync_oversized(struct store_sync *s, struct slice tag)
{
	fetch_oversized(&s->fetch, tag);
}

bool
sync_withholds(const struct store_sync *s, struct slice key)
{
	return keys_withholds(&s->draft.keys, key);
}

size_t
sync_withheld(const struct store_sync *s)
{
	return s->draft.keys.withheld;
}

/* ---- life ---- */

struct store_sync *
sync_new(uv_loop_t *loop, struct rules *rules, const struct store_sync_ops *ops, void *userdata)
{
	struct store_sync *s = xcalloc(1, sizeof *s);

	s->ops = ops;
	s->userdata = userdata;
	s->published = rules_generation(rules);
	draft_init(&s->draft, rules, ops, userdata);
	fetch_init(&s->fetch, &s->draft.keys, on_answered, s);
	s->compare.draft = &s->draft;
	s->compare.fetch = &s->fetch;
	s->compare.failed = on_nonsense;
	s->compare.userdata = s;
	uv_timer_init(loop, &s->settle);
	uv_idle_init(loop, &s->walk);
	s->settle.data = s->walk.data = s;
	s->handles = 2;
	return s;
}

void
sync_attach(struct store_sync *s, struct redis_conn *conn)
{
	s->fetch.conn = conn;
}

void
sync_detach(struct store_sync *s)
{
	s->fetch.conn = NULL;
	s->compare.running = s->compare.stale = s->sealed = false;
	s->gather_since = s->batch_since = 0;
	s->barrier.batches = 0;
	s->barrier.fetched = false;
	uv_timer_stop(&s->settle);
	uv_idle_stop(&s->walk);
	fetch_reset(&s->fetch);
	draft_drop(&s->draft);
	keys_reset(&s->draft.keys);
}

static void
on_closed(uv_handle_t *handle)
{
	struct store_sync *s = handle->data;

	if (--s->handles == 0)
		free(s);
}

void
sync_free(struct store_sync *s)
{
	s->fetch.conn = NULL;
	fetch_reset(&s->fetch);
	compare_deinit(&s->compare);
	draft_deinit(&s->draft);
	uv_close((uv_handle_t *)&s->settle, on_closed);
	uv_close((uv_handle_t *)&s->walk, on_closed);
}
