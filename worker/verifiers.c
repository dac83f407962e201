#include "verifiers.h"

#include "verifiers_own.h"

#include "lib/xalloc.h"

#include <stdlib.h>

#define TRIES_MAX 8 /* keys, for a token that names none: each costs the check of a signature */

bool
verifiers_any(const struct verifiers *v)
{
	return v->any;
}

static enum reason
reason_of(enum jwt_verdict verdict)
{
	switch (verdict) {
	case JWT_OK:
		return REASON_none;
	case JWT_MALFORMED:
		return REASON_token_malformed;
	case JWT_ALGORITHM:
		return REASON_token_algorithm;
	case JWT_SIGNATURE:
		return REASON_token_signature;
	case JWT_ISSUER:
		return REASON_token_issuer;
	case JWT_AUDIENCE:
		return REASON_token_audience;
	case JWT_CLAIM:
		return REASON_token_claim;
	case JWT_NOT_YET_VALID:
		return REASON_token_not_yet_valid;
	case JWT_EXPIRED:
		return REASON_token_expired;
	}
	return REASON_internal;
}

static bool
value_is(struct slice text, const struct verifier_claim *q)
{
	for (size_t i = 0; text.p && i < q->values_count; i++) {
		if (slice_eq(text, q->values[i]))
			return true;
	}
	return false;
}

/* A text, or a list that has it. */
static bool
required_holds(const struct json *claims, const struct verifier_claim *q)
{
	const struct json *claim = json_find(claims, q->claim);
	bool found = value_is(json_text(claim), q);

	if (claim && json_kind(claim) == JSON_ARRAY) {
		for (const struct json *v = json_first(claim); v; v = json_next(v))
			found = found || value_is(json_text(v), q);
	}
	return found;
}

static bool
all_required_hold(const struct verifier *i, const struct jwt_token *t)
{
	for (size_t k = 0; k < i->required_count; k++) {
		if (!required_holds(t->claims, &i->required[k]))
			return false;
	}
	return true;
}

static enum jwt_verdict
claims_check(const struct verifier *i, struct jwt_token *t, int64_t now, struct jwt_span *span)
{
	enum jwt_verdict r = jwt_claims(t);

	if (r == JWT_OK)
		r = jwt_check(t, &i->rules, now, span);
	return r == JWT_OK && !all_required_hold(i, t) ? JWT_CLAIM : r;
}

enum reason
verifiers_judge(const struct verifiers *v, uint32_t issuer, struct json *claims, int64_t now,
		struct jwt_span *span)
{
	struct jwt_token *t;
	struct verifier i;
	enum jwt_verdict r;

	if (issuer >= v->count)
		return REASON_token_issuer;
	i = v->issuers[issuer];
	if (!json_get(claims, "iss"))
		i.rules.issuer = SLICE("");
	t = xcalloc(1, sizeof *t);
	t->claims = claims;
	r = claims_check(&i, t, now, span);
	free(t);
	return reason_of(r);
}

/* Is this the key that the token names? Where keys are fetched, one without a name may be any of
 * the old ones. */
static bool
key_is_meant(const struct verifier *i, const struct verifier_key *k, const struct jwt_token *t)
{
	return k->kid.n > 0 && t->kid.p ? slice_eq(k->kid, t->kid) : i->asked == 0;
}

/* By one issuer. *fits: it has the key that this token names. */
static enum jwt_verdict
signature_check(const struct verifier *i, struct jwt_token *t, bool *fits)
{
	enum jwt_verdict best = JWT_ALGORITHM;
	unsigned tries = 0;

	*fits = false;
	for (size_t k = 0; k < i->keys_count && tries < TRIES_MAX; k++) {
		enum jwt_verdict r;

		if (i->keys[k].kid.n > 0 && t->kid.p && !slice_eq(i->keys[k].kid, t->kid))
			continue;
		*fits |= key_is_meant(i, &i->keys[k], t);
		r = jwt_verify(t, i->keys[k].key);
		if (r == JWT_OK)
			return JWT_OK;
		tries += r == JWT_SIGNATURE;
		best = r > best ? r : best;
	}
	return best;
}

/* Nobody has signed it, so it is asked for no more than once in a while, and for none of those that
 * do not even say that they are his. */
static enum reason
key_is_missing(const struct verifier *i, struct jwt_token *t, struct verified *out)
{
	struct slice iss;

	if (i->asked && i->rules.issuer.n > 0) {
		if (jwt_claims(t) != JWT_OK)
			return REASON_token_malformed;
		iss = json_text(json_get(t->claims, "iss"));
		if (!slice_eq(iss, i->rules.issuer))
			return REASON_token_issuer;
	}
	out->asked = i->asked;
	return i->keys_count == 0 ? REASON_gate_no_keys : REASON_token_key;
}

static enum reason
check_by(const struct verifier *i, struct jwt_token *t, int64_t now, struct verified *out)
{
	enum jwt_verdict r;
	bool fits;

	if (!(i->algorithms & 1u << t->alg))
		return REASON_token_algorithm;
	r = signature_check(i, t, &fits);
	if (r == JWT_OK)
		return reason_of(claims_check(i, t, now, &out->span));
	/* Without a name nobody could say whether the key is a new one. */
	if (i->keys_count == 0 || (!fits && t->kid.n > 0))
		return key_is_missing(i, t, out);
	return reason_of(r);
}

static bool
is_accepted(uint64_t issuers, uint32_t i)
{
	return i < ISSUERS_N && issuers >> i & 1;
}

/* The issuer that the claim names, which nobody has signed yet; v->count: none of those that are
 * told by it. Of several with this iss the first whose required claims the token has; one that is
 * accepted comes before one that is not. */
static uint32_t
issuer_named(const struct verifiers *v, const struct jwt_token *t, uint64_t issuers)
{
	struct slice iss = json_text(json_get(t->claims, "iss"));
	uint32_t first = v->count;

	for (uint32_t i = 0; iss.n > 0 && i < v->count; i++) {
		if (!slice_eq(iss, v->issuers[i].rules.issuer))
			continue;
		if (is_accepted(issuers, i) && all_required_hold(&v->issuers[i], t))
			return i;
		if (first == v->count || (!is_accepted(issuers, first) && is_accepted(issuers, i)))
			first = i;
	}
	return first;
}

/* By those that take tokens of any iss, or the only one there is: what the one says that came
 * furthest. */
static enum reason
check_by_any(const struct verifiers *v, struct jwt_token *t, uint64_t issuers, int64_t now,
	     struct verified *out)
{
	enum reason best = REASON_token_issuer;
	bool first = true;

	for (uint32_t i = 0; i < v->count; i++) {
		enum reason r;

		if (!is_accepted(issuers, i) || (v->count > 1 && v->issuers[i].rules.issuer.n > 0))
			continue;
		out->issuer = i;
		r = check_by(&v->issuers[i], t, now, out);
		if (r == REASON_none)
			return r;
		/* In the table of reasons they stand as they are found out. */
		best = first || r > best ? r : best;
		first = false;
	}
	return best;
}

static void
check(struct verifiers *v, struct jwt_token *t, struct slice text, uint32_t typ, uint64_t issuers,
      int64_t now, struct verified *out)
{
	enum jwt_verdict verdict = jwt_token_init(t, text, v->algorithms | typ);
	uint32_t named = v->count;

	*out = (struct verified){ 0 };
	if (verdict == JWT_OK && v->count > 1)
		verdict = jwt_claims(t);
	out->reason = reason_of(verdict);
	if (verdict != JWT_OK)
		return;
	if (v->count > 1)
		named = issuer_named(v, t, issuers);
	if (named == v->count) {
		out->reason = check_by_any(v, t, issuers, now, out);
	} else if (is_accepted(issuers, named)) {
		out->issuer = named;
		out->reason = check_by(&v->issuers[named], t, now, out);
	} else {
		out->reason = REASON_token_issuer;
	}
	if (out->reason == REASON_none)
		out->asked = 0;
}

void
verifiers_check(struct verifiers *v, struct jwt_token *t, struct slice text, uint64_t issuers,
		int64_t now, struct verified *out)
{
	check(v, t, text, 0, issuers, now, out);
}

void
verifiers_check_logout(struct verifiers *v, struct jwt_token *t, struct slice text,
		       uint64_t issuers, int64_t now, struct verified *out)
{
	check(v, t, text, JWT_TYP_LOGOUT, issuers, now, out);
}
