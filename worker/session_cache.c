/*
 * session_cache: sessions by id, bounded in number and bytes; the least recently used go first. One
 * that requests are under way for stays, so that they can be closed when it ends.
 */

#include "session_own.h"

#include "snapshot.h"
#include "suspension.h"
#include "worker.h"

#include "lib/xalloc.h"

#include <stdlib.h>

#define BYTES_MAX ((size_t)64 << 20)
#define ENTRIES_MAX 65536u
#define ABSENT_MS 1000

static uint64_t
hash_of(const struct sessions *ss, struct slice id)
{
	struct siphash h;

	siphash_init(&h, ss->secret);
	siphash_add(&h, id);
	return siphash_end(&h);
}

static struct session_entry **
place_of(struct sessions *ss, uint64_t hash, struct slice id)
{
	struct session_entry **at = &ss->buckets[hash % SESSION_BUCKETS];

	while (*at && ((*at)->hash != hash || memcmp((*at)->id, id.p, SESSION_ID) != 0))
		at = &(*at)->next;
	return at;
}

struct session_entry *
session_find(struct sessions *ss, struct slice id)
{
	return id.n == SESSION_ID ? *place_of(ss, hash_of(ss, id), id) : NULL;
}

struct session_entry *
session_entry(struct sessions *ss, struct slice id)
{
	uint64_t hash = hash_of(ss, id);
	struct session_entry **at = place_of(ss, hash, id), *e = *at;

	if (e)
		return e;
	e = *at = xcalloc(1, sizeof *e);
	e->hash = hash;
	memcpy(e->id, id.p, SESSION_ID);
	list_push(&ss->lru, &e->lru);
	list_init(&e->requests);
	list_init(&e->busy);
	list_init(&e->waits);
	ss->entries++;
	return e;
}

/* ---- tokens ---- */

static void
unwatch(struct sessions *ss, struct session_entry *e)
{
	for (unsigned i = 0; i < e->tids_n; i++) {
		struct slice tid = slice_of(e->tids[i]);

		if (map_get(&ss->tids, tid) == e)
			map_take(&ss->tids, tid);
		free(e->tids[i]);
	}
	free(e->tids);
	e->tids = NULL;
	e->tids_n = 0;
}

void
session_watch(struct sessions *ss, struct session_entry *e, const struct session_record *r)
{
	unwatch(ss, e);
	if (r->held_n == 0)
		return;
	e->tids = xcalloc(r->held_n, sizeof *e->tids);
	for (unsigned i = 0; i < r->held_n; i++) {
		struct slice tid = r->held[i].tid;

		e->tids[e->tids_n++] = xstrndup(tid.p, tid.n);
		*map_put(&ss->tids, tid) = e;
	}
}

/* ---- what is kept ---- */

void
session_drop(struct sessions *ss, struct session_entry *e)
{
	e->absent_ms = 0;
	if (!e->session)
		return;
	ss->bytes -= e->session->size;
	session_put(e->session);
	e->session = NULL;
	board_sub(&ss->worker->page->sessions, 1);
}

void
session_settle(struct sessions *ss, struct session_entry *e)
{
	struct session_entry **at;

	if (e->session || e->absent_ms || e->load || e->pins || !list_empty(&e->requests) ||
	    !list_empty(&e->waits))
		return;
	at = place_of(ss, e->hash, slice_make(e->id, SESSION_ID));
	*at = e->next;
	list_remove(&e->lru);
	unwatch(ss, e);
	ss->entries--;
	free(e);
}

static void
make_room(struct sessions *ss)
{
	list_for_safe (pos, tmp, &ss->lru) {
		struct session_entry *e = container_of(pos, struct session_entry, lru);

		if (ss->entries <= ENTRIES_MAX && ss->bytes <= BYTES_MAX)
			break;
		if (!list_empty(&e->requests) || e->load || e->pins)
			continue;
		session_drop(ss, e);
		session_settle(ss, e);
	}
}

static void
move_last(struct sessions *ss, struct session_entry *e)
{
	list_remove(&e->lru);
	list_push(&ss->lru, &e->lru);
}

void
session_keep(struct sessions *ss, struct session_entry *e, struct session *s)
{
	session_drop(ss, e);
	e->session = s;
	ss->bytes += s->size;
	board_add(&ss->worker->page->sessions, 1);
	move_last(ss, e);
	e->pins++;
	make_room(ss);
	e->pins--;
}

void
session_drop_all(struct sessions *ss)
{
	list_for_safe (pos, tmp, &ss->lru) {
		struct session_entry *e = container_of(pos, struct session_entry, lru);

		session_drop(ss, e);
		session_load_stale(e);
		session_settle(ss, e);
	}
	session_callers_clear(ss);
}

bool
session_is_fresh(const struct sessions *ss, const struct session_entry *e)
{
	const struct session *s = e->session;

	return s && store_wall(ss->worker) < s->expires &&
	       (!s->until_ms || worker_now(ss->worker) < s->until_ms);
}

bool
session_is_absent(const struct sessions *ss, const struct session_entry *e)
{
	return worker_now(ss->worker) < e->absent_ms;
}

/* ---- who is under way ---- */

void
session_hold(struct request *r, struct session_entry *e)
{
	struct sessions *ss = r->worker->sessions;

	r->session = session_ref(e->session);
	if (list_empty(&e->requests))
		list_push(&ss->busy, &e->busy);
	list_push(&e->requests, &r->session_link);
	move_last(ss, e);
}

void
session_leave(struct request *r)
{
	struct session_entry *e = r->session->entry;

	session_put(r->session);
	r->session = NULL;
	if (!e)
		return;
	list_remove(&r->session_link);
	if (!list_empty(&e->requests))
		return;
	list_remove(&e->busy);
	session_settle(r->worker->sessions, e);
}

/* A close may end a request, start the next one of its client, or take its time. */
static void
session_close(struct session_entry *e)
{
	struct list all;

	list_take(&e->requests, &all);
	list_drain (pos, &all) {
		struct request *r = container_of(pos, struct request, session_link);

		list_push(&e->requests, &r->session_link);
		if (r->ended || r->reason != REASON_none || r->farewell != REASON_none)
			continue;
		board_add(&r->worker->page->counts.counter[COUNTER_sessions_closed], 1);
		suspension_close(r, REASON_session_expired);
	}
}

void
session_ended(struct sessions *ss, struct session_entry *e)
{
	e->pins++;
	session_drop(ss, e);
	e->absent_ms = worker_now(ss->worker) + ABSENT_MS;
	make_room(ss);
	session_close(e);
	e->pins--;
}
