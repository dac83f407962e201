/*
 * session_caller: who comes without a cookie, to a route that tells its upstream of who asks: by a
 * token, and then with the tokens that the newest session of that user has; or by nothing.
 */

#include "session_cookie.h"
#include "session_own.h"

#include "await.h"
#include "identity.h"
#include "snapshot.h"
#include "store.h"
#include "worker.h"

#include "lib/sha256.h"
#include "lib/xalloc.h"

#include <stdlib.h>

#define CALLERS_MAX 16384
#define CALLER_MS 1000 /* what a list says is good for so long where changes are not announced, */
#define CALLER_TRACKED_MS                                                                          \
	5000 /* and where they are: one may have been while the answer was under way */
#define TRIES 4

struct caller {                  /* of a list of a user's sessions */
	char id[SESSION_ID + 1]; /* the newest one; "": none */
	uint64_t until_ms;
};

struct question {
	struct sessions *all;
	uint64_t key;
	size_t n;
	char name[];
};

void
session_callers_clear(struct sessions *ss)
{
	map_deinit(&ss->callers, free);
}

void
session_caller_changed(struct sessions *ss, struct slice key)
{
	free(map_take(&ss->callers, key));
}

static uint64_t
key_of(const struct sessions *ss, struct slice name)
{
	struct siphash h;

	siphash_init(&h, ss->secret);
	siphash_add(&h, name);
	return siphash_end(&h);
}

/* ---- the newest session of a user ---- */

static void
on_newest(void *userdata, const struct redis_reply *r)
{
	struct question *q = userdata;
	struct sessions *ss = q->all;
	struct slice name = slice_make(q->name, q->n);
	struct caller *c;

	if (r && r->type == REDIS_ARRAY) {
		const struct redis_reply *first = r->count > 0 ? r->elements[0] : NULL;

		if (ss->callers.count >= CALLERS_MAX)
			session_callers_clear(ss);
		free(map_take(&ss->callers, name));
		c = xcalloc(1, sizeof *c);
		if (first && session_id_is(first->text))
			memcpy(c->id, first->text.p, SESSION_ID);
		c->until_ms = worker_now(ss->worker) +
			      (store_tracks(ss->worker) ? CALLER_TRACKED_MS : CALLER_MS);
		*map_put(&ss->callers, name) = c;
	}
	await_done(ss->worker, AWAIT_SESSION, q->key);
	free(q);
}

static bool
ask_newest(struct sessions *ss, struct slice name, uint64_t key)
{
	struct buf BUF_CLEAN now = { 0 };
	struct slice argv[] = { SLICE("ZREVRANGEBYSCORE"),
				name,
				SLICE("+inf"),
				{ 0 },
				SLICE("LIMIT"),
				SLICE("0"),
				SLICE("1") };
	struct question *q;

	if (await_count(ss->worker, AWAIT_SESSION, key) > 0)
		return true;
	buf_addf(&now, "%lld", (long long)store_wall(ss->worker));
	argv[3] = buf_slice(&now);
	q = xcalloc(1, sizeof *q + name.n);
	q->all = ss;
	q->key = key;
	q->n = name.n;
	memcpy(q->name, name.p, name.n);
	if (store_ask(ss->worker, on_newest, q, sizeof argv / sizeof argv[0], argv))
		return true;
	free(q);
	return false;
}

/* ---- by a token ---- */

static uint32_t
provider_of(const struct request *r)
{
	const struct segment *rules = r->table->segments[SEGMENT_RULES];
	const struct table_issuer *mine =
	    seg_at(rules, RULES_ISSUERS, r->who->issuer, sizeof *mine);

	for (uint32_t i = 0; mine && i < table_providers(rules); i++) {
		const struct table_issuer *its =
		    seg_at(rules, RULES_ISSUERS, table_provider(rules, i)->issuer, sizeof *its);

		if (its && slice_eq(seg_string(rules, its->iss), seg_string(rules, mine->iss)))
			return i;
	}
	return TRIE_NONE;
}

static enum verdict
make(struct request *r, const struct session *from, struct slice token, uint32_t provider)
{
	r->session = session_build_shown(from, token, provider, r->who->until);
	return PASS;
}

bool
session_tries(struct request *r)
{
	if (r->rehearsed || r->session_tries >= TRIES)
		return false;
	r->session_tries++;
	r->awaited &= ~(1u << AWAIT_SESSION);
	return true;
}

enum verdict
session_caller(struct request *r, struct slice token)
{
	struct sessions *ss = r->worker->sessions;
	uint32_t provider = provider_of(r);
	struct buf BUF_CLEAN name = { 0 };
	struct slice sub = identity_text(r->who, r->who->sub);
	const struct caller *c;
	struct session_entry *e;
	uint64_t key;

	if (session_is_ahead(r))
		return session_unavailable(r);
	if (r->session) /* of nobody */
		session_leave(r);
	if (provider == TRIE_NONE || sub.n == 0)
		return make(r, NULL, token, provider);
	session_user_key(
	    seg_string(r->table->segments[SEGMENT_RULES],
		       table_provider(r->table->segments[SEGMENT_RULES], provider)->name),
	    sub, &name);
	c = map_get(&ss->callers, buf_slice(&name));
	if (!c || worker_now(r->worker) >= c->until_ms) {
		key = key_of(ss, buf_slice(&name));
		if (session_tries(r) && ask_newest(ss, buf_slice(&name), key) &&
		    await_begin(r, AWAIT_SESSION, key, SESSION_WAIT_MS, SESSION_WAITING_MAX))
			return WAIT;
		return session_unavailable(r);
	}
	if (!*c->id)
		return make(r, NULL, token, provider);
	e = session_entry(ss, slice_make(c->id, SESSION_ID));
	if (session_is_fresh(ss, e))
		return make(r, e->session, token, provider);
	if (session_is_absent(ss, e))
		return make(r, NULL, token, provider);
	(void)!session_tries(r);
	return session_await(r, e);
}

/* ---- by nothing ---- */

struct nobody {
	struct worker *worker;
	uint64_t key;
};

static void
on_made(void *userdata, int error, const char *id)
{
	struct nobody *n = userdata;

	await_done(n->worker, AWAIT_SESSION, n->key);
	free(n);
}

/* A new session of nobody; the request waits until it stands. */
static enum verdict
make_nobody(struct request *r)
{
	struct sessions *ss = r->worker->sessions;
	const struct session_draft draft = { .provider = TRIE_NONE };
	struct nobody *n;
	struct slice id;

	if (!session_tries(r))
		return session_unavailable(r);
	n = xcalloc(1, sizeof *n);
	n->worker = r->worker;
	if (session_login_as(r->worker, &draft, on_made, n, r->session_id) < 0) {
		free(n);
		return session_unavailable(r);
	}
	id = slice_make(r->session_id, SESSION_ID);
	n->key = key_of(ss, id);
	return await_begin(r, AWAIT_SESSION, n->key, SESSION_WAIT_MS, SESSION_WAITING_MAX)
		   ? WAIT
		   : session_unavailable(r);
}

enum verdict
session_anonymous(struct request *r)
{
	struct sessions *ss = r->worker->sessions;
	struct buf BUF_CLEAN line = { 0 };
	struct session_entry *e;

	if (r->session || r->rehearsed)
		return PASS;
	if (!ss || session_is_ahead(r))
		return session_unavailable(r);
	if (!*r->session_id)
		return make_nobody(r);
	e = session_entry(ss, slice_make(r->session_id, SESSION_ID));
	if (session_is_fresh(ss, e)) {
		session_hold(r, e);
		session_cookie(r, r->session_id, &line);
		r->set_cookie = arena_copy(&r->arena, buf_slice(&line));
		return PASS;
	}
	if (session_is_absent(ss, e))
		return session_unavailable(r);
	(void)!session_tries(r);
	return session_await(r, e);
}

void
session_anonymous_id(const struct request *r, const struct session *s, struct buf *out)
{
	const struct segment *rules = r->table->segments[SEGMENT_RULES];
	uint8_t digest[SHA256_BYTES];

	buf_adds(out, seg_string(rules, table_login(rules)->anonymous));
	if (!sha256(slice_of(s->id), digest))
		return;
	for (unsigned i = 0; i < 16; i++)
		buf_addf(out, "%02x", digest[i]);
}
