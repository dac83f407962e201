#include "refresh.h"

#include "refresh_own.h"

#include "await.h"
#include "exchange.h"
#include "snapshot.h"
#include "worker.h"

#include "lib/xalloc.h"

#include <stdlib.h>

#define STILL_S 2 /* what ends sooner may not reach its upstream */

struct refreshes *
refreshes_of(struct worker *w)
{
	struct refreshes *all = w->refreshes;

	if (all)
		return all;
	all = w->refreshes = xcalloc(1, sizeof *all);
	all->worker = w;
	list_init(&all->all);
	list_init(&all->exchanged_lru);
	return all;
}

/* By up to an eighth more, always the same for a session: those that logged in together do not
 * refresh together. But a token that lives no longer than that is not refreshed all the time. */
static int64_t
margin_of(const struct session_token *t, uint32_t margin_s)
{
	uint32_t half_s = t->life_s / 2;
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < t->tid.n; i++)
		h = (h ^ (unsigned char)t->tid.p[i]) * 16777619u;
	if (half_s > 0 && margin_s > half_s - half_s / 8)
		margin_s = half_s - half_s / 8;
	return (int64_t)margin_s + (h >> 8) % (margin_s / 8 + 1);
}

static bool
is_good(const struct session_token *t, int64_t now, int64_t margin_s)
{
	return t->access.n > 0 && (t->expires == INT64_MAX || t->expires - now > margin_s);
}

/* What a request has got is its own: while it waits for the next one, of another provider, the
 * flight ends, and another would be one wait too many. */
struct renewed {
	struct renewed *next;
	struct session_token token;
};

static const struct session_token *
renewed_find(const struct request *r, const struct session_token *old)
{
	for (const struct renewed *n = r->renewed; n; n = n->next) {
		if (slice_eq(n->token.tid, old->tid) &&
		    is_good(&n->token, store_wall(r->worker), 0))
			return &n->token;
	}
	return NULL;
}

static const struct session_token *
renewed_add(struct request *r, const struct refresh *f)
{
	struct renewed *n = arena_alloc(&r->arena, sizeof *n);
	struct session_token *t = &n->token;

	n->next = r->renewed;
	r->renewed = n;
	*t = f->token;
	t->access = arena_copy(&r->arena, t->access);
	t->refresh = arena_copy(&r->arena, t->refresh);
	t->id = arena_copy(&r->arena, t->id);
	t->tid = arena_copy(&r->arena, t->tid);
	return t;
}

static enum verdict
unavailable(struct request *r)
{
	r->reason = REASON_provider_unavailable;
	return REPLY;
}

/* Of a flight that has settled. `still`: the session's own token is good enough. */
static enum verdict
settled(struct request *r, const struct refresh *f, bool still, const struct session_token **out)
{
	r->awaited &= ~(1u << AWAIT_TOKENS);
	if (f->outcome == TOKEN_GRANTED)
		*out = renewed_add(r, f);
	else if (!still)
		*out = NULL;
	return f->outcome == TOKEN_GRANTED || f->outcome == TOKEN_GONE || still ? PASS
										: unavailable(r);
}

static enum verdict
wait_for(struct request *r, struct refresh *f)
{
	if (r->awaited & 1u << AWAIT_TOKENS) /* time is up */
		return unavailable(r);
	return await_begin(r, AWAIT_TOKENS, (uint64_t)(uintptr_t)f, REFRESH_WAIT_MS,
			   REFRESH_WAITING_MAX)
		   ? WAIT
		   : unavailable(r);
}

static bool
can_refresh(const struct request *r, const struct session_token *t)
{
	return t->refresh.n > 0 && t->tid.n > 0 && t->refresh_expires > store_wall(r->worker) &&
	       !r->rehearsed;
}

/* `t` ends soon, or has ended. */
static enum verdict
renew(struct request *r, const struct session_token *t, uint32_t provider, uint32_t margin_s,
      const struct session_token **out)
{
	struct refreshes *all = refreshes_of(r->worker);
	const struct segment *rules = r->table->segments[SEGMENT_RULES];
	bool still = is_good(t, store_wall(r->worker), STILL_S);
	struct refresh *f = map_get(&all->flights, t->tid);

	*out = still ? t : NULL;
	if (!f && refresh_rests(all, provider))
		return still ? PASS : unavailable(r);
	if (!f)
		f = refresh_begin(all, t, provider,
				  seg_string(rules, table_provider(rules, provider)->name),
				  margin_s);
	if (f->phase == REFRESH_SETTLED)
		return settled(r, f, still, out);
	return still ? PASS : wait_for(r, f);
}

enum verdict
refresh_token(struct request *r, uint32_t provider, uint32_t margin_s,
	      const struct session_token **out, enum reason *why)
{
	const struct session_token *t =
	    r->session && provider < PROVIDERS_MAX ? &r->session->tokens[provider] : NULL;
	enum verdict verdict = PASS;

	*out = NULL;
	*why = REASON_login_needed;
	if (!t || (t->access.n == 0 && t->refresh.n == 0))
		return PASS;
	if (is_good(t, store_wall(r->worker), margin_of(t, margin_s)))
		*out = t;
	else if ((*out = renewed_find(r, t)))
		verdict = PASS;
	else if (can_refresh(r, t))
		verdict = renew(r, t, provider, (uint32_t)margin_of(t, margin_s), out);
	else if (is_good(t, store_wall(r->worker), 0))
		*out = t;
	return verdict;
}

/* ---- what is not needed any more ---- */

static void
on_revoked(void *userdata, const struct exchange_answer *a)
{
}

void
refresh_revoke(struct worker *w, struct slice provider, struct slice token)
{
	const struct segment *rules = w->table->segments[SEGMENT_RULES];
	const struct table_provider *p =
	    table_provider(rules, table_provider_find(rules, provider));
	struct buf form = { 0 };

	if (!p || !(p->flags & PROVIDER_REVOKES) || token.n == 0)
		return;
	buf_reserve(&form, 3 * token.n + 64);
	buf_adds(&form, SLICE("token_type_hint=refresh_token&token="));
	buf_add_form(&form, token);
	(void)exchange_start(w, provider, EXCHANGE_REVOKE, buf_slice(&form), on_revoked, NULL);
	buf_wipe(&form);
}
