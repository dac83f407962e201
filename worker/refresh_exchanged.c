/*
 * refresh_exchanged: a session's token in exchange for one that is meant for somebody else alone
 * (RFC 8693). What came is kept for the session and this audience until shortly before its end; one
 * question at a time for each. A session that ends is asked for no more, so that its tokens only
 * lie here until they end or others need the room.
 */

#include "refresh_own.h"

#include "await.h"
#include "exchange.h"
#include "snapshot.h"
#include "worker.h"

#include "lib/sha256.h"
#include "lib/xalloc.h"

#include <stdlib.h>

#define KEPT_MAX 4096u
#define EARLY_S 30   /* before its end it is good no more */
#define ENDLESS_S 60 /* one that does not say when it ends */
#define REFUSED_MS 10000u
#define UNAVAILABLE_MS 1000u

struct exchanged {
	struct list link; /* of refreshes.exchanged_lru */
	struct refreshes *of;
	char *name; /* in refreshes.exchanged */
	size_t name_n;
	uint32_t provider;
	char provider_name[EXCHANGE_PROVIDER_MAX];
	struct exchange *exchange; /* NULL: it has settled */
	enum token_outcome outcome;
	uint64_t until_ms; /* and what came of it is good until then */
	char *token;
	size_t token_n;
};

static void
token_wipe(struct exchanged *e)
{
	if (e->token)
		explicit_bzero(e->token, e->token_n);
	free(e->token);
	e->token = NULL;
	e->token_n = 0;
}

static void
exchanged_free(struct exchanged *e)
{
	list_remove(&e->link);
	map_take(&e->of->exchanged, slice_make(e->name, e->name_n));
	if (e->exchange)
		exchange_forget(e->exchange);
	token_wipe(e);
	free(e->name);
	free(e);
}

static bool
make_room(struct refreshes *all)
{
	list_for_safe (pos, tmp, &all->exchanged_lru) {
		struct exchanged *e = container_of(pos, struct exchanged, link);

		if (all->exchanged.count < KEPT_MAX)
			break;
		if (!e->exchange)
			exchanged_free(e);
	}
	return all->exchanged.count < KEPT_MAX;
}

/* ---- the answer ---- */

static uint64_t
good_ms(struct worker *w, const struct token_answer *a)
{
	int64_t left = a->expires == INT64_MAX ? ENDLESS_S : a->expires - store_wall(w);

	if (left > EARLY_S * 2)
		left -= EARLY_S;
	else
		left /= 2;
	return worker_now(w) + (uint64_t)(left > 1 ? left : 1) * 1000;
}

static void
on_answer(void *userdata, const struct exchange_answer *answer)
{
	struct exchanged *e = userdata;
	struct worker *w = e->of->worker;
	struct token_answer a;
	uint64_t rest;

	e->exchange = NULL;
	e->outcome = token_answer_read(answer->status, answer->body, store_wall(w), &a);
	board_add(
	    &w->page->counts.counter[e->outcome == TOKEN_GRANTED ? COUNTER_token_exchanges
								 : COUNTER_token_exchanges_failed],
	    1);
	if (e->outcome == TOKEN_GRANTED) {
		e->token = xstrndup(a.access.p, a.access.n);
		e->token_n = a.access.n;
		e->until_ms = good_ms(w, &a);
	} else {
		refresh_tell(e->of, e->provider, "token_exchange", e->provider_name, e->outcome,
			     a.why);
		rest = e->outcome == TOKEN_UNAVAILABLE ? UNAVAILABLE_MS : REFUSED_MS;
		if (answer->retry_s && answer->retry_s * 1000u > rest)
			rest = answer->retry_s * 1000u;
		e->until_ms = worker_now(w) + refresh_jitter(w, (uint32_t)rest);
	}
	token_answer_deinit(&a);
	await_done(w, AWAIT_TOKENS, (uint64_t)(uintptr_t)e);
}

/* ---- the question ---- */

/* Section 2.1: a resource is an absolute URI, an audience any name. */
static void
write_form(struct slice token, struct slice audience, struct slice scope, struct buf *out)
{
	bool uri = memmem(audience.p, audience.n, "://", 3) != NULL;

	buf_reserve(out, 3 * (token.n + audience.n + scope.n) + 256);
	buf_adds(out, SLICE("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange"
			    "&subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3A"
			    "access_token&subject_token="));
	buf_add_form(out, token);
	if (audience.n > 0) {
		buf_adds(out, uri ? SLICE("&resource=") : SLICE("&audience="));
		buf_add_form(out, audience);
	}
	if (scope.n > 0) {
		buf_adds(out, SLICE("&scope="));
		buf_add_form(out, scope);
	}
}

static bool
ask(struct exchanged *e, struct slice token, struct slice audience, struct slice scope)
{
	struct buf form = { 0 };

	token_wipe(e);
	write_form(token, audience, scope, &form);
	e->exchange = exchange_start(e->of->worker, slice_of(e->provider_name), EXCHANGE_TOKEN,
				     buf_slice(&form), on_answer, e);
	buf_wipe(&form);
	return e->exchange != NULL;
}

/* By the session, or by what was shown; and by what is asked for. */
static bool
write_name(const struct session_token *t, struct slice provider, struct slice audience,
	   struct slice scope, struct buf *out)
{
	uint8_t digest[SHA256_BYTES];

	if (t->tid.n == 0 && !sha256(t->access, digest))
		return false;
	buf_addf(out, "%.*s\n%.*s\n%.*s\n", SLICE_F(provider), SLICE_F(audience), SLICE_F(scope));
	if (t->tid.n > 0)
		buf_adds(out, t->tid);
	else
		buf_add(out, digest, sizeof digest);
	return true;
}

/* NULL: there is no room. */
static struct exchanged *
find(struct refreshes *all, struct slice name, uint32_t provider, struct slice provider_name)
{
	struct exchanged *e = map_get(&all->exchanged, name);

	if (!e && !make_room(all))
		return NULL;
	if (!e) {
		e = xcalloc(1, sizeof *e);
		e->of = all;
		e->name = xstrndup(name.p, name.n);
		e->name_n = name.n;
		e->provider = provider;
		if (provider_name.n < sizeof e->provider_name)
			memcpy(e->provider_name, provider_name.p, provider_name.n);
		list_init(&e->link);
		*map_put(&all->exchanged, name) = e;
	}
	list_remove(&e->link);
	list_push(&all->exchanged_lru, &e->link);
	return e;
}

static enum verdict
unavailable(struct request *r)
{
	r->reason = REASON_provider_unavailable;
	return REPLY;
}

static enum verdict
settled(struct request *r, const struct exchanged *e, struct slice *token, enum reason *why)
{
	r->awaited &= ~(1u << AWAIT_TOKENS);
	*why = REASON_credential_missing;
	if (e->outcome == TOKEN_GRANTED)
		*token = arena_copy(&r->arena, slice_make(e->token, e->token_n));
	return e->outcome == TOKEN_UNAVAILABLE ? unavailable(r) : PASS;
}

enum verdict
refresh_exchanged(struct request *r, uint32_t provider, uint32_t margin_s, struct slice audience,
		  struct slice scope, struct slice *token, enum reason *why)
{
	const struct segment *rules = r->table->segments[SEGMENT_RULES];
	struct refreshes *all = refreshes_of(r->worker);
	struct buf BUF_CLEAN name = { 0 };
	const struct session_token *t;
	enum verdict verdict = refresh_token(r, provider, margin_s, &t, why);
	struct slice of;
	struct exchanged *e;

	*token = (struct slice){ NULL, 0 };
	if (verdict != PASS || !t)
		return verdict;
	of = seg_string(rules, table_provider(rules, provider)->name);
	if (!write_name(t, of, audience, scope, &name) ||
	    !(e = find(all, buf_slice(&name), provider, of)))
		return unavailable(r);
	if (!e->exchange && worker_now(r->worker) < e->until_ms)
		return settled(r, e, token, why);
	if (r->rehearsed)
		return PASS;
	if (!e->exchange && !ask(e, t->access, audience, scope))
		return unavailable(r);
	if (r->awaited & 1u << AWAIT_TOKENS || /* time is up */
	    !await_begin(r, AWAIT_TOKENS, (uint64_t)(uintptr_t)e, REFRESH_WAIT_MS,
			 REFRESH_WAITING_MAX))
		return unavailable(r);
	return WAIT;
}

void
refreshes_free(struct worker *w)
{
	struct refreshes *all = w->refreshes;

	if (!all)
		return;
	list_drain (pos, &all->all)
		refresh_free(container_of(pos, struct refresh, link));
	list_drain (pos, &all->exchanged_lru)
		exchanged_free(container_of(pos, struct exchanged, link));
	map_deinit(&all->flights, NULL);
	map_deinit(&all->exchanged, NULL);
	free(all);
	w->refreshes = NULL;
}
