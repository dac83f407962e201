/*
 * login_backchannel: a provider says that a session of it is over (OpenID Connect Back-Channel
 * Logout section 2.5): the sessions that it was for are ended. A token that was good once is not
 * good again: its jti is kept as long as the token would be.
 */

#include "login_own.h"

#include "gate.h"
#include "keys_wait.h"
#include "login_url.h"
#include "verifiers.h"
#include "worker.h"

#include "lib/base64.h"
#include "lib/json.h"
#include "lib/sha256.h"

#define EVENT "http://schemas.openid.net/event/backchannel-logout"
#define NAME_MAX_BYTES 255 /* of sub, sid, jti */
#define REPLAY_MIN_S 300
#define REPLAY_MAX_S 86400
#define UNDER_WAY_S "60"

/* 400 as section 2.8 has it. */
static enum result
refused(struct login *l)
{
	l->request->reason = REASON_logout_token_refused;
	return login_answer(l, 400, "application/json", SLICE("{\"error\":\"invalid_request\"}\n"),
			    SLICE("X-Yett-Reason: logout_token_refused\r\n"));
}

static enum result
unused(struct login *l)
{
	return login_fail(l, REASON_session_unavailable);
}

/* What did not end its sessions was not used: the provider may try again, as soon as it knows. */
static enum result
gave_up(struct login *l)
{
	const struct slice argv[] = { SLICE("DEL"), l->jti };

	if (l->taken)
		login_ask(l, NULL, sizeof argv / sizeof argv[0], argv);
	return login_await(l, unused);
}

static enum result
kept(struct login *l)
{
	if (l->lost)
		return login_fail(l, REASON_session_unavailable);
	return login_answer(l, 200, NULL, SLICE(""), SLICE(""));
}

static enum result
done(struct login *l)
{
	const struct slice argv[] = { SLICE("EXPIRE"), l->jti,
				      login_text(l, "%lld", (long long)l->jti_s) };

	if (l->lost)
		return gave_up(l);
	login_ask(l, NULL, sizeof argv / sizeof argv[0], argv);
	return login_await(l, kept);
}

/* ---- the sessions ---- */

static void
on_each(void *userdata, int error, const struct session *s)
{
	struct login *l = userdata;

	login_ended(l->worker, s, NULL);
	if (!s && login_told(l, error))
		login_resume(l);
}

/* The provider as sessions are kept by now: TRIE_NONE would be all of them. */
static uint32_t
provider_now(const struct login *l)
{
	const struct segment *rules = login_rules(l);

	return table_provider_find(l->worker->table->segments[SEGMENT_RULES],
				   seg_string(rules, table_provider(rules, l->provider)->name));
}

static enum result
end_sessions(struct login *l)
{
	struct session_users which = { provider_now(l), .subject = l->sub, .sid = l->sid };

	if (l->lost || which.provider == TRIE_NONE)
		return gave_up(l);
	if (!l->taken)
		return refused(l);
	if (session_of_user(l->worker, &which, true, on_each, l) < 0)
		return gave_up(l);
	login_expect(l);
	return login_await(l, done);
}

/* ---- the token ---- */

static void
on_new(struct login *l, const struct redis_reply *reply)
{
	l->taken = reply->type == REDIS_STATUS;
}

/* SET NX: who comes first, on any gateway. For as long as it may take; once all is ended, for as
 * long as the token would be good. */
static enum result
note(struct login *l, struct slice jti, int64_t until)
{
	uint8_t digest[SHA256_BYTES];
	char text[48];
	int64_t s = until - l->worker->wall;
	struct slice argv[] = { SLICE("SET"), { NULL, 0 }, SLICE("1"),
				SLICE("NX"),  SLICE("EX"), SLICE(UNDER_WAY_S) };
	const struct table_provider *p = table_provider(login_rules(l), l->provider);

	if (!sha256(jti, digest))
		return refused(l);
	l->jti_s = s < REPLAY_MIN_S ? REPLAY_MIN_S : s > REPLAY_MAX_S ? REPLAY_MAX_S : s;
	text[base64url_encode(slice_make((const char *)digest, sizeof digest), text)] = '\0';
	argv[1] = l->jti =
	    login_text(l, "loginJti:%.*s:%s", SLICE_F(seg_string(login_rules(l), p->name)), text);
	login_ask(l, on_new, sizeof argv / sizeof argv[0], argv);
	return login_await(l, end_sessions);
}

static bool
is_name(struct slice s)
{
	return s.p && s.n > 0 && s.n <= NAME_MAX_BYTES;
}

/* Section 2.6: it is about a logout, of somebody, and could not be taken for an ID token. */
static bool
claims_good(const struct json *claims)
{
	const struct json *event = json_get(json_get(claims, "events"), EVENT);
	const struct json *sub = json_get(claims, "sub"), *sid = json_get(claims, "sid");

	return event && json_kind(event) == JSON_OBJECT && !json_get(claims, "nonce") &&
	       json_get(claims, "iat") && is_name(json_text(json_get(claims, "jti"))) &&
	       (sub || sid) && (!sub || is_name(json_text(sub))) &&
	       (!sid || is_name(json_text(sid)));
}

static uint64_t
issuers_of(const struct segment *rules)
{
	uint64_t bits = 0;

	for (uint32_t i = 0; i < table_providers(rules); i++)
		bits |= 1ull << table_provider(rules, i)->issuer;
	return bits;
}

/* The provider of that issuer whose client the token is for; several may share an issuer. */
static uint32_t
provider_of(const struct login *l, const struct verified *v)
{
	const struct segment *rules = login_rules(l);

	for (uint32_t i = 0; i < table_providers(rules); i++) {
		if (table_provider(rules, i)->issuer == v->issuer)
			return i;
	}
	return TRIE_NONE;
}

static enum result
judge(struct login *l)
{
	struct arena *arena = &l->request->arena;
	struct slice token, jti, sub, sid;
	struct jwt_token t;
	struct verified v;

	if (login_parameter(arena, buf_slice(&l->request->held), "logout_token", &token) != 1)
		return refused(l);
	gate_verify(l->worker->gate, &t, token, issuers_of(login_rules(l)), l->worker->wall, true,
		    &v);
	if (v.asked && keys_await(l->request, v.asked)) {
		jwt_token_deinit(&t);
		l->next = judge;
		return STEP_WAIT;
	}
	l->provider = v.reason == REASON_none ? provider_of(l, &v) : TRIE_NONE;
	if (l->provider == TRIE_NONE || !claims_good(t.claims)) {
		l->request->ignored = v.reason;
		jwt_token_deinit(&t);
		return refused(l);
	}
	jti = arena_copy(arena, json_text(json_get(t.claims, "jti")));
	sub = json_text(json_get(t.claims, "sub"));
	sid = json_text(json_get(t.claims, "sid"));
	l->sub = sub.p ? arena_copy(arena, sub) : SLICE("");
	l->sid = sid.p ? arena_copy(arena, sid) : SLICE("");
	jwt_token_deinit(&t);
	return note(l, jti, v.span.until);
}

enum result
login_backchannel(struct login *l)
{
	return judge(l);
}
