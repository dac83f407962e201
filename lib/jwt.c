#include "jwt.h"

#include "base64.h"
#include "xalloc.h"

#include <assert.h>
#include <stdlib.h>

/* A header of a token that was made for us is shallow; a claim may hold a few levels (realm_access,
 * resource_access). */
#define HEADER_DEPTH 4
#define CLAIMS_DEPTH 16
#define DATE_MAX                                                                                   \
	253402300799.0 /* the end of the year 9999: anything later is no date, or counts           \
			  milliseconds */

/* Decodes one part behind those that are there. */
static bool
part_decode(struct jwt_token *t, size_t *used, struct slice part, struct slice *out)
{
	size_t n;

	/* Parts decode to at most 3/4 of their size each, rounded down: all three fit. */
	assert(*used + part.n / 4 * 3 + 2 <= sizeof t->bytes);
	if (base64url_decode(part, t->bytes + *used, &n) < 0)
		return false;
	*out = slice_make(t->bytes + *used, n);
	*used += n;
	return true;
}

/* RFC 8725 section 3.11. */
static bool
typ_is_taken(const struct json *typ, bool logout)
{
	struct slice s = json_text(typ);

	return !typ || (s.p && (slice_ieq(s, SLICE("JWT")) || slice_ieq(s, SLICE("at+jwt")) ||
				(logout && slice_ieq(s, SLICE("logout+jwt")))));
}

static enum jwt_verdict
header_check(struct jwt_token *t, uint32_t algorithms)
{
	const struct json *kid = json_get(t->header, "kid");
	struct slice alg = json_text(json_get(t->header, "alg"));
	int known;

	if (json_kind(t->header) != JSON_OBJECT || !alg.p || json_get(t->header, "crit") ||
	    !typ_is_taken(json_get(t->header, "typ"), algorithms & JWT_TYP_LOGOUT))
		return JWT_MALFORMED;
	t->kid = json_text(kid);
	if (kid && !t->kid.p)
		return JWT_MALFORMED;
	known = jwt_alg_parse(alg);
	if (known < 0 || !(algorithms & 1u << known))
		return JWT_ALGORITHM;
	t->alg = (enum jwt_alg)known;
	return JWT_OK;
}

enum jwt_verdict
jwt_token_init(struct jwt_token *t, struct slice text, uint32_t algorithms)
{
	struct slice header, payload, signature, rest;
	size_t used = 0;

	t->header = t->claims = NULL;
	t->kid = (struct slice){ NULL, 0 };
	if (text.n > JWT_TOKEN_MAX)
		return JWT_MALFORMED;
	header = slice_cut(text, '.', &rest);
	payload = slice_cut(rest, '.', &signature);
	if (!rest.p || !signature.p || memchr(signature.p, '.', signature.n))
		return JWT_MALFORMED;
	t->input = slice_make(text.p, header.n + 1 + payload.n);
	if (!part_decode(t, &used, header, &header) ||
	    !part_decode(t, &used, payload, &t->payload) ||
	    !part_decode(t, &used, signature, &t->signature))
		return JWT_MALFORMED;
	if (json_parse(header, JWT_TOKEN_MAX, HEADER_DEPTH, &t->header) < 0)
		return JWT_MALFORMED;
	return header_check(t, algorithms);
}

void
jwt_token_deinit(struct jwt_token *t)
{
	json_free(t->header);
	json_free(t->claims);
	t->header = t->claims = NULL;
}

enum jwt_verdict
jwt_claims(struct jwt_token *t)
{
	if (!t->claims && json_parse(t->payload, JWT_TOKEN_MAX, CLAIMS_DEPTH, &t->claims) < 0)
		return JWT_MALFORMED;
	return json_kind(t->claims) == JSON_OBJECT ? JWT_OK : JWT_MALFORMED;
}

static bool
audience_is(struct slice s, const struct jwt_rules *rules)
{
	for (size_t i = 0; i < rules->audiences_count; i++) {
		if (slice_eq(s, rules->audiences[i]))
			return true;
	}
	return false;
}

/* A string, or an array of strings (RFC 7519 section 4.1.3). */
static bool
audience_check(const struct json *aud, const struct jwt_rules *rules)
{
	struct slice one = json_text(aud);
	bool found = false;

	if (one.p)
		return audience_is(one, rules);
	if (!aud || json_kind(aud) != JSON_ARRAY)
		return false;
	for (const struct json *v = json_first(aud); v; v = json_next(v)) {
		one = json_text(v);
		if (!one.p)
			return false;
		found = found || audience_is(one, rules);
	}
	return found;
}

/* A NumericDate (section 2), rounded up to whole seconds: now < exp and now >= nbf mean the same
 * then. False when it is there and no date. */
static bool
date_read(const struct json *claims, const char *name, int64_t absent, int64_t *out)
{
	const struct json *v = json_get(claims, name);
	double d;

	*out = absent;
	if (!v)
		return true;
	if (!json_number(v, &d) || d < 0 || d > DATE_MAX)
		return false;
	*out = (int64_t)d;
	*out += (double)*out < d;
	return true;
}

enum jwt_verdict
jwt_check(const struct jwt_token *t, const struct jwt_rules *rules, int64_t now,
	  struct jwt_span *span)
{
	struct slice iss = json_text(json_get(t->claims, "iss"));
	int64_t exp, nbf, iat;

	if (rules->issuer.n > 0 && !(iss.p && slice_eq(iss, rules->issuer)))
		return JWT_ISSUER;
	if (rules->audiences_count > 0 && !audience_check(json_get(t->claims, "aud"), rules))
		return JWT_AUDIENCE;
	if (!date_read(t->claims, "exp", INT64_MAX, &exp) ||
	    !date_read(t->claims, "nbf", INT64_MIN, &nbf) ||
	    !date_read(t->claims, "iat", INT64_MIN, &iat) ||
	    (rules->require_exp && exp == INT64_MAX))
		return JWT_CLAIM;
	span->from = nbf > iat ? nbf : iat;
	if (span->from != INT64_MIN)
		span->from -= rules->leeway;
	span->until = exp == INT64_MAX ? exp : exp + rules->leeway;
	if (now >= span->until)
		return JWT_EXPIRED;
	return now < span->from ? JWT_NOT_YET_VALID : JWT_OK;
}
