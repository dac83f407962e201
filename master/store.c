#include "store.h"

#include "change.h"
#include "master.h"
#include "store_file.h"

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define PATIENCE_MS 5000 /* with a store; the change may have been stored all the same */
#define SETTLE_MS 1000   /* for the rules and revisions to be what Redis holds */

struct store_write {
	struct list link;
	struct master *master;
	struct change *change; /* NULL: a probe */
	store_done_fn done;    /* NULL: it was answered */
	void *userdata;
	uint64_t deadline;
	struct rules *draft;   /* of this try */
	struct buf delta;
	char digest[DIGEST_TEXT];
	struct revision *revision; /* of the file store: that it will be */
};


const char *
store_revision(const struct master *m)
{
	const struct revision *r = revisions_in_force(m);

	return r ? r->id : "";
}

/* ---- the end of one ---- */

static void
try_end(struct store_write *w)
{
	rules_free(w->draft);
	w->draft = NULL;
	w->delta.n = 0;
	revision_free(w->revision);
	w->revision = NULL;
}

/* Whoever asked hears of it; what is under way goes on. */
static void
answer(struct store_write *w, int status, struct slice reason, const char *revision)
{
	struct store_outcome o = { status, reason, revision };
	store_done_fn done = w->done;

	w->done = NULL;
	if (done)
		done(w->userdata, &o);
}

static void
write_free(struct store_write *w)
{
	list_remove(&w->link);
	try_end(w);
	buf_deinit(&w->delta);
	change_free(w->change);
	free(w);
}

/* It is over, in one way or the other. */
static void
finish(struct store_write *w, int status, struct slice reason, const char *revision)
{
	struct master *m = w->master;

	if (m->writes.current == w)
		m->writes.current = NULL;
	answer(w, status, reason, revision);
	write_free(w);
}

static void
finish_refused(struct store_write *w, int status, struct slice reason)
{
	finish(w, status, reason, store_revision(w->master));
}

/* ---- what it does ---- */

/* A delta that is too large to be kept is told of in its place. */
static void
delta_text(struct store_write *w)
{
	static const char large[] = "\"it is too large to be kept\"";

	delta_write(rules_changes(w->draft), &w->delta);
	if (w->delta.n <= DELTA_MAX)
		return;
	w->delta.n = 0;
	buf_addf(&w->delta, "%s", large);
}

/* Does the change lead to what is there already? Who pushes the same rules over and over makes no
 * revision by that. What is refused may be something else in the store. */
static bool
is_idle(const struct store_write *w)
{
	const struct map *keys = &w->change->keys;

	for (size_t i = 0; i < keys->count; i++) {
		if (rules_refusal_find(w->master->rules, map_name(&keys->entries[i])))
			return false;
	}
	return rules_changes(w->draft)->items.count == 0;
}

/* 0, or the HTTP status and the reason. */
static int
prepare(struct store_write *w, struct buf *why)
{
	struct master *m = w->master;
	struct slice expected = w->change->expected;

	if (expected.n && !slice_eq(expected, slice_of(store_revision(m)))) {
		buf_adds(why, SLICE("another revision is in force"));
		return 409;
	}
	if (w->change->note.n) {
		rules_digest(m->rules, w->digest);
		w->delta.n = 0;
		buf_adds(&w->delta, w->change->note);
		return 0;
	}
	if (change_draft(w->change, m->rules, &w->draft, why) < 0)
		return 400;
	if (is_idle(w))
		return 200;
	rules_digest_behind(m->rules, rules_changes(w->draft), w->digest);
	delta_text(w);
	return 0;
}

static struct revision *
make_revision(const struct store_write *w, struct slice id)
{
	return revision_new(id, slice_of(w->digest), clock_wall(), w->change->who, w->change->why,
			    buf_slice(&w->delta));
}

/* ---- in Redis ---- */

static void
on_redis_written(void *userdata, enum write_result result, struct slice text)
{
	struct store_write *w = userdata;
	struct master *m = w->master;
	char id[REVISION_TEXT];

	switch (result) {
	case WRITE_DONE:
	case WRITE_UNREAD:
		snprintf(id, sizeof id, "%.*s", SLICE_F(text));
		if (w->change)
			revisions_add(m, make_revision(w, text));
		finish(w, result == WRITE_DONE ? 200 : 202,
		       result == WRITE_DONE ? SLICE("") : SLICE("Redis was lost behind it"), id);
		break;
	case WRITE_STALE:
		store_redis_catch_up(m->store);
		if (w->change->note.n) { /* perhaps that was the same */
			finish_refused(w, 409, text);
			break;
		}
		try_end(w);
		m->writes.current = NULL;
		break;
	case WRITE_REFUSED:
		finish_refused(w, 400, text);
		break;
	case WRITE_FAILED:
		finish_refused(w, w->change ? 503 : 500, text);
		break;
	}
	store_wake(m);
}

static void
redis_away(struct store_write *w, const struct store_redis_status *st)
{
	static const char *const state[] = {
		[REDIS_OFF] = "off",         [REDIS_CONNECTING] = "connecting",
		[REDIS_LOADING] = "loading", [REDIS_UP] = "up",
		[REDIS_DOWN] = "down",
	};
	BUF_CLEAN struct buf why = { 0 };

	if (!w->change)
		buf_addf(&why, "Error connecting to redis: ");
	else
		buf_addf(&why, "Redis is %s: ", state[st->state]);
	buf_addf(&why, "%s", *st->error ? st->error : "not connected yet");
	finish_refused(w, w->change ? 503 : 500, buf_slice(&why));
}

/* False: it has to wait. */
static bool
begin_redis(struct store_write *w)
{
	struct master *m = w->master;
	const struct revision *newest = history_newest(&m->revisions.history);
	struct store_redis_status st;
	BUF_CLEAN struct buf why = { 0 };
	int status;

	store_redis_get_status(m->store, &st);
	if (st.state != REDIS_UP) {
		redis_away(w, &st);
		return true;
	}
	if (store_redis_busy(m->store))
		return false;
	/* What another gateway wrote just now should be in the digest of what follows. */
	if (w->change && !st.settled && st.withheld == 0 &&
	    clock_mono_ms() + PATIENCE_MS < w->deadline + SETTLE_MS)
		return false;
	m->writes.current = w;
	if (!w->change) {
		store_redis_probe(m->store, on_redis_written, w);
		return true;
	}
	status = prepare(w, &why);
	if (status) {
		finish_refused(w, status, buf_slice(&why));
		return true;
	}
	store_redis_write(m->store,
			  &(struct write_order){ .change = w->change,
						 .known = newest ? newest->id : "",
						 .digest = w->digest,
						 .delta = buf_slice(&w->delta) },
			  on_redis_written, w);
	return true;
}

/* ---- in the file ---- */

static void
file_failed(struct store_write *w, int error)
{
	BUF_CLEAN struct buf why = { 0 };

	buf_addf(&why, "%s/store.json cannot be written: %s", w->master->config->state_dir,
		 strerror(-error));
	finish_refused(w, w->change ? 503 : 500, buf_slice(&why));
}

static void
on_file_written(void *userdata, int error)
{
	struct store_write *w = userdata;
	struct master *m = w->master;
	struct revision *r = w->revision;
	char id[REVISION_TEXT];

	if (error < 0) {
		file_failed(w, error);
	} else {
		w->revision = NULL;
		memcpy(id, r->id, sizeof id);
		store_file_put(m->writes.file, w->change, m->rules);
		revisions_add(m, r);
		master_store_ops.changed(m);
		finish(w, 200, SLICE(""), id);
	}
	store_wake(m);
}

static void
on_file_probed(void *userdata, int error)
{
	struct store_write *w = userdata;
	struct master *m = w->master;

	if (error < 0)
		file_failed(w, error);
	else
		finish_refused(w, 200, SLICE(""));
	store_wake(m);
}

static void
next_id(const struct master *m, char *out, size_t cap)
{
	const struct revision *newest = history_newest(&m->revisions.history);
	struct slice rest = { NULL, 0 };

	if (newest)
		slice_cut(slice_of(newest->id), '-', &rest);
	snprintf(out, cap, "0-%llu", rest.p ? strtoull(rest.p, NULL, 10) + 1 : 1ull);
}

static bool
begin_file(struct store_write *w)
{
	struct master *m = w->master;
	BUF_CLEAN struct buf why = { 0 };
	char id[REVISION_TEXT];
	int r;

	if (store_file_busy(m->writes.file))
		return false;
	m->writes.current = w;
	if (!w->change) {
		r = store_file_probe(m->writes.file, on_file_probed, w);
		if (r < 0)
			file_failed(w, r);
		return true;
	}
	r = prepare(w, &why);
	if (r) {
		finish_refused(w, r, buf_slice(&why));
		return true;
	}
	next_id(m, id, sizeof id);
	w->revision = make_revision(w, slice_of(id));
	r = store_file_write(m->writes.file, w->change, &m->revisions.history, w->revision,
			     on_file_written, w);
	if (r < 0)
		file_failed(w, r);
	return true;
}

/* ---- one after the other ---- */

void
store_wake(struct master *m)
{
	struct store *s = &m->writes;

	while (!s->current && !list_empty(&s->queue)) {
		struct store_write *w = container_of(s->queue.next, struct store_write, link);

		if (!(m->config->redis.configured ? begin_redis(w) : begin_file(w)))
			return;
	}
}

static void
submit(struct master *m, struct change *change, store_done_fn done, void *userdata)
{
	struct store_write *w = xcalloc(1, sizeof *w);

	w->master = m;
	w->change = change;
	w->done = done;
	w->userdata = userdata;
	w->deadline = clock_mono_ms() + PATIENCE_MS;
	list_push(&m->writes.queue, &w->link);
	store_wake(m);
}

void
store_submit(struct master *m, struct change *change, store_done_fn done, void *userdata)
{
	struct store_outcome nothing = { 200, SLICE(""), store_revision(m) };

	if (change->count > 0 || change->note.n > 0) {
		submit(m, change, done, userdata);
		return;
	}
	change_free(change);
	done(userdata, &nothing);
}

void
store_probe(struct master *m, store_done_fn done, void *userdata)
{
	submit(m, NULL, done, userdata);
}

void
store_tick(struct master *m)
{
	uint64_t now = clock_mono_ms();

	list_for_safe (pos, tmp, &m->writes.queue) {
		struct store_write *w = container_of(pos, struct store_write, link);

		if (!w->done || now < w->deadline)
			continue;
		if (w == m->writes.current)
			answer(w, 503,
			       SLICE("the store does not answer; whether the change is stored "
				     "shows later"),
			       store_revision(m));
		else
			finish_refused(w, 503,
				       SLICE("the store does not answer, or others write all the "
					     "time; nothing is stored"));
	}
	store_wake(m);
}

/* ---- life ---- */

static void
file_load(struct master *m)
{
	BUF_CLEAN struct buf error = { 0 };
	int r = store_file_load(m->writes.file, m->rules, &m->revisions.history, &error);

	if (r == 0)
		log_info("rules source=store frontends=%zu backends=%zu revision=%s",
			 rules_frontends(m->rules), rules_backends(m->rules),
			 history_newest(&m->revisions.history)
			     ? history_newest(&m->revisions.history)->id
			     : "none");
	else if (r != -ENOENT)
		log_error("rules error=\"%.*s\" effect=\"only the rules of the configuration are in "
			  "force\"",
			  SLICE_F(buf_slice(&error)));
	revisions_settle(m);
}

void
store_open(struct master *m)
{
	struct store *s = &m->writes;

	list_init(&s->queue);
	s->file = store_file_new(&m->loop, m->config->state_dir);
	if (!m->config->redis.configured)
		file_load(m);
}

void
store_reconfigured(struct master *m, bool was_redis)
{
	struct store *s = &m->writes;

	if (was_redis == m->config->redis.configured)
		return;
	/* What one store held is no loss of the other. */
	rules_replace(m->rules, rules_new());
	rules_mark(m->rules);
	history_deinit(&m->revisions.history);
	m->revisions.base[0] = '\0';
	m->remembered = false;
	store_file_free(s->file);
	if (s->current)
		finish(s->current, 503, SLICE("the rules are kept elsewhere from now on"), "");
	s->file = store_file_new(&m->loop, m->config->state_dir);
	if (!m->config->redis.configured)
		file_load(m);
}

void
store_close(struct master *m)
{
	struct store *s = &m->writes;

	store_file_free(s->file);
	while (!list_empty(&s->queue)) {
		struct store_write *w = container_of(s->queue.next, struct store_write, link);

		finish(w, 503, SLICE("the gateway ends"), "");
	}
}
