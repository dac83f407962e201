/*
 * session: who asks by a cookie. Here is what happens to a request; what is known of sessions is
 * kept by session_cache.c, read by session_load.c and written by session_write.c.
 */

#include "session.h"

#include "await.h"
#include "fields.h"
#include "identity.h"
#include "session_cookie.h"
#include "session_own.h"
#include "snapshot.h"
#include "store.h"
#include "worker.h"

#include "lib/cookie.h"
#include "lib/sha256.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <stdlib.h>

#define CHECKED_MAX 256 /* loads that a tick begins */
#define COOKIES_MAX 4   /* of the form of ours, whose signature is looked at: that takes time */

/* ---- a request ---- */

enum verdict
session_unavailable(struct request *r)
{
	r->reason = REASON_session_unavailable;
	return REPLY;
}

/* What word came of may have changed again until it is looked at: then it is waited once more. Not
 * where time ran out: the load is still under way. */
static bool
may_wait(struct request *r, const struct session_entry *e)
{
	if (!(r->awaited & 1u << AWAIT_SESSION))
		return true;
	return !e->load && session_tries(r);
}

enum verdict
session_await(struct request *r, struct session_entry *e)
{
	struct sessions *ss = r->worker->sessions;
	bool waits = !r->rehearsed && may_wait(r, e) && session_load(ss, e) &&
		     await_begin(r, AWAIT_SESSION, e->hash, SESSION_WAIT_MS, SESSION_WAITING_MAX);

	if (waits)
		return WAIT;
	session_settle(ss, e);
	return session_unavailable(r);
}

static void
take(struct request *r, struct session_entry *e)
{
	struct sessions *ss = r->worker->sessions;

	board_add(&r->worker->page->counts.counter[COUNTER_session_hits], 1);
	session_hold(r, e);
	r->who = r->session->who;
	r->identity = identity_shown(r->who);
	if (!r->rehearsed)
		session_touch(ss, e, false);
}

/* The cookie is no use to anybody any more, and the client is told so. But not by an answer to a
 * script: those ask while a login gives their browser another session, in this tab or in another
 * one, and what deletes the cookie may come after that and take the new one away. */
static void
take_dead(struct request *r)
{
	struct slice mode = fields_header(r, SLICE("Sec-Fetch-Mode"));
	struct buf BUF_CLEAN line = { 0 };

	r->session_dead = true;
	if (mode.p && !slice_eq(mode, SLICE("navigate")))
		return;
	session_cookie(r, "", &line);
	r->set_cookie = arena_copy(&r->arena, buf_slice(&line));
}

static enum verdict
look(struct request *r, struct session_entry *e)
{
	struct sessions *ss = r->worker->sessions;

	if (e->session && store_wall(r->worker) >= e->session->expires)
		session_ended(ss, e);
	if (session_is_fresh(ss, e)) {
		take(r, e);
		return PASS;
	}
	if (session_is_absent(ss, e)) {
		take_dead(r);
		return PASS;
	}
	return session_await(r, e);
}

/* Of the cookies of this name the first one that we made: of the others anybody may have made some.
 * NULL: none. */
static struct session_entry *
find_cookie(struct request *r, struct slice name)
{
	struct sessions *ss = r->worker->sessions;
	struct session_signed found;
	struct session_entry *e;
	unsigned tried = 0;

	for (uint16_t i = 0; i < r->in.fields_n; i++) {
		struct slice field, value;

		if (r->in.fields[i].id != HTTP_COOKIE)
			continue;
		field = http_value(&r->in, &r->in.fields[i]);
		while ((value = cookie_next(&field, name)).p) {
			if (!session_cookie_read(value, &found))
				continue;
			e = session_find(ss, found.id);
			if (e && e->good && sha256_equal(e->mac, found.mac))
				return e;
			if (tried++ == COOKIES_MAX)
				return NULL;
			if (!session_cookie_good(r->table->segments[SEGMENT_KEYS], name, &found))
				continue;
			e = session_entry(ss, found.id);
			e->good = true;
			memcpy(e->mac, found.mac, sizeof e->mac);
			return e;
		}
	}
	return NULL;
}

enum verdict
session_policy(struct request *r)
{
	const struct segment *rules = r->table->segments[SEGMENT_RULES];
	const struct table_login *login = table_login(rules);
	struct sessions *ss = r->worker->sessions;
	struct session_entry *e;
	enum verdict verdict;

	if (r->session_looked || !ss || !login)
		return PASS;
	if (session_is_ahead(r))
		return session_unavailable(r);
	e = find_cookie(r, seg_string(rules, login->cookie));
	verdict = e ? look(r, e) : PASS;
	r->session_looked = verdict != WAIT;
	return verdict;
}

/* ---- whoever else asks ---- */

int
session_get(struct worker *w, struct slice id, session_got_fn fn, void *userdata)
{
	struct sessions *ss = w->sessions;
	struct session_wait *wait;
	struct session_entry *e;

	if (!ss)
		return -EAGAIN;
	wait = xcalloc(1, sizeof *wait);
	*wait = (struct session_wait){ .fn = fn, .userdata = userdata };
	list_init(&wait->link);
	e = session_id_is(id) ? session_entry(ss, id) : NULL;
	if (e && session_is_fresh(ss, e))
		wait->session = session_ref(e->session);
	else if (e && !session_is_absent(ss, e))
		wait->error = session_load(ss, e) ? 0 : -EAGAIN;
	if (e && e->load && !wait->session)
		list_push(&e->waits, &wait->link);
	else
		list_push(&ss->later, &wait->link);
	if (e)
		session_settle(ss, e);
	return 0;
}

void
sessions_turn(struct worker *w)
{
	struct sessions *ss = w->sessions;
	struct list due;

	if (ss && !list_empty(&ss->later)) {
		list_take(&ss->later, &due);
		list_drain (pos, &due) {
			struct session_wait *wait = container_of(pos, struct session_wait, link);

			wait->fn(wait->userdata, wait->error, wait->session);
			session_put(wait->session);
			free(wait);
		}
	}
	session_store_turn(w);
}

/* ---- changes ---- */

static void
changed(struct sessions *ss, struct session_entry *e)
{
	session_load_stale(e);
	session_drop(ss, e);
	if (!list_empty(&e->requests)) /* what is under way for it may have to go */
		(void)!session_load(ss, e);
	session_settle(ss, e);
}

void
sessions_changed(struct worker *w, struct slice key)
{
	struct sessions *ss = w->sessions;
	struct slice rest, kind = slice_cut(key, ':', &rest);
	struct session_entry *e = NULL;

	if (!ss || !rest.p)
		return;
	if (slice_eq(kind, SLICE("session")))
		e = session_find(ss, rest);
	else if (slice_eq(kind, SLICE("userSessions")))
		session_caller_changed(ss, key);
	else
		e = map_get(&ss->tids, rest);
	if (e)
		changed(ss, e);
}

void
sessions_flushed(struct worker *w)
{
	if (w->sessions)
		session_drop_all(w->sessions);
}

void
sessions_store_lost(struct worker *w)
{
	if (w->sessions)
		session_drop_all(w->sessions);
}

/* ---- time ---- */

/* A session with something under way for it. True: it had to be read. */
static bool
check(struct sessions *ss, struct session_entry *e)
{
	if (e->session && store_wall(ss->worker) >= e->session->expires) {
		session_ended(ss, e);
		session_settle(ss, e);
		return false;
	}
	if (session_is_fresh(ss, e)) {
		session_touch(ss, e, true);
		return false;
	}
	return !session_is_absent(ss, e) && session_load(ss, e);
}

void
sessions_tick(struct worker *w)
{
	struct sessions *ss = w->sessions;
	struct list all;
	unsigned checked = 0;

	session_store_tick(w);
	if (!ss)
		return;
	list_take(&ss->busy, &all);
	list_drain (pos, &all) {
		list_push(&ss->busy, pos);
		if (checked < CHECKED_MAX)
			checked += check(ss, container_of(pos, struct session_entry, busy));
	}
}
