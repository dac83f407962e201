/*
 * What is to be stored is tried on a draft first, and given to Redis or to the file.
 */

#include "store_own.h"

#include "change.h"
#include "master.h"
#include "rules_recover.h"
#include "store_file.h"

#include "lib/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SETTLE_MS 1000 /* for the rules and revisions to be what Redis holds */

static void
try_end(struct store_write *w)
{
	rules_free(w->draft);
	w->draft = NULL;
	w->delta.n = w->never.n = 0;
	revision_free(w->revision);
	w->revision = NULL;
}

void
store_answer(struct store_write *w, int status, struct slice reason, const char *revision)
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
	buf_deinit(&w->never);
	change_free(w->change);
	free(w);
}

void
store_finish(struct store_write *w, int status, struct slice reason, const char *revision)
{
	struct master *m = w->master;

	if (m->writes.current == w)
		m->writes.current = NULL;
	store_answer(w, status, reason, revision);
	write_free(w);
}

static void
finish_refused(struct store_write *w, int status, struct slice reason)
{
	store_finish(w, status, reason, store_revision(w->master));
}

/* ---- what it does ---- */

/* 0, or the HTTP status and the reason. */
static int
prepare(struct store_write *w, struct buf *why)
{
	struct master *m = w->master;

	if (!change_is_for(w->change->expected, slice_of(store_revision(m)))) {
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
	rules_digest_behind(m->rules, rules_changes(w->draft), w->digest);
	delta_write(rules_changes(w->draft), &w->delta);
	return 0;
}

static struct revision *
make_revision(const struct store_write *w, struct slice id)
{
	struct revision *r = revision_new(id, slice_of(w->digest), clock_wall(), w->change->who,
					  w->change->why, buf_slice(&w->delta));

	if (r)
		revision_set_never(r, buf_slice(&w->never));
	return r;
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
		store_finish(w, result == WRITE_DONE ? 200 : 202,
			     result == WRITE_DONE ? SLICE("") : SLICE("Redis was lost behind it"),
			     id);
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
	case WRITE_IDLE:
		finish_refused(w, 200, SLICE(""));
		break;
	case WRITE_CHANGED:
		finish_refused(w, 409, text);
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

bool
store_take_redis(struct store_write *w)
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
	    clock_mono_ms() + STORE_PATIENCE_MS < w->deadline + SETTLE_MS)
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
	rules_never(m->rules, m->revisions.first && !newest, &w->never);
	store_redis_write(m->store,
			  &(struct write_order){ .change = w->change,
						 .known = newest ? newest->id : "",
						 .digest = w->digest,
						 .draft = w->draft,
						 /* What is withheld is known not to be there. */
						 .exact = w->change->expected.n && !st.withheld,
						 .delta = buf_slice(&w->delta),
						 .never = buf_slice(&w->never) },
			  on_redis_written, w);
	return true;
}

/* ---- in the file ---- */

static void
file_failed(struct store_write *w, int error)
{
	BUF_CLEAN struct buf why = { 0 };

	buf_addf(&why, "%s/store.json cannot be written", w->master->config->state_dir);
	if (error == STORE_FILE_UNKNOWN)
		buf_adds(&why,
			 SLICE(", or not be found behind it; whether the change is stored is not "
			       "known"));
	else
		buf_addf(&why, ": %s", strerror(-error));
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
		m->store_fault[0] = '\0';
		memcpy(id, r->id, sizeof id);
		store_file_put(m->writes.file, w->change, m->rules);
		revisions_add(m, r);
		master_store_ops.changed(m);
		store_finish(w, 200, SLICE(""), id);
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

/* Does the change lead to what the file holds already? Who pushes the same rules over and over
 * makes no revision by that. What is refused may be something else there. */
static bool
is_idle(const struct store_write *w)
{
	const struct map *keys = &w->change->keys;

	if (w->change->note.n)
		return false;
	for (size_t i = 0; i < keys->count; i++) {
		if (rules_refusal_find(w->master->rules, map_name(&keys->entries[i])))
			return false;
	}
	return delta_is_empty(rules_changes(w->draft));
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

bool
store_take_file(struct store_write *w)
{
	struct master *m = w->master;
	BUF_CLEAN struct buf why = { 0 };
	char id[REVISION_TEXT];
	int r;

	if (store_file_busy(m->writes.file))
		return false;
	m->writes.current = w;
	if (m->writes.unknown) {
		buf_addf(&why, "what is stored is not known: %s", m->store_fault);
		finish_refused(w, w->change ? 503 : 500, buf_slice(&why));
		return true;
	}
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
	if (is_idle(w)) {
		finish_refused(w, 200, SLICE(""));
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
