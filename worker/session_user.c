/*
 * session_user: all sessions of a user, one after the other: to be listed, or ended.
 */

#include "session_cookie.h"
#include "session_write.h"

#include "snapshot.h"
#include "store.h"
#include "worker.h"

#include <errno.h>
#include <stdlib.h>

#define LISTED_MAX 1000 /* sessions of a user at one provider */
#define ENDED_MAX 200   /* that are ended before the list is read again */

struct listing {
	struct worker *worker;
	session_each_fn fn;
	void *userdata;
	uint32_t provider; /* TRIE_NONE: any */
	bool end, failed;
	bool some; /* of this round were ended */
	struct buf subject, sid;
	char (*ids)[SESSION_ID + 1];
	size_t ids_n, next;
	unsigned pending;
};

static void listing_step(struct listing *l);

static void
listing_done(struct listing *l, int error)
{
	l->fn(l->userdata, error, NULL);
	buf_deinit(&l->subject);
	buf_deinit(&l->sid);
	free(l->ids);
	free(l);
}

/* ---- which they are ---- */

static void
add_id(struct listing *l, struct slice id)
{
	if (!session_id_is(id))
		return;
	for (size_t i = 0; i < l->ids_n; i++) {
		if (slice_eq(slice_of(l->ids[i]), id))
			return;
	}
	l->ids = xrealloc(l->ids, (l->ids_n + 1) * sizeof *l->ids);
	memcpy(l->ids[l->ids_n], id.p, SESSION_ID);
	l->ids[l->ids_n++][SESSION_ID] = '\0';
}

static void
on_listed(void *userdata, const struct redis_reply *r)
{
	struct listing *l = userdata;

	if (!r || r->type != REDIS_ARRAY)
		l->failed = true;
	for (size_t i = 0; r && r->type == REDIS_ARRAY && i < r->count; i++) {
		if (r->elements[i] && r->elements[i]->type == REDIS_STRING)
			add_id(l, r->elements[i]->text);
	}
	if (--l->pending > 0)
		return;
	if (l->failed)
		listing_done(l, -EAGAIN);
	else
		listing_step(l);
}

static void
ask_list(struct listing *l, struct slice provider)
{
	struct buf BUF_CLEAN key = { 0 }, now = { 0 }, most = { 0 };
	struct slice argv[] = { SLICE("ZREVRANGEBYSCORE"),
				{ 0 },
				SLICE("+inf"),
				{ 0 },
				SLICE("LIMIT"),
				SLICE("0"),
				{ 0 } };

	if (l->subject.n > 0)
		session_user_key(provider, buf_slice(&l->subject), &key);
	else
		session_sid_key(provider, buf_slice(&l->sid), &key);
	buf_addf(&now, "%lld", (long long)store_wall(l->worker));
	buf_addf(&most, "%d", l->end ? ENDED_MAX : LISTED_MAX);
	argv[1] = buf_slice(&key);
	argv[3] = buf_slice(&now);
	argv[6] = buf_slice(&most);
	if (store_ask(l->worker, on_listed, l, sizeof argv / sizeof argv[0], argv))
		l->pending++;
}

/* ---- each of them ---- */

/* Lists are what leads here; the tokens say whose it is. */
static bool
is_meant(const struct listing *l, const struct session *s)
{
	for (unsigned i = 0; i < PROVIDERS_MAX; i++) {
		const struct session_token *t = &s->tokens[i];

		if (t->tid.n > 0 &&
		    (l->subject.n == 0 || slice_eq(t->subject, buf_slice(&l->subject))) &&
		    (l->sid.n == 0 || slice_eq(t->sid, buf_slice(&l->sid))))
			return true;
	}
	return false;
}

static void
on_ended(void *userdata, int error, const struct session *s)
{
	struct listing *l = userdata;

	if (s)
		l->fn(l->userdata, 0, s);
	l->some |= s != NULL;
	l->failed |= error < 0;
	listing_step(l);
}

static void
on_read(void *userdata, int error, struct session *s)
{
	struct listing *l = userdata;

	l->failed |= error < 0;
	if (s && is_meant(l, s)) {
		if (!l->end)
			l->fn(l->userdata, 0, s);
		else if (session_end(l->worker, slice_of(s->id), on_ended, l) == 0)
			return;
		else
			l->failed = true;
	}
	listing_step(l);
}

/* False: nothing is asked, and nothing will be told. */
static bool
ask_lists(struct listing *l)
{
	const struct segment *rules = l->worker->table->segments[SEGMENT_RULES];

	l->ids_n = l->next = 0;
	l->some = false;
	for (uint32_t i = 0; i < table_providers(rules); i++) {
		if (l->provider == TRIE_NONE || l->provider == i)
			ask_list(l, seg_string(rules, table_provider(rules, i)->name));
	}
	return l->pending > 0;
}

static void
listing_step(struct listing *l)
{
	struct slice id;

	/* Those that were ended made room for others of a list that was cut. */
	if (l->next == l->ids_n && l->ids_n >= ENDED_MAX && l->some && !l->failed) {
		if (!ask_lists(l))
			listing_done(l, -EAGAIN);
		return;
	}
	if (l->next == l->ids_n || l->failed) {
		listing_done(l, l->failed ? -EAGAIN : 0);
		return;
	}
	id = slice_make(l->ids[l->next++], SESSION_ID);
	if (session_get(l->worker, id, on_read, l) < 0)
		listing_done(l, -EAGAIN);
}

int
session_of_user(struct worker *w, const struct session_users *u, bool end, session_each_fn fn,
		void *userdata)
{
	const struct segment *rules = w->table->segments[SEGMENT_RULES];
	struct listing *l;

	if (!w->sessions || table_providers(rules) == 0 ||
	    !store_has_room(w, table_providers(rules)))
		return -EAGAIN;
	l = xcalloc(1, sizeof *l);
	*l = (struct listing){
		.worker = w, .fn = fn, .userdata = userdata, .provider = u->provider, .end = end
	};
	buf_adds(&l->subject, u->subject);
	buf_adds(&l->sid, u->sid);
	if (ask_lists(l))
		return 0;
	buf_deinit(&l->subject);
	buf_deinit(&l->sid);
	free(l);
	return -EAGAIN;
}
