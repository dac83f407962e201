/*
 * login_callback: a browser comes back from a provider. Its state is taken, whatever else it
 * brings; then the code is exchanged, the ID token verified, and a session made or given more
 * tokens. Then on to the next provider, or to where it all was to end.
 */

#include "login_own.h"

#include "login_url.h"
#include "worker.h"

#include "lib/log.h"

#define LOG_MS 1000 /* between two lines */

static const struct table_provider *
provider_of(const struct login *l, uint32_t *index)
{
	*index = table_provider_find(login_rules(l), l->state.providers[0]);
	return *index == TRIE_NONE ? NULL : table_provider(login_rules(l), *index);
}

/* ---- the session ---- */

static enum result
finish(struct login *l)
{
	login_browser_done(l, l->state.place);
	board_add(&l->worker->page->counts.counter[COUNTER_logins_completed], 1);
	return login_go(l, l->state.place);
}

static enum result
logged_in(struct login *l)
{
	uint32_t p;
	const struct table_provider *provider = provider_of(l, &p);
	struct login_state *s = &l->state;

	if (l->lost || !provider)
		return login_fail(l, REASON_session_unavailable);
	session_cookie(l->request, l->session, &l->cookies);
	if (s->sub.n == 0) {
		s->first = seg_string(login_rules(l), provider->name);
		s->sub = l->sub;
	}
	s->count--;
	memmove(s->providers, s->providers + 1, s->count * sizeof *s->providers);
	return s->count > 0 ? login_leave_to(l) : finish(l);
}

static void
on_session(void *userdata, int error, const char *id)
{
	struct login *l = userdata;

	if (error == 0)
		memcpy(l->session, id, sizeof l->session);
	if (login_told(l, error))
		login_resume(l);
}

/* The tokens go to who began this, and to nobody who is logged in here by now. */
static bool
is_whose(const struct login *l)
{
	struct slice first, sub;

	return l->state.sub.n == 0 ||
	       (login_session_of(l, &first, &sub) && slice_eq(first, l->state.first) &&
		slice_eq(sub, l->state.sub));
}

static enum result
begin_session(struct login *l, uint32_t p)
{
	const struct session *s = l->request->session;
	struct session_draft draft = {
		.replaces = s && !s->ephemeral ? login_text(l, "%s", s->id) : SLICE(""),
		.provider = p,
		.subject = l->sub,
		.access = l->answer.access,
		.refresh = l->answer.refresh,
		.id_token = l->answer.id_token,
		.expires = l->answer.expires,
		.refresh_expires = l->answer.refresh_expires,
	};

	if (!is_whose(l))
		return login_fail(l, REASON_login_changed);
	login_let_go(l);
	if (session_login(l->worker, &draft, on_session, l) < 0)
		return login_fail(l, REASON_session_unavailable);
	login_expect(l);
	return login_await(l, logged_in);
}

/* ---- the tokens ---- */

static enum result
verify(struct login *l)
{
	struct request *r = l->request;
	enum reason reason;
	bool waits;
	uint32_t p;

	if (!provider_of(l, &p))
		return login_fail(l, REASON_login_provider_unknown);
	if (session_is_ahead(r)) /* it would be somebody else's session */
		return login_fail(l, REASON_session_unavailable);
	reason = login_id_token(l, p, &waits);
	if (waits) {
		l->next = verify;
		return STEP_WAIT;
	}
	if (reason == REASON_none)
		return begin_session(l, p);
	r->ignored = reason; /* for the log */
	return login_fail(l, reason == REASON_gate_no_keys ? REASON_provider_unavailable
							   : REASON_login_failed);
}

static enum result
exchanged(struct login *l)
{
	switch (l->outcome) {
	case TOKEN_GRANTED:
		return verify(l);
	case TOKEN_GONE:
	case TOKEN_REFUSED:
		return login_fail(l, REASON_login_refused);
	case TOKEN_UNAVAILABLE:
		break;
	}
	return login_fail(l, REASON_provider_unavailable);
}

/* Anybody can bring codes that are none: a line a while. */
static void
tell(struct worker *w, const char *why)
{
	if (worker_now(w) < w->login_log_at) {
		w->login_unlogged++;
		return;
	}
	log_warn("login error=\"no tokens for a code: %s\" unlogged=%llu", why,
		 (unsigned long long)w->login_unlogged);
	w->login_log_at = worker_now(w) + LOG_MS;
	w->login_unlogged = 0;
}

static void
on_exchanged(void *userdata, const struct exchange_answer *a)
{
	struct login *l = userdata;

	l->exchange = NULL;
	l->outcome = token_answer_read(a->status, a->body, store_wall(l->worker), &l->answer);
	if (l->outcome != TOKEN_GRANTED)
		tell(l->worker, l->answer.why);
	login_resume(l);
}

static enum result
exchange_code(struct login *l, const struct table_provider *p, struct slice code)
{
	struct buf form = { 0 };
	struct slice name = seg_string(login_rules(l), p->name);

	buf_reserve(&form, 3 * (code.n + p->redirect_uri.size) + 256);
	login_add_parameter(&form, "grant_type", SLICE("authorization_code"));
	login_add_parameter(&form, "code", code);
	login_add_parameter(&form, "redirect_uri", seg_string(login_rules(l), p->redirect_uri));
	login_add_parameter(&form, "code_verifier", l->state.verifier);
	l->exchange =
	    exchange_start(l->worker, name, EXCHANGE_CODE, buf_slice(&form), on_exchanged, l);
	buf_wipe(&form);
	return l->exchange ? login_await(l, exchanged) : login_fail(l, REASON_provider_unavailable);
}

/* ---- what the browser brings ---- */

static struct slice
issuer_of(const struct login *l, const struct table_provider *p)
{
	const struct table_issuer *row =
	    seg_at(login_rules(l), RULES_ISSUERS, p->issuer, sizeof *row);

	return row ? seg_string(login_rules(l), row->iss) : SLICE("");
}

/* RFC 6749 section 4.1.2.1, OpenID Connect Core section 3.1.2.6. */
static enum reason
reason_of(struct slice error)
{
	if (slice_eq(error, SLICE("access_denied")))
		return REASON_login_denied;
	if (slice_eq(error, SLICE("temporarily_unavailable")) ||
	    slice_eq(error, SLICE("server_error")))
		return REASON_provider_unavailable;
	return REASON_login_refused;
}

static enum result
taken(struct login *l)
{
	struct arena *arena = &l->request->arena;
	struct slice iss, error, code;
	const struct table_provider *p;
	uint32_t index;

	if (l->lost)
		return login_fail(l, REASON_session_unavailable);
	if (!login_browser_open(l) || l->state.logout) {
		l->state.count = 0;
		return login_fail(l, REASON_state_unknown);
	}
	p = provider_of(l, &index);
	if (!p)
		return login_fail(l, REASON_login_provider_unknown);
	/* Another provider than the one that was asked (RFC 9207 section 2.4). */
	if ((l->provider != TRIE_NONE && l->provider != index) ||
	    (login_parameter(arena, l->query, "iss", &iss) > 0 && !slice_eq(iss, issuer_of(l, p))))
		return login_fail(l, REASON_login_failed);
	if (login_parameter(arena, l->query, "error", &error) > 0)
		return login_fail(l, reason_of(error));
	if (login_parameter(arena, l->query, "code", &code) != 1 || code.n == 0)
		return login_fail(l, REASON_login_malformed);
	return exchange_code(l, p, code);
}

enum result
login_callback(struct login *l)
{
	struct slice key;
	unsigned n = login_parameter(&l->request->arena, l->query, "state", &key);

	if (n != 1)
		return login_fail(l, REASON_login_malformed);
	login_browser(l);
	if (key.n != SESSION_ID || l->browser_new)
		return login_fail(l, REASON_state_unknown);
	login_browser_take(l, key);
	return login_await(l, taken);
}
