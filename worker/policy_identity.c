/*
 * policy_identity: who asks? Collects what of a request the gate looks at, and does what its
 * verdict says.
 */

#include "policies.h"

#include "gate.h"
#include "identity.h"
#include "introspect_wait.h"
#include "keys_wait.h"
#include "session.h"
#include "token_query.h"
#include "worker.h"

#include <assert.h>

const char *
policy_challenge(enum reason reason)
{
	switch (reason) {
	case REASON_gate_unavailable: /* not the client's fault */
	case REASON_gate_no_keys:
	case REASON_session_unavailable:
		return NULL;
	case REASON_token_missing:
		return "";
	case REASON_token_repeated:
		return "invalid_request";
	default:
		return "invalid_token"; /* RFC 6750 section 3.1 */
	}
}

static const struct identity *
own_copy(struct request *r, const struct identity *who)
{
	return memcpy(arena_alloc(&r->arena, who->size), who, who->size);
}

static void
take(struct request *r, const struct gate_verdict *verdict)
{
	board_add(&r->worker->page->counts
		       .counter[verdict->cached ? COUNTER_token_hits : COUNTER_token_misses],
		  1);
	r->who = own_copy(r, verdict->who);
	r->identity = identity_shown(r->who);
}

/* Does the shadow mode want to know, of the route or of one of the file that may be its floor? */
static bool
looks(const struct request *r)
{
	assert(r->table);
	return r->route_flags & ROUTE_LOOK ||
	       (r->route_flags & ROUTE_FLOOR &&
		snapshot_global(r->table)->gate_authorises & GATE_AUTHORISES_LOOKS);
}

/* For the shadow mode alone: nobody is let in, known or refused by it. */
static void
look(struct request *r, const struct gate_verdict *verdict)
{
	if (verdict->reason == REASON_none)
		r->would = own_copy(r, verdict->who);
	else if (r->route_flags & ROUTE_LOOK)
		r->shadow = verdict->reason;
}

static void
field_take(const struct request *r, const struct http_field *f, struct slice *value, bool *repeated)
{
	*repeated = value->p != NULL;
	*value = http_value(&r->in, f);
}

static void
collect(const struct request *r, struct gate_input *in)
{
	const struct gate_headers *names = gate_headers(r->worker->gate);

	for (uint16_t i = 0; i < r->in.fields_n; i++) {
		const struct http_field *f = &r->in.fields[i];

		if (f->id == HTTP_AUTHORIZATION)
			field_take(r, f, &in->authorization, &in->authorization_repeated);
		else if (f->id == HTTP_COOKIE && in->cookies_count < GATE_COOKIES)
			in->cookies[in->cookies_count++] = http_value(&r->in, f);
		if (names->token.n && slice_ieq(http_name(&r->in, f), names->token))
			field_take(r, f, &in->header, &in->header_repeated);
		if (names->api_key.n && slice_ieq(http_name(&r->in, f), names->api_key))
			field_take(r, f, &in->api_key, &in->api_key_repeated);
	}
	in->query = r->query_token;
	in->query_repeated = r->query_tokens;
}

/* Is it as if there were no token? Not where it could not be judged: who has a good one must not
 * become nobody by our fault. */
static bool
is_ignored(struct request *r, enum reason reason)
{
	const struct table_global *g = snapshot_global(r->table);

	if (reason == REASON_token_missing)
		return true;
	if (reason_info(reason)->status >= 500 || g->refuse_bad_optional)
		return false;
	board_add(&r->worker->page->counts.counter[COUNTER_tokens_ignored], 1);
	r->ignored = reason;
	return true;
}

static enum verdict
refuse(struct request *r, enum reason reason)
{
	if (reason == REASON_token_missing && r->session_dead)
		reason = REASON_session_expired;
	r->reason = reason;
	r->challenge = policy_challenge(reason);
	return REPLY;
}

/* By a session: PASS with r->session, where there is one. */
static enum verdict
by_session(struct request *r, bool needed, uint64_t issuers)
{
	enum verdict verdict = session_policy(r);
	enum reason fault = REASON_none;

	if (verdict != PASS || !r->session || r->session->ephemeral)
		return verdict;
	if (r->who && !(issuers >> r->who->issuer & 1))
		fault = REASON_token_issuer;
	else if (!r->who)
		fault = r->session->fault;
	if (fault == REASON_none)
		return PASS;
	if (needed)
		return refuse(r, fault);
	session_leave(r);
	r->who = NULL;
	r->identity = SLICE("");
	r->ignored = fault;
	return PASS;
}

static enum verdict
passed(struct request *r, const struct gate_verdict *verdict)
{
	const struct table_hub *hub =
	    r->action ? table_hub(r->table->segments[SEGMENT_RULES], r->action->hub) : NULL;
	struct slice token = verdict->token;

	take(r, verdict);
	if (r->injects || hub)
		r->shown = arena_copy(&r->arena, token);
	if (!r->worker->sessions || !(r->injects || (hub && hub->provider != TRIE_NONE)))
		return PASS;
	return session_caller(r, token);
}

/* By a token, or a key. */
static enum verdict
by_token(struct request *r, bool needed, bool wanted, uint64_t issuers)
{
	struct worker *w = r->worker;
	const struct table_login *login = table_login(r->table->segments[SEGMENT_RULES]);
	struct gate_input in = { 0 };
	struct gate_verdict verdict;

	collect(r, &in);
	in.issuers = login ? issuers & ~login->issuers : issuers;
	gate_check(w->gate, &in, w->wall, &verdict);
	if (verdict.asked && keys_await(r, verdict.asked))
		return WAIT;
	if (verdict.unknown.p && introspect_await(r, &verdict))
		return WAIT;
	if (!wanted) {
		look(r, &verdict);
		return PASS;
	}
	if (verdict.reason == REASON_none)
		return passed(r, &verdict);
	return !needed && is_ignored(r, verdict.reason) ? PASS : refuse(r, verdict.reason);
}

enum verdict
policy_identity(struct request *r)
{
	struct table_protection protection = policies_protection(r);
	uint64_t issuers = r->policy.issuers & protection.issuers;
	bool needed = protection.needed;
	bool wanted = needed || r->route_flags & ROUTE_OPTIONAL || r->injects;
	enum verdict verdict;

	if (!wanted && !looks(r))
		return PASS;
	if (wanted && r->worker->sessions) {
		verdict = by_session(r, needed, issuers);
		if (verdict != PASS || (r->session && r->who))
			return verdict;
	}
	return by_token(r, needed, wanted, issuers);
}
