#include "login.h"

#include "assertion.h"
#include "client.h"
#include "limiter.h"
#include "login_own.h"
#include "suspension.h"

#include "lib/xalloc.h"

#include <stdlib.h>

#define BODY_MAX 32768 /* bytes of a form */
#define BODY_MS 30000  /* between two parts of it */

#define LOOKS (1u << METHOD_GET | 1u << METHOD_HEAD)
#define POSTS (1u << METHOD_POST)

struct login_endpoint {
	struct slice name;
	uint32_t methods;                    /* bits; 0: any */
	enum { ANYBODY, WHO, GOOD } session; /* whose is it? And may he still? */
	login_fn run;
};

static enum result
ask_policies(struct login *l)
{
	struct request *r = l->request;

	/* As of another proxy, which asks about nothing in particular (forward_auth.h). */
	r->asks = true;
	r->route = TRIE_NONE;
	r->route_flags = ROUTE_AUTH;
	return STEP_NEXT;
}

static enum result
publish_keys(struct login *l)
{
	if (table_login(login_rules(l))->assertion_iss.size > 0)
		return assertion_publish(l->request);
	l->request->reason = REASON_no_route;
	return STEP_REPLY;
}

static const struct login_endpoint endpoints[] = {
	{ { "login", 5 }, LOOKS, WHO, login_begin },
	{ { "callback", 8 }, 1u << METHOD_GET, WHO, login_callback },
	{ { "logout", 6 }, LOOKS | POSTS, WHO, login_logout },
	{ { "logout/done", 11 }, LOOKS, ANYBODY, login_logout_done },
	{ { "backchannel", 11 }, POSTS, ANYBODY, login_backchannel },
	{ { "userinfo", 8 }, LOOKS, GOOD, login_userinfo },
	{ { "user-profile", 12 }, LOOKS, ANYBODY, login_profile },
	{ { "auth", 4 }, 0, ANYBODY, ask_policies },
	{ { "jwks", 4 }, LOOKS, ANYBODY, publish_keys },
};

/* Of one provider each, as Renku's gateway has them: "<provider>/exchange". */
static const struct login_endpoint of_provider[] = {
	{ { "exchange", 8 }, LOOKS, GOOD, login_exchange_of },
	{ { "logout", 6 }, LOOKS, ANYBODY, login_logout_of },
};

/* oauth2-proxy's names of them. */
static const struct {
	struct slice name, ours;
} aliases[] = {
	{ { "start", 5 }, { "login", 5 } },
	{ { "sign_in", 7 }, { "login", 5 } },
	{ { "callback", 8 }, { "callback", 8 } },
	{ { "auth", 4 }, { "auth", 4 } },
	{ { "userinfo", 8 }, { "userinfo", 8 } },
	{ { "sign_out", 8 }, { "logout", 6 } },
	{ { "backchannel", 11 }, { "backchannel", 11 } },
};

/* ---- which one ---- */

/* What follows "<base>/"; p NULL: it is not below it. */
static struct slice
below(struct slice path, struct slice base)
{
	struct slice rest = { NULL, 0 };

	if (slice_starts(path, base) && path.n > base.n && path.p[base.n] == '/')
		rest = slice_make(path.p + base.n + 1, path.n - base.n - 1);
	else if (slice_eq(path, base))
		rest = SLICE("");
	return rest;
}

static struct slice
alias_of(struct slice rest)
{
	for (size_t i = 0; rest.p && i < sizeof aliases / sizeof aliases[0]; i++) {
		if (slice_eq(rest, aliases[i].name))
			return aliases[i].ours;
	}
	return (struct slice){ NULL, 0 };
}

/* The endpoint's name, p NULL: r is not login's. */
static struct slice
name_of(const struct request *r)
{
	const struct segment *rules = r->table->segments[SEGMENT_RULES];
	const struct table_login *login = table_login(rules);
	struct slice name = { NULL, 0 };

	if (!login)
		return name;
	name = below(r->match_path, seg_string(rules, login->base));
	if (!name.p && login->flags & LOGIN_OAUTH2_NAMES)
		name = alias_of(below(r->match_path, SLICE("/oauth2")));
	return name;
}

bool
login_is(const struct request *r)
{
	return name_of(r).p != NULL;
}

static const struct login_endpoint *
find(const struct login_endpoint *all, size_t n, struct slice name)
{
	for (size_t i = 0; i < n; i++) {
		if (slice_eq(name, all[i].name))
			return &all[i];
	}
	return NULL;
}

static const struct login_endpoint *
endpoint_of(struct login *l, struct slice name)
{
	const struct login_endpoint *found =
	    find(endpoints, sizeof endpoints / sizeof endpoints[0], name);
	struct slice rest, first = slice_cut(name, '/', &rest);

	l->provider = TRIE_NONE;
	if (found || !rest.p)
		return found;
	if (slice_eq(first, SLICE("callback"))) { /* a redirect_uri may say whose it is */
		l->provider = table_provider_find(login_rules(l), rest);
		return l->provider == TRIE_NONE ? NULL : &endpoints[1];
	}
	if (!(table_login(login_rules(l))->flags & LOGIN_RENKU))
		return NULL;
	l->provider = table_provider_find(login_rules(l), first);
	return l->provider == TRIE_NONE
		   ? NULL
		   : find(of_provider, sizeof of_provider / sizeof of_provider[0], rest);
}

/* ---- the step ---- */

static enum result
refuse(struct request *r, enum reason reason)
{
	r->reason = reason;
	return STEP_REPLY;
}

/* STEP_NEXT: all of the body is there. */
static enum result
collect(struct login *l)
{
	struct request *r = l->request;
	uint64_t n = r->body == FRAMING_LENGTH ? r->in.length : r->body_bytes;

	l->collects = r->body != FRAMING_NONE && (!r->body_done || r->spans_fresh);
	if (n <= BODY_MAX)
		return l->collects ? STEP_WAIT : STEP_NEXT;
	l->collects = false;
	return refuse(r, REASON_body_too_large);
}

void
login_input(struct request *r)
{
	struct client *c = r->client;

	if (!r->login->collects)
		return;
	timer_set(r->worker, &c->timer, r->body_done ? 0 : BODY_MS);
	if (r->body_done)
		request_advance(r);
	else if (stream_read(&c->stream) < 0)
		request_abort(r, REASON_client_gone);
}

/* The endpoint, and whether it takes the method. */
static enum result
prepare(struct request *r)
{
	struct slice name = name_of(r), query = request_query(r);
	struct login *l = r->login = xcalloc(1, sizeof *l);

	l->request = r;
	l->worker = r->worker;
	if (query.n > 0)
		l->query = arena_copy(&r->arena, slice_make(query.p + 1, query.n - 1));
	l->endpoint = endpoint_of(l, name);
	r->policy = *table_policy(login_rules(l), 0);
	r->policy.body_bytes = BODY_MAX;
	if (!l->endpoint)
		return refuse(r, REASON_no_route);
	if (l->endpoint->methods && !(l->endpoint->methods & 1u << r->method)) {
		r->allowed = l->endpoint->methods;
		return refuse(r, REASON_method_not_allowed);
	}
	return STEP_NEXT;
}

/* Who may not ask at all, and whose session it is. */
static enum verdict
admit(struct login *l)
{
	struct request *r = l->request;
	enum verdict verdict = l->admitted ? PASS : limiter_policy(r);

	l->admitted = verdict == PASS;
	if (verdict == PASS && l->endpoint->session != ANYBODY)
		verdict = session_policy(r);
	if (verdict != PASS || l->endpoint->session != GOOD)
		return verdict;
	r->who = r->session ? r->session->who : NULL;
	return r->who ? suspension_policy(r) : PASS;
}

enum result
login_step(struct request *r)
{
	enum result result = r->login ? STEP_NEXT : prepare(r);
	struct login *l = r->login;

	if (result == STEP_NEXT && r->rehearsed) /* an endpoint of ours takes it: that is all */
		return login_answer(l, 200, NULL, SLICE(""), SLICE(""));
	if (result == STEP_NEXT && l->endpoint->methods & POSTS)
		result = collect(l);
	if (result != STEP_NEXT || l->next)
		return result == STEP_NEXT ? l->next(l) : result;
	switch (admit(l)) {
	case PASS:
		break;
	case REPLY:
		return login_fail(l, r->reason);
	case WAIT:
		return STEP_WAIT;
	}
	return l->endpoint->run(l);
}
