/*
 * What a credential is at the moment: of the session, which may have to be renewed or made first,
 * of a token that was shown, or of the file.
 */

#include "inject_own.h"

#include "assertion.h"
#include "identity.h"
#include "inject_value.h"
#include "refresh.h"
#include "session.h"
#include "worker.h"

#include "lib/base64.h"

#include <inttypes.h>

/* ---- tokens ---- */

static struct slice
iss_of(const struct injection *in, uint32_t issuer)
{
	const struct table_issuer *row = seg_at(in->rules, RULES_ISSUERS, issuer, sizeof *row);

	return row ? seg_string(in->rules, row->iss) : SLICE("");
}

/* The provider whose user it is; TRIE_NONE: none of them. To the gate it may be another row. */
static uint32_t
own_provider(const struct injection *in)
{
	struct slice iss = in->r->who ? iss_of(in, in->r->who->issuer) : SLICE("");

	if (in->r->session && in->r->session->first != TRIE_NONE)
		return in->r->session->first;
	for (uint32_t i = 0; iss.n > 0 && i < table_providers(in->rules); i++) {
		if (slice_eq(iss_of(in, table_provider(in->rules, i)->issuer), iss))
			return i;
	}
	return TRIE_NONE;
}

/* *out NULL where there is none. A rehearsal takes what is there, whether it is good or not. */
static enum told
find_token(struct injection *in, uint32_t provider, const struct session_token **out)
{
	struct request *r = in->r;
	enum reason why;

	*out = NULL;
	if (!r->session || provider >= PROVIDERS_MAX)
		return TOLD_NOTHING;
	if (r->rehearsed) {
		*out = &r->session->tokens[provider];
		return (*out)->access.n > 0 ? TOLD : TOLD_NOTHING;
	}
	switch (refresh_token(r, provider, in->login->refresh_s, out, &why)) {
	case WAIT:
		return TOLD_LATER;
	case REPLY:
		return TOLD_REFUSED;
	case PASS:
		break;
	}
	return *out ? TOLD : TOLD_NOTHING;
}

static enum told
add_part(struct injection *in, struct slice part)
{
	buf_adds(&in->value, part);
	return part.n > 0 ? TOLD : TOLD_NOTHING;
}

static enum told
add_git(struct injection *in, const struct table_credential *c, const struct session_token *t)
{
	struct inject_git git = {
		.origin = seg_string(in->rules, c->text),
		.provider = seg_string(in->rules, table_provider(in->rules, c->provider)->title),
		.token = t->access,
		.expires = t->expires,
	};

	if (t->access.n == 0)
		return TOLD_NOTHING;
	inject_git(&git, &in->value);
	return TOLD;
}

/* What stands in the session under the row's provider. */
static enum told
tell_token(struct injection *in, const struct table_credential *c)
{
	const struct session_token *t;
	enum told told = find_token(in, c->provider, &t);

	if (told != TOLD)
		return told;
	switch ((enum credential_value)c->value) {
	case CREDENTIAL_REFRESH_TOKEN:
		return add_part(in, t->refresh);
	case CREDENTIAL_ID_TOKEN:
		return add_part(in, t->id);
	case CREDENTIAL_GIT:
		return add_git(in, c, t);
	case CREDENTIAL_EXPIRES_AT:
		if (t->access.n == 0 || t->expires == INT64_MAX)
			return TOLD_NOTHING;
		buf_addf(&in->value, "%" PRId64, t->expires);
		return TOLD;
	default:
		return add_part(in, t->access);
	}
}

/* By which the caller is known. */
static enum told
tell_session_token(struct injection *in)
{
	const struct session_token *t;
	enum told told;

	if (in->r->shown.n > 0)
		return add_part(in, in->r->shown);
	told = find_token(in, own_provider(in), &t);
	return told == TOLD ? add_part(in, t->access) : told;
}

static enum told
tell_exchanged(struct injection *in, const struct table_credential *c)
{
	struct request *r = in->r;
	struct slice token = { NULL, 0 };
	enum reason why;

	if (!r->session || r->rehearsed)
		return r->session && r->session->who ? add_part(in, SLICE("?")) : TOLD_NOTHING;
	switch (refresh_exchanged(r, c->provider, in->login->refresh_s,
				  seg_string(in->rules, c->text), seg_string(in->rules, c->scope),
				  &token, &why)) {
	case WAIT:
		return TOLD_LATER;
	case REPLY:
		return TOLD_REFUSED;
	case PASS:
		break;
	}
	return add_part(in, token);
}

/* ---- claims ---- */

/* The middle part of a token that was verified when it came; n == 0: it has none. */
static struct slice
payload(struct injection *in, struct slice token)
{
	struct slice rest, text;
	char *room;
	size_t n = 0;

	slice_cut(token, '.', &rest);
	text = slice_cut(rest, '.', &rest);
	if (text.n == 0 || text.n > INJECT_CLAIMS_MAX)
		return SLICE("");
	room = arena_alloc(&in->r->arena, text.n / 4 * 3 + 2);
	return base64url_decode(text, room, &n) == 0 ? slice_make(room, n) : SLICE("");
}

/* Of the user as the provider knows it; TRIE_NONE: the one that the user is known by. */
static struct slice
claims_text(struct injection *in, uint32_t provider)
{
	const struct request *r = in->r;

	if (provider != TRIE_NONE && provider != own_provider(in))
		return r->session ? payload(in, r->session->tokens[provider].id) : SLICE("");
	if (r->session && r->session->claims.n > 0)
		return r->session->claims;
	return payload(in, r->shown);
}

static const struct json *
claims_of(struct injection *in, uint32_t provider)
{
	struct slice text;

	if (in->claims && in->claims_of == provider)
		return in->claims;
	json_free(in->claims);
	in->claims = NULL;
	in->claims_of = provider;
	text = claims_text(in, provider);
	if (text.n > 0 && json_parse(text, INJECT_CLAIMS_MAX, INJECT_CLAIMS_DEPTH, &in->claims) < 0)
		in->claims = NULL;
	return in->claims;
}

static enum told
tell_claims(struct injection *in, const struct table_credential *c)
{
	const struct json *claims = in->r->who ? claims_of(in, c->provider) : NULL;

	if (!claims)
		return TOLD_NOTHING;
	if (c->value == CREDENTIAL_CLAIMS)
		inject_json(claims, &in->value);
	else if (!inject_claim(claims, seg_string(in->rules, c->text), &in->value))
		return TOLD_NOTHING;
	return TOLD;
}

static enum told
tell_assertion(struct injection *in, const struct table_credential *c)
{
	const struct request *r = in->r;
	struct assertion_about about;

	if (!r->who || r->who->sub.n == 0)
		return TOLD_NOTHING;
	about = (struct assertion_about){
		.issuer = seg_string(in->rules, in->login->assertion_iss),
		.audience = seg_string(in->rules, c->text),
		.sub = identity_text(r->who, r->who->sub),
		.idp = iss_of(in, r->who->issuer),
		.session = r->session ? slice_of(r->session->id) : SLICE(""),
		.claims = claims_text(in, TRIE_NONE),
		.ttl_s = c->ttl_s,
	};
	return add_part(in, assertion_make(r->worker->assertions, &about, r->worker->wall));
}

/* ---- all of them ---- */

/* For nobody: who is known needs no such name. */
static enum told
tell_anonymous(struct injection *in)
{
	struct request *r = in->r;

	if (r->who)
		return TOLD_NOT_DUE;
	if (r->rehearsed && !r->session)
		return add_part(in, SLICE("?"));
	switch (session_anonymous(r)) {
	case WAIT:
		return TOLD_LATER;
	case REPLY:
		return TOLD_REFUSED;
	case PASS:
		break;
	}
	if (!r->session)
		return TOLD_NOTHING;
	session_anonymous_id(r, r->session, &in->value);
	return TOLD;
}

enum told
inject_tell(struct injection *in, const struct table_credential *c)
{
	switch ((enum credential_value)c->value) {
	case CREDENTIAL_ACCESS_TOKEN:
	case CREDENTIAL_REFRESH_TOKEN:
	case CREDENTIAL_ID_TOKEN:
	case CREDENTIAL_EXPIRES_AT:
	case CREDENTIAL_GIT:
		return tell_token(in, c);
	case CREDENTIAL_CLAIM:
	case CREDENTIAL_CLAIMS:
		return tell_claims(in, c);
	case CREDENTIAL_ANONYMOUS_ID:
		return tell_anonymous(in);
	case CREDENTIAL_SECRET:
		return add_part(in, table_secret(in->r->table->segments[SEGMENT_KEYS],
						 SECRET_STATIC, c->number));
	case CREDENTIAL_EXCHANGED:
		return tell_exchanged(in, c);
	case CREDENTIAL_ASSERTION:
		return in->login ? tell_assertion(in, c) : TOLD_NOTHING;
	case CREDENTIAL_SESSION_TOKEN:
		return tell_session_token(in);
	case CREDENTIAL_VALUE_N:
		break;
	}
	return TOLD_NOTHING;
}
