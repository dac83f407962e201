/*
 * login_about: what a page of ours asks about who is logged in.
 */

#include "login_own.h"

#include "worker.h"

static enum result
needed(struct login *l)
{
	return login_fail(l, REASON_login_needed);
}

/* What the ID token says. */
enum result
login_userinfo(struct login *l)
{
	const struct session *s = l->request->session;

	if (!s || s->claims.n == 0)
		return needed(l);
	return login_answer(l, 200, "application/json", s->claims, SLICE(""));
}

/* The user's account at the provider that he is known by. */
enum result
login_profile(struct login *l)
{
	const struct segment *rules = login_rules(l);
	const struct table_login *login = table_login(rules);
	const uint32_t *first =
	    login->sequence_count > 0
		? seg_at(rules, RULES_SEQUENCE, login->sequence_first, sizeof *first)
		: NULL;
	const struct table_provider *p = table_provider(rules, first ? *first : 0);
	struct slice account = p ? seg_string(rules, p->account) : SLICE("");

	if (account.n > 0)
		return login_go(l, account);
	l->request->reason = REASON_no_route;
	return STEP_REPLY;
}

/* As Renku's gateway hands it to its page: the one place where a browser sees a token. */
enum result
login_exchange_of(struct login *l)
{
	const struct session *s = l->request->session;
	const struct session_token *t = s ? &s->tokens[l->provider] : NULL;
	struct buf body = { 0 };
	enum result result;

	if (!t || t->access.n == 0 || t->expires <= store_wall(l->worker))
		return login_answer(l, 401, "text/plain; charset=utf-8", SLICE("Unauthorized"),
				    SLICE("X-Yett-Reason: login_needed\r\n"));
	buf_reserve(&body, 6 * t->access.n + 128);
	buf_adds(&body, SLICE("{\"access_token\":"));
	buf_add_json(&body, t->access);
	buf_addf(&body, ",\"expires_at\":%lld}\n",
		 t->expires == INT64_MAX ? -1ll : (long long)t->expires);
	result = login_answer(l, 200, "application/json", buf_slice(&body), SLICE(""));
	buf_wipe(&body);
	return result;
}
