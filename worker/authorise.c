#include "authorise.h"

#include "identity.h"
#include "real_client.h"
#include "tls_front.h"
#include "worker.h"

#include "lib/tls_peer.h"

#define SCOPE_TOLD_MAX 1024 /* bytes of scopes in a header */

static const struct segment *
rules_of(const struct request *r)
{
	return r->table->segments[SEGMENT_RULES];
}

/* ---- one clause ---- */

static bool
is_value(const struct segment *rules, const struct table_clause *c, struct slice text)
{
	for (uint32_t i = 0; i < c->count; i++) {
		if (slice_eq(table_clause_value(rules, c, i), text))
			return true;
	}
	return false;
}

/* A list of scopes is a text with spaces (RFC 8693 section 4.2), or a list. */
static bool
has_scope(const struct segment *rules, const struct table_clause *c, struct slice text)
{
	while (text.n > 0) {
		struct slice word = slice_cut(text, ' ', &text);

		if (word.n > 0 && is_value(rules, c, word))
			return true;
	}
	return false;
}

/* A claim that has no text cannot be compared, but it is there. */
static enum answer
claim_answer(const struct request *r, const struct table_clause *c)
{
	const struct segment *rules = rules_of(r);
	enum answer answer = ANSWER_NO;

	for (uint32_t i = 0; i < c->facts_count && i < CLAUSE_FACTS; i++) {
		size_t n;
		const struct identity_value *v = identity_values(r->who, c->facts[i], &n);

		for (size_t k = 0; k < n; k++) {
			struct slice text = identity_text(r->who, v[k].text);

			if (c->kind == CLAUSE_CLAIM && c->count == 0)
				return ANSWER_YES;
			if (v[k].opaque)
				answer = ANSWER_UNKNOWN;
			else if (c->kind == CLAUSE_SCOPES ? has_scope(rules, c, text)
							  : is_value(rules, c, text))
				return ANSWER_YES;
		}
	}
	return answer;
}

static enum answer
yes_or_no(bool yes)
{
	return yes ? ANSWER_YES : ANSWER_NO;
}

/* By the names of the configuration: what a token calls its issuer was compared before. */
static enum answer
issuer_answer(const struct request *r, const struct table_clause *c)
{
	const struct table_issuer *issuer =
	    seg_at(rules_of(r), RULES_ISSUERS, r->who->issuer, sizeof *issuer);

	if (r->who->kind == IDENTITY_API_KEY)
		return yes_or_no(c->bits & CLAUSE_KIND_API_KEY);
	if (!issuer)
		return ANSWER_UNKNOWN;
	return yes_or_no(is_value(rules_of(r), c, seg_string(rules_of(r), issuer->name)));
}

static enum answer
kind_answer(const struct request *r, const struct table_clause *c)
{
	switch ((enum identity_kind)r->who->kind) {
	case IDENTITY_TOKEN:
	case IDENTITY_SESSION: /* made of one */
		return yes_or_no(c->bits & CLAUSE_KIND_TOKEN);
	case IDENTITY_API_KEY:
		return yes_or_no(c->bits & CLAUSE_KIND_API_KEY);
	}
	return ANSWER_UNKNOWN;
}

/* Of who showed none that could be verified nothing is known. */
static enum answer
certificate_answer(const struct request *r, const struct table_clause *c)
{
	const struct tls_peer *peer = tls_front_peer(r);
	struct slice value;

	if (!peer)
		return ANSWER_UNKNOWN;
	for (unsigned i = 0; (value = tls_peer_fact(peer, c->bits, i)).p; i++) {
		if (c->count == 0 || is_value(rules_of(r), c, value))
			return ANSWER_YES;
	}
	return ANSWER_NO;
}

static bool
asks_who(const struct table_clause *c)
{
	return c->kind <= CLAUSE_KIND;
}

enum answer
authorise_answer(struct request *r, const struct table_clause *c)
{
	if (asks_who(c) && !r->who)
		return ANSWER_UNKNOWN;
	switch ((enum clause_kind)c->kind) {
	case CLAUSE_SCOPES:
	case CLAUSE_CLAIM:
		return claim_answer(r, c);
	case CLAUSE_IDENTITY:
		return ANSWER_YES;
	case CLAUSE_ISSUER:
		return issuer_answer(r, c);
	case CLAUSE_KIND:
		return kind_answer(r, c);
	case CLAUSE_METHODS:
		return yes_or_no(c->bits & 1u << r->route_method);
	case CLAUSE_ADDRESSES:
		return yes_or_no(table_clause_networks(rules_of(r), c, real_client_ip(r)));
	case CLAUSE_CERTIFICATE:
		return certificate_answer(r, c);
	case CLAUSE_UNKNOWN:
	case CLAUSE_N:
		break;
	}
	return ANSWER_UNKNOWN;
}

/* ---- a program ---- */

const struct identity *
authorise_enter(struct request *r, const struct table_authorise *a)
{
	const struct identity *who = r->who;

	if (!who && a->flags & AUTHORISE_SHADOW)
		r->who = r->would;
	return who;
}

const struct table_clause *
authorise_run(struct request *r, const struct table_authorise *a)
{
	const struct table_clause *c = NULL;
	uint32_t at = a->first;

	/* Each step leads further (table_authorise_ok). */
	while (at != CLAUSE_PASS && at != CLAUSE_REFUSE) {
		enum answer answer;

		c = table_clause(rules_of(r), at);
		answer = authorise_answer(r, c);
		at = answer != ANSWER_UNKNOWN && (answer == ANSWER_YES) != (c->negated != 0)
			 ? c->holds
			 : c->fails;
	}
	return at == CLAUSE_PASS ? NULL : c;
}

void
authorise_each(struct request *r, table_authorise_fn *each, void *userdata)
{
	const struct segment *rules = rules_of(r);
	struct table_key key;

	if (r->authorise)
		each(userdata, r->authorise, NULL, SLICE(""));
	if (!table_global(rules)->gate_authorises)
		return;
	route_key(r, r->match_path, &key);
	table_gate_authorises(rules, &key, r->route_flags, each, userdata);
}

/* ---- the refusal ---- */

/* RFC 6750 section 3.1: all of them, though one is enough. */
static struct slice
scopes_of(struct request *r, const struct table_clause *c)
{
	char *text = arena_alloc(&r->arena, SCOPE_TOLD_MAX);
	size_t n = 0;

	for (uint32_t i = 0; i < c->count; i++) {
		struct slice scope = table_clause_value(rules_of(r), c, i);

		if (n + scope.n + 1 > SCOPE_TOLD_MAX)
			return SLICE("");
		if (i > 0)
			text[n++] = ' ';
		memcpy(text + n, scope.p, scope.n);
		n += scope.n;
	}
	return slice_make(text, n);
}

static enum reason
reason_of(const struct request *r, const struct table_clause *c)
{
	if (asks_who(c) && !r->who)
		return r->ignored != REASON_none ? r->ignored : REASON_token_missing;
	if (c->kind == CLAUSE_SCOPES && !c->negated)
		return REASON_scope_insufficient;
	return c->kind == CLAUSE_ADDRESSES ? REASON_address_refused : REASON_not_authorised;
}

static void
refuse(struct request *r, const struct table_clause *c)
{
	r->reason = reason_of(r, c);
	if (asks_who(c) && !r->who)
		r->challenge = policy_challenge(r->reason);
	if (r->reason != REASON_scope_insufficient)
		return;
	r->challenge = "insufficient_scope";
	r->scope = scopes_of(r, c);
}

static void
judge(void *userdata, uint32_t number, const struct table_gate *gate, struct slice at)
{
	struct request *r = userdata;
	const struct table_authorise *a = table_authorise(rules_of(r), number);
	const struct identity *who = authorise_enter(r, a);
	const struct table_clause *c = r->reason == REASON_none ? authorise_run(r, a) : NULL;

	if (c && a->flags & AUTHORISE_SHADOW)
		r->shadow = r->shadow == REASON_none ? reason_of(r, c) : r->shadow;
	else if (c)
		refuse(r, c);
	r->who = who;
}

enum verdict
authorise_policy(struct request *r)
{
	if (!r->authorise && !table_global(rules_of(r))->gate_authorises)
		return PASS;
	authorise_each(r, judge, r);
	return r->reason == REASON_none ? PASS : REPLY;
}
