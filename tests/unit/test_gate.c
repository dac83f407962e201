/* gate: where tokens are looked for, what is said about them, what becomes of them, and what the
 * cache remembers. */

#include "worker/gate.h"
#include "worker/identity.h"

#include "lib/jwt.h"

#include "token.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define NOW 1700000000
#define HS256 (1u << JWT_HS256)

struct issuer_setup {
	const char *azp; /* required; NULL: nothing is */
	uint64_t asked;
	const char *iss, *secret; /* secret NULL: no key */
	const char *audience;
	uint32_t algorithms, leeway;
	const char *kid;
};

struct setup {
	struct issuer_setup issuers[3];
	const char *claims[4][3]; /* claim, header, "FORMAT", with '?' behind it optional */
	const char *facts[6];
	uint32_t sources, first_cookie;
	uint64_t generation;
};

static struct segment *
build_rules(const struct setup *s)
{
	struct table_policy policy = { 0 };
	struct segment *rules = NULL;
	struct table_builder b;
	uint32_t audiences = 0;

	table_builder_init(&b);
	seg_builder_add(&b.seg, RULES_POLICIES, &policy, sizeof policy);
	b.global.sources = s->sources;
	b.global.cookie = seg_builder_string(&b.seg, SLICE("token"));
	b.global.token_header = seg_builder_string(&b.seg, SLICE("X-Token"));
	b.global.first_cookie = s->first_cookie;
	for (size_t i = 0; i < COUNT(s->issuers) && s->issuers[i].algorithms; i++) {
		const struct issuer_setup *is = &s->issuers[i];
		struct table_issuer t = { .algorithms = is->algorithms,
					  .leeway_s = is->leeway,
					  .asked = is->asked };

		t.iss = seg_builder_string(&b.seg, slice_of(is->iss));
		t.audience_first = audiences;
		if (is->audience) {
			struct seg_ref ref = seg_builder_string(&b.seg, slice_of(is->audience));

			seg_builder_add(&b.seg, RULES_AUDIENCES, &ref, sizeof ref);
			t.audience_count = 1;
			audiences++;
		}
		seg_builder_add(&b.seg, RULES_ISSUERS, &t, sizeof t);
	}
	for (uint32_t i = 0; i < COUNT(s->issuers) && s->issuers[i].azp; i++) {
		struct table_issuer *t = seg_builder_own(&b.seg, RULES_ISSUERS, i);
		struct seg_ref ref = seg_builder_string(&b.seg, slice_of(s->issuers[i].azp));
		struct table_required q = {
			.claim = seg_builder_string(&b.seg, SLICE("azp")),
			.first = seg_builder_add(&b.seg, RULES_AUDIENCES, &ref, sizeof ref),
			.count = 1,
		};

		t->required_first = seg_builder_add(&b.seg, RULES_REQUIRED, &q, sizeof q);
		t->required_count = 1;
	}
	for (size_t i = 0; i < COUNT(s->claims) && s->claims[i][0]; i++) {
		struct table_claim t = {
			.claim = seg_builder_string(&b.seg, slice_of(s->claims[i][0])),
			.header = seg_builder_string(&b.seg, slice_of(s->claims[i][1])),
		};
		const char *format = s->claims[i][2] ? s->claims[i][2] : "t";

		t.format = *format == 'j' ? CLAIM_JSON : *format == 'b' ? CLAIM_BASE64 : CLAIM_TEXT;
		t.optional = strchr(format, '?') != NULL;
		seg_builder_add(&b.seg, RULES_CLAIMS, &t, sizeof t);
	}
	for (size_t i = 0; i < COUNT(s->facts) && s->facts[i]; i++)
		assert_int_equal(table_builder_fact(&b, slice_of(s->facts[i])), i);
	assert_int_equal(table_builder_fact(&b, slice_of("sub")), s->facts[0] ? 1 : 0);
	assert_int_equal(table_builder_finish(&b, s->generation, &rules), 0);
	table_builder_deinit(&b);
	return rules;
}

static struct segment *
build_keys(const struct setup *s)
{
	struct segment *keys = NULL;
	struct seg_builder b;

	seg_builder_init(&b);
	for (uint32_t i = 0; i < COUNT(s->issuers); i++) {
		struct table_key_material m = { .issuer = i,
						.kind = KEY_SECRET,
						.algorithms = UINT32_MAX };

		if (!s->issuers[i].secret)
			continue;
		m.bytes = seg_builder_string(&b, slice_of(s->issuers[i].secret));
		m.kid = seg_builder_string(&b, slice_of(s->issuers[i].kid));
		seg_builder_add(&b, KEYS_KEYS, &m, sizeof m);
	}
	assert_int_equal(seg_builder_finish(&b, SEGMENT_KEYS, s->generation, &keys), 0);
	seg_builder_deinit(&b);
	return keys;
}

/* The segments are gone when it returns: the gate holds nothing of them. */
static int
load(struct gate *g, const struct setup *s)
{
	struct segment *rules = build_rules(s), *keys = build_keys(s);
	int r = gate_load(g, rules, keys);

	seg_unref(rules);
	seg_unref(keys);
	return r;
}

static const struct setup plain = {
	.issuers = { { .iss = "", .secret = TOKEN_SECRET, .algorithms = HS256 } },
	.sources = TOKEN_FROM_BEARER,
	.generation = 1,
};

static struct gate *
gate_of(const struct setup *s)
{
	struct gate *g = gate_new();

	assert_int_equal(load(g, s), 0);
	return g;
}

static void
check_bearer(struct gate *g, struct slice token, int64_t now, struct gate_verdict *out)
{
	BUF_CLEAN struct buf b = { 0 };
	struct gate_input in = { .issuers = UINT64_MAX };

	buf_adds(&b, SLICE("Bearer "));
	buf_adds(&b, token);
	in.authorization = buf_slice(&b);
	gate_check(g, &in, now, out);
}

/* A signed token with these claims. */
static enum reason
ask(struct gate *g, const char *claims, int64_t now, struct gate_verdict *out)
{
	BUF_CLEAN struct buf b = { 0 };

	token_hs256(&b, claims);
	check_bearer(g, buf_slice(&b), now, out);
	return out->reason;
}

static void
same_text(struct slice got, const char *want)
{
	if (!slice_eq(got, slice_of(want)))
		fail_msg("got \"%.*s\", want \"%s\"", SLICE_F(got), want);
}

/* ---- where the token is ---- */

#define BEARER TOKEN_FROM_BEARER
#define BASIC TOKEN_FROM_BASIC
#define COOKIE TOKEN_FROM_COOKIE
#define BARE TOKEN_FROM_BARE
#define EVERY (BEARER | BASIC | COOKIE | BARE)

/* In the texts below @1, @2 are tokens of two users, and #... is put in base64. */
static void
expand(struct buf *out, const char *text)
{
	BUF_CLEAN struct buf inner = { 0 };

	for (; *text; text++) {
		if (text[0] == '@') {
			BUF_CLEAN struct buf claims = { 0 };

			buf_addf(&claims, "{\"sub\":\"%c\"}%c", *++text, '\0');
			token_hs256(out, claims.p);
		} else if (text[0] == '#') {
			expand(&inner, text + 1);
			buf_reserve(out, inner.n * 2 + 8);
			out->n += (size_t)EVP_EncodeBlock((unsigned char *)out->p + out->n,
							  (unsigned char *)inner.p, (int)inner.n);
			return;
		} else {
			buf_addc(out, *text);
		}
	}
}

static void
test_sources(void **state)
{
	static const struct {
		uint32_t sources;
		const char *authorization, *cookie, *cookie2;
		enum reason reason;
		const char *identity;
	} cases[] = {
		{ EVERY, NULL, NULL, NULL, REASON_token_missing, "" },
		{ 0, "Bearer @1", "token=@1", NULL, REASON_token_missing, "" },
		/* bearer */
		{ BEARER, "Bearer @1", NULL, NULL, REASON_none, "1" },
		{ BEARER, "bearer @1", NULL, NULL, REASON_none, "1" },
		{ BEARER, "BEARER   @1  ", NULL, NULL, REASON_none, "1" },
		{ BEARER, "  Bearer\t@1", NULL, NULL, REASON_none, "1" },
		{ BEARER, "Bearer", NULL, NULL, REASON_token_malformed, "" },
		{ BEARER, "Bearer ", NULL, NULL, REASON_token_malformed, "" },
		{ BEARER, "Bearer x", NULL, NULL, REASON_token_malformed, "" },
		{ BEARER, "Bearer @1 x", NULL, NULL, REASON_token_malformed, "" },
		{ BEARER, "Bearer @1, Bearer @2", NULL, NULL, REASON_token_malformed, "" },
		{ BEARER, "Bearer \"@1\"", NULL, NULL, REASON_token_malformed, "" },
		{ BEARER, "Bearer@1", NULL, NULL, REASON_token_missing, "" },
		{ BEARER, "Bearer=@1", NULL, NULL, REASON_token_missing, "" },
		{ BEARER, "", NULL, NULL, REASON_token_missing, "" },
		{ BEARER, "@1", NULL, NULL, REASON_token_missing, "" },
		{ BEARER, "Digest @1", NULL, NULL, REASON_token_missing, "" },
		{ BEARER, "Basic #u:@1", NULL, NULL, REASON_token_missing, "" },
		{ BEARER, NULL, "token=@1", NULL, REASON_token_missing, "" },
		{ BASIC, "Bearer @1", NULL, NULL, REASON_token_missing, "" },
		/* basic */
		{ BASIC, "Basic #u:@1", NULL, NULL, REASON_none, "1" },
		{ BASIC, "bASIC #:@1", NULL, NULL, REASON_none, "1" },
		{ BASIC, "Basic #@2:@1", NULL, NULL, REASON_none, "1" },
		{ BASIC, "Basic #u:x@1", NULL, NULL, REASON_token_malformed, "" },
		{ BASIC, "Basic #u:@1:x", NULL, NULL, REASON_token_malformed, "" },
		{ BASIC, "Basic #@1", NULL, NULL, REASON_token_malformed, "" },
		{ BASIC, "Basic @1", NULL, NULL, REASON_token_malformed, "" },
		{ BASIC, "Basic", NULL, NULL, REASON_token_malformed, "" },
		{ BASIC, "Basic dTpw*", NULL, NULL, REASON_token_malformed, "" },
		{ BASIC, "Basic #u:", NULL, NULL, REASON_token_missing, "" },
		{ BASIC | COOKIE, "Basic #u:", "token=@1", NULL, REASON_none, "1" },
		/* bare */
		{ BARE, "@1", NULL, NULL, REASON_none, "1" },
		{ BARE, " @1 ", NULL, NULL, REASON_none, "1" },
		{ BARE, "x", NULL, NULL, REASON_token_malformed, "" },
		{ BARE, "Bearer @1", NULL, NULL, REASON_token_missing, "" },
		{ BEARER | BARE, "Bearer @1", NULL, NULL, REASON_none, "1" },
		{ BEARER | BARE, "@1", NULL, NULL, REASON_none, "1" },
		{ EVERY, "Basic #u:@1", NULL, NULL, REASON_none, "1" },
		/* cookie */
		{ COOKIE, NULL, "token=@1", NULL, REASON_none, "1" },
		{ COOKIE, NULL, "x=y; token=\"@1\"; token=@1", "token=@1", REASON_none, "1" },
		{ COOKIE, NULL, "x=y; token=\"@1\"; token=@2", NULL, REASON_token_repeated, "" },
		{ COOKIE, NULL, "x=y", "token=@2", REASON_none, "2" },
		{ COOKIE, NULL, "token=@1", "token=@2", REASON_token_repeated, "" },
		{ EVERY, "Bearer @1", "token=@1", "token=@2", REASON_none, "1" },
		{ COOKIE, NULL, "Token=@1", NULL, REASON_token_missing, "" },
		{ COOKIE, NULL, "token=", NULL, REASON_token_missing, "" },
		{ COOKIE, NULL, "token=", "token=@2", REASON_token_repeated, "" },
		{ COOKIE, NULL, "token=x", NULL, REASON_token_malformed, "" },
		{ COOKIE, NULL, "token=Bearer @1", NULL, REASON_token_malformed, "" },
		{ COOKIE, "Bearer @1", NULL, NULL, REASON_token_missing, "" },
		/* the field first, then the cookie */
		{ EVERY, "Bearer @1", "token=@2", NULL, REASON_none, "1" },
		{ EVERY, "Bearer x", "token=@2", NULL, REASON_token_malformed, "" },
		{ EVERY, "Digest x=y", "token=@2", NULL, REASON_none, "2" },
		{ COOKIE, "Bearer @1", "token=@2", NULL, REASON_none, "2" },
		{ BEARER | COOKIE, "Basic #u:@1", "token=@2", NULL, REASON_none, "2" },
		{ BEARER | COOKIE, "", "token=@2", NULL, REASON_none, "2" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		BUF_CLEAN struct buf field = { 0 }, cookie = { 0 }, cookie2 = { 0 };
		struct setup setup = plain;
		struct gate_input in = { .issuers = UINT64_MAX };
		struct gate_verdict v;
		struct gate *g;

		setup.sources = cases[i].sources;
		g = gate_of(&setup);
		buf_reserve(&field, 1);
		if (cases[i].authorization) {
			expand(&field, cases[i].authorization);
			in.authorization = buf_slice(&field);
		}
		if (cases[i].cookie) {
			expand(&cookie, cases[i].cookie);
			in.cookies[in.cookies_count++] = buf_slice(&cookie);
		}
		if (cases[i].cookie2) {
			expand(&cookie2, cases[i].cookie2);
			in.cookies[in.cookies_count++] = buf_slice(&cookie2);
		}
		gate_check(g, &in, NOW, &v);
		if (v.reason != cases[i].reason)
			fail_msg("%s | %s: %s", cases[i].authorization, cases[i].cookie,
				 reason_info(v.reason)->name);
		same_text(identity_shown(v.who), cases[i].identity);
		in.authorization_repeated = true;
		gate_check(g, &in, NOW, &v);
		assert_int_equal(v.reason, REASON_token_repeated);
		gate_free(g);
	}
}

/* What there is beside Authorization, in its order; a token that is sent twice is one only if
 * nothing differs. */
static void
test_more_sources(void **state)
{
#define HEADER TOKEN_FROM_HEADER
#define QUERY TOKEN_FROM_QUERY
	static const struct {
		uint32_t sources;
		const char *cookie, *header, *query;
		bool first, twice; /* the first cookie counts; header and query came twice */
		enum reason reason;
		const char *identity;
	} cases[] = {
		{ COOKIE, "token=@1; token=@2", .first = true, .identity = "1" },
		{ COOKIE, "token=; token=@2", .first = true, .reason = REASON_token_missing },
		{ HEADER, NULL, "@1", .identity = "1" },
		{ HEADER, NULL, "  @1 ", .identity = "1" },
		{ HEADER, NULL, "Bearer @1", .identity = "1" },
		{ HEADER, NULL, "bEARER  @1", .identity = "1" },
		{ HEADER, NULL, "Bearer", .reason = REASON_token_malformed },
		{ HEADER, NULL, "Token @1", .reason = REASON_token_malformed },
		{ HEADER, NULL, "@1 @1", .reason = REASON_token_malformed },
		{ HEADER, NULL, "@1", .twice = true, .reason = REASON_token_repeated },
		{ HEADER, NULL, "", .reason = REASON_token_missing },
		{ BEARER, NULL, "@1", "@1", .reason = REASON_token_missing },
		{ QUERY, NULL, NULL, "@1", .identity = "1" },
		{ QUERY, NULL, NULL, "", .reason = REASON_token_missing },
		{ QUERY, NULL, NULL, "Bearer @1", .reason = REASON_token_malformed },
		{ QUERY, NULL, NULL, "@1", .twice = true, .reason = REASON_token_repeated },
		{ QUERY | HEADER | COOKIE, "token=@1", "@2", "@2", .identity = "1" },
		{ QUERY | HEADER | COOKIE, "x=@1", "@2", "@1", .identity = "2" },
		{ QUERY | HEADER | COOKIE, "x=@1", NULL, "@1", .identity = "1" },
		{ QUERY | HEADER, NULL, "x", "@1", .reason = REASON_token_malformed },
		{ QUERY | COOKIE, "token=@2", NULL, "@1", .twice = true, .identity = "2" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf text[3] = { 0 };
		const char *from[3] = { cases[i].cookie, cases[i].header, cases[i].query };
		struct setup setup = plain;
		struct gate_input in = { .issuers = UINT64_MAX,
					 .header_repeated = cases[i].twice,
					 .query_repeated = cases[i].twice };
		struct gate_verdict v;
		struct gate *g;

		setup.sources = cases[i].sources;
		setup.first_cookie = cases[i].first;
		g = gate_of(&setup);
		same_text(gate_headers(g)->token, cases[i].sources & HEADER ? "X-Token" : "");
		for (size_t k = 0; k < 3; k++) {
			buf_reserve(&text[k], 1);
			expand(&text[k], from[k] ? from[k] : "");
		}
		if (from[0])
			in.cookies[in.cookies_count++] = buf_slice(&text[0]);
		in.header = from[1] ? buf_slice(&text[1]) : (struct slice){ NULL, 0 };
		in.query = from[2] ? buf_slice(&text[2]) : (struct slice){ NULL, 0 };
		gate_check(g, &in, NOW, &v);
		if (v.reason != cases[i].reason)
			fail_msg("%zu: %s", i, reason_info(v.reason)->name);
		same_text(identity_shown(v.who), cases[i].identity ? cases[i].identity : "");
		gate_free(g);
		for (size_t k = 0; k < 3; k++)
			buf_deinit(&text[k]);
	}
}

static void
test_size(void **state)
{
	struct gate_verdict v;
	struct gate *g = gate_of(&plain);
	BUF_CLEAN struct buf big = { 0 };
	struct gate_input in = { .issuers = UINT64_MAX };
	struct setup basic = plain;

	buf_reserve(&big, 1 << 20);
	memset(big.p, 'A', 1 << 20);
	check_bearer(g, slice_make(big.p, JWT_TOKEN_MAX + 1), NOW, &v);
	assert_int_equal(v.reason, REASON_token_malformed);
	check_bearer(g, slice_make(big.p, 1 << 20), NOW, &v);
	assert_int_equal(v.reason, REASON_token_malformed);
	gate_free(g);
	basic.sources = BASIC;
	g = gate_of(&basic);
	memcpy(big.p, "Basic ", 6);
	for (size_t n = 16380; n < 16396; n++) {
		in.authorization = slice_make(big.p, n + 6);
		gate_check(g, &in, NOW, &v);
		assert_int_equal(v.reason, REASON_token_malformed);
	}
	gate_free(g);
}

/* ---- what is said about it ---- */

static void
test_reasons(void **state)
{
	static const struct setup setup = {
		.issuers = { { .iss = "i",
			       .secret = TOKEN_SECRET,
			       .algorithms = HS256,
			       .audience = "a",
			       .leeway = 10 } },
		.sources = TOKEN_FROM_BEARER,
	};
	static const struct {
		const char *header, *claims, *secret;
		enum reason reason;
	} cases[] = {
		{ "{\"alg\":\"HS256\"}", "{\"iss\":\"i\",\"aud\":\"a\"}", TOKEN_SECRET,
		  REASON_none },
		{ "{\"alg\":\"HS256\"}", "{\"iss\":\"i\",\"aud\":\"a\"}", "x",
		  REASON_token_signature },
		{ "{\"alg\":\"HS256\"}", "no claims", "x", REASON_token_signature },
		{ "{\"alg\":\"HS256\"}", "no claims", TOKEN_SECRET, REASON_token_malformed },
		{ "{\"alg\":\"none\"}", "{\"iss\":\"i\",\"aud\":\"a\"}", TOKEN_SECRET,
		  REASON_token_algorithm },
		{ "{\"alg\":\"HS384\"}", "{\"iss\":\"i\",\"aud\":\"a\"}", TOKEN_SECRET,
		  REASON_token_algorithm },
		{ "{\"alg\":\"RS256\"}", "{\"iss\":\"i\",\"aud\":\"a\"}", TOKEN_SECRET,
		  REASON_token_algorithm },
		{ "{\"alg\":\"HS256\",\"crit\":[]}", "{\"iss\":\"i\",\"aud\":\"a\"}", TOKEN_SECRET,
		  REASON_token_malformed },
		{ "{\"alg\":\"HS256\"}", "{\"iss\":\"j\",\"aud\":\"a\"}", TOKEN_SECRET,
		  REASON_token_issuer },
		{ "{\"alg\":\"HS256\"}", "{\"aud\":\"a\"}", TOKEN_SECRET, REASON_token_issuer },
		{ "{\"alg\":\"HS256\"}", "{\"iss\":\"i\",\"aud\":\"b\"}", TOKEN_SECRET,
		  REASON_token_audience },
		{ "{\"alg\":\"HS256\"}", "{\"iss\":\"i\",\"aud\":\"a\",\"exp\":1699999991}",
		  TOKEN_SECRET, REASON_none },
		{ "{\"alg\":\"HS256\"}", "{\"iss\":\"i\",\"aud\":\"a\",\"exp\":1699999990}",
		  TOKEN_SECRET, REASON_token_expired },
		{ "{\"alg\":\"HS256\"}", "{\"iss\":\"i\",\"aud\":\"a\",\"exp\":\"1\"}",
		  TOKEN_SECRET, REASON_token_claim },
		{ "{\"alg\":\"HS256\"}", "{\"iss\":\"i\",\"aud\":\"a\",\"nbf\":1700000011}",
		  TOKEN_SECRET, REASON_token_not_yet_valid },
	};
	struct gate *g = gate_of(&setup);

	for (size_t i = 0; i < COUNT(cases); i++) {
		BUF_CLEAN struct buf b = { 0 };
		struct gate_verdict v;

		token_add(&b, cases[i].header, cases[i].claims, cases[i].secret, NULL);
		for (int round = 0; round < 2; round++) {
			check_bearer(g, buf_slice(&b), NOW, &v);
			if (v.reason != cases[i].reason)
				fail_msg("%s %s: %s", cases[i].header, cases[i].claims,
					 reason_info(v.reason)->name);
			/* Good ones are remembered, others never. */
			assert_int_equal(v.cached, round == 1 && v.reason == REASON_none);
		}
	}
	gate_free(g);
}

/* Several issuers: each token is judged by the one that its iss names, else by those without. */
static void
test_issuers(void **state)
{
	static const struct setup setup = {
		.issuers = {
			{ .iss = "one", .secret = "secret one", .algorithms = HS256 },
			{ .iss = "two",
			  .secret = "secret two",
			  .algorithms = HS256 | 1u << JWT_HS384,
			  .audience = "a" },
			{ .iss = "",
			  .secret = "secret three",
			  .algorithms = 1u << JWT_HS512,
			  .kid = "k3" },
		},
		.sources = TOKEN_FROM_BEARER,
	};
	static const struct {
		const char *header, *claims, *secret;
		enum reason reason;
	} cases[] = {
		{ "{\"alg\":\"HS256\"}", "{\"iss\":\"one\"}", "secret one", REASON_none },
		{ "{\"alg\":\"HS256\",\"kid\":\"any\"}", "{\"iss\":\"one\"}", "secret one",
		  REASON_none },
		{ "{\"alg\":\"HS256\"}", "{\"iss\":\"two\",\"aud\":\"a\"}", "secret two",
		  REASON_none },
		{ "{\"alg\":\"HS384\"}", "{\"iss\":\"two\",\"aud\":\"a\"}", "secret two",
		  REASON_none },
		{ "{\"alg\":\"HS512\"}", "{\"iss\":\"three\"}", "secret three", REASON_none },
		{ "{\"alg\":\"HS512\",\"kid\":\"k3\"}", "{}", "secret three", REASON_none },
		{ "{\"alg\":\"HS512\",\"kid\":\"k4\"}", "{}", "secret three", REASON_token_key },
		{ "{\"alg\":\"HS512\"}", "{\"iss\":[\"two\"]}", "secret two",
		  REASON_token_signature },
		{ "{\"alg\":\"HS512\"}", "{\"iss\":\"two\"}", "secret three",
		  REASON_token_algorithm },
		{ "{\"alg\":\"HS256\"}", "{\"iss\":\"two\",\"aud\":\"a\"}", "secret one",
		  REASON_token_signature },
		{ "{\"alg\":\"HS256\"}", "{\"iss\":\"one\"}", "secret two",
		  REASON_token_signature },
		{ "{\"alg\":\"HS256\"}", "{\"iss\":\"two\",\"aud\":\"b\"}", "secret two",
		  REASON_token_audience },
		{ "{\"alg\":\"HS256\"}", "{\"iss\":\"one\",\"exp\":1}", "secret one",
		  REASON_token_expired },
		{ "{\"alg\":\"HS384\"}", "{\"iss\":\"one\"}", "secret one",
		  REASON_token_algorithm },
		{ "{\"alg\":\"HS256\"}", "{\"iss\":\"One\"}", "secret one",
		  REASON_token_algorithm },
		{ "{\"alg\":\"HS256\"}", "{\"iss\"}", "secret one", REASON_token_malformed },
		{ "{\"alg\":\"RS256\"}", "{\"iss\":\"one\"}", "secret one",
		  REASON_token_algorithm },
	};
	struct gate *g = gate_of(&setup);

	for (size_t i = 0; i < COUNT(cases); i++) {
		BUF_CLEAN struct buf b = { 0 };
		const EVP_MD *md = strstr(cases[i].header, "HS384")   ? EVP_sha384()
				   : strstr(cases[i].header, "HS512") ? EVP_sha512()
								      : EVP_sha256();
		struct gate_verdict v;

		token_add(&b, cases[i].header, cases[i].claims, cases[i].secret, md);
		check_bearer(g, buf_slice(&b), NOW, &v);
		if (v.reason != cases[i].reason)
			fail_msg("%s %s: %s", cases[i].header, cases[i].claims,
				 reason_info(v.reason)->name);
	}
	gate_free(g);
}

/* Whose keys are fetched: of which tokens it is asked for a key that is not there. */
static void
test_asked(void **state)
{
	static const struct setup setup = {
		.issuers = { { .iss = "one",
			       .secret = "secret one",
			       .algorithms = HS256,
			       .kid = "k1",
			       .asked = 11 },
			     { .iss = "two", .algorithms = HS256, .asked = 22 },
			     { .iss = "own", .secret = "own", .algorithms = HS256, .kid = "k1" } },
		.sources = TOKEN_FROM_BEARER,
	};
	static const struct {
		const char *header, *claims, *secret;
		enum reason reason;
		uint64_t asked;
	} cases[] = {
		{ "{\"alg\":\"HS256\",\"kid\":\"k1\"}", "{\"iss\":\"one\"}", "secret one",
		  REASON_none, 0 },
		{ "{\"alg\":\"HS256\"}", "{\"iss\":\"one\"}", "secret one", REASON_none, 0 },
		{ "{\"alg\":\"HS256\",\"kid\":\"k2\"}", "{\"iss\":\"one\"}", "?", REASON_token_key,
		  11 },
		{ "{\"alg\":\"HS256\",\"kid\":\"k1\"}", "{\"iss\":\"one\"}", "?",
		  REASON_token_signature, 0 },
		{ "{\"alg\":\"HS256\"}", "{\"iss\":\"one\"}", "?", REASON_token_signature, 0 },
		{ "{\"alg\":\"HS384\",\"kid\":\"k2\"}", "{\"iss\":\"one\"}", "?",
		  REASON_token_algorithm, 0 },
		{ "{\"alg\":\"HS256\",\"kid\":\"k2\"}", "{\"iss\":\"else\"}", "?",
		  REASON_token_issuer, 0 },
		{ "{\"alg\":\"HS256\",\"kid\":\"k2\"}", "{}", "?", REASON_token_issuer, 0 },
		{ "{\"alg\":\"HS256\",\"kid\":\"k2\"}", "{\"iss\":[\"one\"]}", "?",
		  REASON_token_issuer, 0 },
		{ "{\"alg\":\"HS256\",\"kid\":\"k2\"}", "{\"iss\"", "?", REASON_token_malformed,
		  0 },
		{ "{\"alg\":\"HS256\",\"kid\":\"k2\"}", "{\"iss\":\"two\"}", "?",
		  REASON_gate_no_keys, 22 },
		{ "{\"alg\":\"HS256\"}", "{\"iss\":\"two\"}", "?", REASON_gate_no_keys, 22 },
		{ "{\"alg\":\"HS256\",\"kid\":\"k2\"}", "{\"iss\":\"own\"}", "own",
		  REASON_token_key, 0 },
	};
	struct gate *g = gate_of(&setup);

	for (size_t i = 0; i < COUNT(cases); i++) {
		BUF_CLEAN struct buf b = { 0 };
		struct gate_verdict v;

		token_add(&b, cases[i].header, cases[i].claims, cases[i].secret, EVP_sha256());
		check_bearer(g, buf_slice(&b), NOW, &v);
		if (v.reason != cases[i].reason || v.asked != cases[i].asked)
			fail_msg("%s %s: %s, asked %llu", cases[i].header, cases[i].claims,
				 reason_info(v.reason)->name, (unsigned long long)v.asked);
	}
	gate_free(g);
}

/* Clients of one provider: azp tells which of them it is, and no other one's rules are its own. */
static void
test_clients(void **state)
{
	static const struct setup setup = {
		.issuers = { { .iss = "one",
			       .azp = "web",
			       .secret = "one",
			       .algorithms = HS256,
			       .audience = "a" },
			     { .iss = "one", .azp = "app", .secret = "one", .algorithms = HS256 } },
		.sources = TOKEN_FROM_BEARER,
	};
	static const struct {
		const char *claims;
		enum reason reason;
		uint32_t issuer;
	} cases[] = {
		{ "{\"iss\":\"one\",\"azp\":\"web\",\"aud\":\"a\"}", REASON_none, 0 },
		{ "{\"iss\":\"one\",\"azp\":\"web\"}", REASON_token_audience, 0 },
		{ "{\"iss\":\"one\",\"azp\":\"app\"}", REASON_none, 1 },
		{ "{\"iss\":\"one\",\"azp\":[\"x\",\"app\"]}", REASON_none, 1 },
		{ "{\"iss\":\"one\",\"azp\":\"x\",\"aud\":\"a\"}", REASON_token_claim, 0 },
		{ "{\"iss\":\"one\",\"aud\":\"a\"}", REASON_token_claim, 0 },
		{ "{\"iss\":\"one\",\"azp\":{\"app\":1},\"aud\":\"a\"}", REASON_token_claim, 0 },
		{ "{\"azp\":\"app\"}", REASON_token_issuer, 0 },
	};
	struct gate *g = gate_of(&setup);

	for (size_t i = 0; i < COUNT(cases); i++) {
		BUF_CLEAN struct buf b = { 0 };
		struct gate_verdict v;

		token_add(&b, "{\"alg\":\"HS256\"}", cases[i].claims, "one", EVP_sha256());
		check_bearer(g, buf_slice(&b), NOW, &v);
		if (v.reason != cases[i].reason || (v.who && v.who->issuer != cases[i].issuer))
			fail_msg("%s: %s", cases[i].claims, reason_info(v.reason)->name);
	}
	gate_free(g);
}

/* A token that is in the cache is no better than another where its issuer is not accepted: it is
 * judged anew there, as another issuer may take it. */
static void
test_accepted(void **state)
{
	static const struct setup setup = {
		.issuers = { { .iss = "one", .secret = "one", .algorithms = HS256 },
			     { .iss = "two", .secret = "two", .algorithms = HS256 } },
		.sources = TOKEN_FROM_BEARER,
	};
	static const struct {
		uint64_t issuers;
		enum reason reason;
	} cases[] = {
		{ 1, REASON_token_issuer },
		{ 2, REASON_none },
		{ 3, REASON_none },
		{ 1, REASON_token_issuer },
		{ 0, REASON_token_issuer },
		{ UINT64_MAX, REASON_none },
		{ ~UINT64_C(2), REASON_token_issuer },
	};
	struct gate *g = gate_of(&setup);
	BUF_CLEAN struct buf b = { 0 };

	buf_adds(&b, SLICE("Bearer "));
	token_add(&b, "{\"alg\":\"HS256\"}", "{\"iss\":\"two\"}", "two", EVP_sha256());
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct gate_input in = { .authorization = buf_slice(&b),
					       .issuers = cases[i].issuers };
		struct gate_verdict v;

		gate_check(g, &in, NOW, &v);
		assert_int_equal(v.reason, cases[i].reason);
		assert_int_equal(v.cached, i > 1 && v.reason == REASON_none);
	}
	gate_free(g);
}

/* ---- what becomes of it ---- */

static void
test_claims(void **state)
{
	static const struct setup setup = {
		.issuers = { { .iss = "", .secret = TOKEN_SECRET, .algorithms = HS256 } },
		.claims = { { "id", "auth_id" }, { "group", "X-Group" } },
		.sources = TOKEN_FROM_BEARER,
	};
	static const struct {
		const char *claims, *headers; /* headers NULL: refused */
	} cases[] = {
		{ "{\"id\":\"42\",\"group\":\"g\",\"sub\":\"s\"}",
		  "auth_id: 42\r\nX-Group: g\r\n" },
		{ "{\"id\":\"a b:c\",\"group\":\"\xc3\xa4\"}",
		  "auth_id: a b:c\r\nX-Group: \xc3\xa4\r\n" },
		{ "{\"id\":\"42\"}", NULL },
		{ "{\"group\":\"g\"}", NULL },
		{ "{\"ID\":\"42\",\"group\":\"g\"}", NULL },
		{ "{\"id\":\"\",\"group\":\"g\"}", NULL },
		{ "{\"id\":42,\"group\":\"g\"}", NULL },
		{ "{\"id\":true,\"group\":\"g\"}", NULL },
		{ "{\"id\":null,\"group\":\"g\"}", NULL },
		{ "{\"id\":[\"42\",\"4,3\"],\"group\":\"g\"}", NULL },
		{ "{\"id\":{\"id\":\"42\"},\"group\":\"g\"}", NULL },
		{ "{\"id\":\"42\",\"group\":\"\"}", NULL },
		{ "{\"id\":\"42\\r\\nX-Admin: 1\",\"group\":\"g\"}", NULL },
		{ "{\"id\":\"42\\n\",\"group\":\"g\"}", NULL },
		{ "{\"id\":\"42\\r\",\"group\":\"g\"}", NULL },
		{ "{\"id\":\"4\\t2\",\"group\":\"g\"}", NULL },
		{ "{\"id\":\"42\\u0000\",\"group\":\"g\"}", NULL },
		{ "{\"id\":\"42\\u007f\",\"group\":\"g\"}", NULL },
		{ "{\"id\":\"42\\u001b[0m\",\"group\":\"g\"}", NULL },
		{ "{\"id\":\" 42\",\"group\":\"g\"}", NULL },
		{ "{\"id\":\"42 \",\"group\":\"g\"}", NULL },
		{ "{\"id\":\" \",\"group\":\"g\"}", NULL },
	};
	struct gate *g = gate_of(&setup);
	struct gate_verdict v;

	for (size_t i = 0; i < COUNT(cases); i++) {
		enum reason r = ask(g, cases[i].claims, NOW, &v);

		if (!cases[i].headers) {
			if (r != REASON_token_claim &&
			    !(r == REASON_token_malformed && strstr(cases[i].claims, "u0000")))
				fail_msg("%s: %s", cases[i].claims, reason_info(r)->name);
			same_text(identity_headers(v.who), "");
			same_text(identity_shown(v.who), "");
			continue;
		}
		for (int round = 0; round < 2; round++) {
			assert_int_equal(ask(g, cases[i].claims, NOW, &v), REASON_none);
			assert_true(v.cached);
			same_text(identity_headers(v.who), cases[i].headers);
		}
	}
	gate_free(g);
}

/* By path, in each format, and left out. */
static void
test_formats(void **state)
{
	static const struct {
		const char *claims, *headers; /* NULL: refused */
		const char *name;
	} cases[] = {
		{ "{\"r\":{\"a\":[\"x\",\"y\"]},\"j\":{\"b\":[1,null]},\"e\":\"v\"}",
		  "A: x,y\r\nJ: {\"b\":[1,null]}\r\nB: InYi\r\n", "x,y" },
		{ "{\"j\":7,\"sub\":\"s\"}", "J: 7\r\n", "s" },
		{ "{\"j\":\"text\",\"r\":{\"a\":[]},\"e\":null}", "J: \"text\"\r\n", "text" },
		{ "{\"j\":true,\"r\":{\"a\":\"one\"}}", "A: one\r\nJ: true\r\n", "one" },
		{ "{\"j\":[],\"e\":[\"\xc3\xa4\"]}", "J: []\r\nB: WyLDpCJd\r\n", "" },
		{ "{\"j\":\"a\\r\\nX: 1\"}", "J: \"a\\u000d\\u000aX: 1\"\r\n", "" },
		{ "{\"j\":\"a\\u007f\"}", "J: \"a\\u007f\"\r\n", "" },
		{ "{\"j\":null}", NULL, NULL },
		{ "{\"r\":{\"a\":\"x\"}}", NULL, NULL },
		{ "{\"j\":1,\"r\":{\"a\":[\"x,admin\"]}}", NULL, NULL },
		{ "{\"j\":1,\"r\":{\"a\":[\"x\",\"\"]}}", NULL, NULL },
		{ "{\"j\":1,\"r\":{\"a\":[\"x\",1]}}", NULL, NULL },
		{ "{\"j\":1,\"r\":{\"a\":[[\"x\"]]}}", NULL, NULL },
		{ "{\"j\":1,\"r\":{\"a\":{\"x\":1}}}", NULL, NULL },
		{ "{\"j\":1,\"r\":{\"a\":7}}", NULL, NULL },
		{ "{\"j\":1,\"r\":{\"a\":\"\"}}", NULL, NULL },
		{ "{\"j\":1,\"r\":{\"a\":[\"x\",\"y\\r\\nZ: 1\"]}}", NULL, NULL },
	};
	struct setup setup = plain;
	struct gate_verdict v;
	struct gate *g;

	memcpy(setup.claims,
	       (const char *[4][3]){ { "r.a", "A", "t?" }, { "j", "J", "j" }, { "e", "B", "b?" } },
	       sizeof setup.claims);
	g = gate_of(&setup);
	for (size_t i = 0; i < COUNT(cases); i++) {
		enum reason r = ask(g, cases[i].claims, NOW, &v);

		if (r != (cases[i].headers ? REASON_none : REASON_token_claim))
			fail_msg("%s: %s", cases[i].claims, reason_info(r)->name);
		same_text(identity_headers(v.who), cases[i].headers ? cases[i].headers : "");
		same_text(identity_shown(v.who), cases[i].name ? cases[i].name : "");
	}
	gate_free(g);
}

static void
test_long_claims(void **state)
{
	struct setup setup = plain;
	struct gate_verdict v;
	struct gate *g;

	setup.claims[0][0] = "id";
	setup.claims[0][1] = "auth_id";
	g = gate_of(&setup);
	for (size_t n = 4095; n <= 4097; n++) {
		BUF_CLEAN struct buf claims = { 0 };

		buf_adds(&claims, SLICE("{\"id\":\""));
		for (size_t i = 0; i < n; i++)
			buf_addc(&claims, 'x');
		buf_add(&claims, "\"}", 3);
		assert_int_equal(ask(g, claims.p, NOW, &v),
				 n <= 4096 ? REASON_none : REASON_token_claim);
		assert_int_equal(identity_headers(v.who).n, n <= 4096 ? n + 11 : 0);
		assert_true(identity_shown(v.who).n <= 256);
	}
	gate_free(g);
}

static void
test_identity(void **state)
{
	static const struct {
		const char *claims, *identity;
	} cases[] = {
		{ "{}", "" },
		{ "{\"sub\":\"s\"}", "s" },
		{ "{\"sub\":7}", "" },
		{ "{\"sub\":\"a\\r\\nb\\u007f\\u001bc\"}", "a??b??c" },
		{ "{\"sub\":\"\xc3\xa4\"}", "\xc3\xa4" },
	};
	struct gate *g = gate_of(&plain);
	BUF_CLEAN struct buf claims = { 0 };
	struct setup setup = plain;
	struct gate_verdict v;

	for (size_t i = 0; i < COUNT(cases); i++) {
		for (int round = 0; round < 2; round++) {
			assert_int_equal(ask(g, cases[i].claims, NOW, &v), REASON_none);
			same_text(identity_shown(v.who), cases[i].identity);
			same_text(identity_headers(v.who), "");
		}
	}
	/* Cut between characters. */
	buf_adds(&claims, SLICE("{\"sub\":\"x"));
	for (int i = 0; i < 200; i++)
		buf_adds(&claims, SLICE("\xc3\xa4"));
	buf_add(&claims, "\"}", 3);
	assert_int_equal(ask(g, claims.p, NOW, &v), REASON_none);
	assert_int_equal(identity_shown(v.who).n, 255);
	setup.claims[0][0] = "id";
	setup.claims[0][1] = "auth_id";
	assert_int_equal(load(g, &setup), 0);
	assert_int_equal(ask(g, "{\"sub\":\"s\",\"id\":\"i\"}", NOW, &v), REASON_none);
	same_text(identity_shown(v.who), "i");
	gate_free(g);
}

/* What rules ask about claims, as "fact=value" in the order of the facts. */
static void
test_facts(void **state)
{
	static const struct {
		const char *claims, *facts;
	} cases[] = {
		{ "{}", "" },
		{ "{\"sub\":\"s\"}", "1=s " },
		{ "{\"a\":{\"b\":\"x\"},\"sub\":\"\"}", "0=x 1= " },
		{ "{\"a.b\":\"y\",\"a\":{\"b\":\"x\"}}", "0=y " },
		{ "{\"a\":{\"b\":[\"x\",7,1.5,true,false,null,[\"z\"],{\"k\":1},\"\"]}}",
		  "0=x 0=7 0=1.5 0=true 0=false 0=? 0=? 0= " },
		{ "{\"a\":{\"b\":{\"c\":1}}}", "0=? 2=1 " },
		{ "{\"a\":{\"b.c\":2}}", "2=2 " },
		{ "{\"a\":\"x\",\"A\":{\"b\":1},\"x\":{\"a\":{\"b\":1}}}", "" },
		{ "{\"a\":[{\"b\":1}]}", "" },
		{ "{\"n\":9007199254740993}", "3=9007199254740992 " },
	};
	struct setup setup = plain;
	struct gate_verdict v;
	struct gate *g;

	setup.facts[0] = "a.b";
	setup.facts[1] = "sub";
	setup.facts[2] = "a.b.c";
	setup.facts[3] = "n";
	g = gate_of(&setup);
	for (size_t i = 0; i < COUNT(cases); i++) {
		for (int round = 0; round < 2; round++) {
			BUF_CLEAN struct buf got = { 0 };

			assert_int_equal(ask(g, cases[i].claims, NOW, &v), REASON_none);
			for (uint32_t f = 0; f < 5; f++) {
				size_t n;
				const struct identity_value *value = identity_values(v.who, f, &n);

				for (size_t k = 0; k < n; k++)
					buf_addf(&got, "%u=%.*s%s ", f,
						 SLICE_F(identity_text(v.who, value[k].text)),
						 value[k].opaque ? "?" : "");
			}
			buf_addc(&got, '\0');
			assert_string_equal(got.p, cases[i].facts);
		}
	}
	gate_free(g);
}

/* ---- what is remembered ---- */

static void
test_dates_count_at_each_hit(void **state)
{
	struct gate *g = gate_of(&plain);
	const char *claims = "{\"sub\":\"s\",\"nbf\":1699999000,\"exp\":1700000500}";
	struct gate_verdict v;

	assert_int_equal(ask(g, claims, NOW, &v), REASON_none);
	assert_false(v.cached);
	assert_int_equal(ask(g, claims, 1700000499, &v), REASON_none);
	assert_true(v.cached);
	assert_int_equal(ask(g, claims, 1700000500, &v), REASON_token_expired);
	same_text(identity_shown(v.who), "");
	assert_int_equal(ask(g, claims, 1800000000, &v), REASON_token_expired);
	/* The clock was set back. */
	assert_int_equal(ask(g, claims, 1699998999, &v), REASON_token_not_yet_valid);
	assert_int_equal(ask(g, claims, 1699999000, &v), REASON_none);
	gate_free(g);
}

static void
test_a_cached_token_is_the_whole_token(void **state)
{
	struct gate *g = gate_of(&plain);
	BUF_CLEAN struct buf b = { 0 };
	struct gate_verdict v;

	token_hs256(&b, "{\"sub\":\"42\"}");
	check_bearer(g, buf_slice(&b), NOW, &v);
	for (size_t i = 0; i < b.n; i++) {
		char was = b.p[i];

		b.p[i] = was == 'A' ? 'B' : 'A';
		check_bearer(g, buf_slice(&b), NOW, &v);
		assert_int_not_equal(v.reason, REASON_none);
		assert_false(v.cached);
		b.p[i] = was;
		check_bearer(g, slice_make(b.p, i), NOW, &v);
		assert_int_not_equal(v.reason, REASON_none);
	}
	check_bearer(g, buf_slice(&b), NOW, &v);
	assert_true(v.reason == REASON_none && v.cached);
	gate_free(g);
}

/* What voids the cache: other keys, other rules about tokens. Not: a new table that says the same.
 */
static void
test_reload(void **state)
{
	struct setup same = plain, issuer = plain, key = plain, sources = plain, leeway = plain,
		     claims = plain, audience = plain, kid = plain;
	const struct setup *changes[] = { &issuer, &sources, &leeway, &claims, &audience, &kid };
	struct gate *g = gate_of(&plain);
	struct gate_verdict v;

	same.generation = 2;
	issuer.issuers[0].iss = "i";
	key.issuers[0].secret = "0123456789abcdef0123456789abcdeF";
	sources.sources |= TOKEN_FROM_COOKIE;
	leeway.issuers[0].leeway = 1;
	claims.claims[0][0] = "sub";
	claims.claims[0][1] = "x-sub";
	audience.issuers[0].audience = "a";
	kid.issuers[0].kid = "k";
	ask(g, "{\"iss\":\"i\",\"aud\":\"a\",\"sub\":\"s\"}", NOW, &v);
	for (size_t i = 0; i < COUNT(changes); i++) {
		assert_int_equal(load(g, &same), 0);
		ask(g, "{\"iss\":\"i\",\"aud\":\"a\",\"sub\":\"s\"}", NOW, &v);
		assert_int_equal(ask(g, "{\"iss\":\"i\",\"aud\":\"a\",\"sub\":\"s\"}", NOW, &v),
				 REASON_none);
		assert_true(v.cached);
		same.generation++;
		assert_int_equal(load(g, &same), 0);
		assert_int_equal(ask(g, "{\"iss\":\"i\",\"aud\":\"a\",\"sub\":\"s\"}", NOW, &v),
				 REASON_none);
		assert_true(v.cached);
		assert_int_equal(load(g, changes[i]), 0);
		assert_int_equal(ask(g, "{\"iss\":\"i\",\"aud\":\"a\",\"sub\":\"s\"}", NOW, &v),
				 REASON_none);
		if (v.cached)
			fail_msg("change %zu kept the cache", i);
	}
	assert_int_equal(load(g, &plain), 0);
	assert_int_equal(load(g, &key), 0);
	assert_int_equal(ask(g, "{\"iss\":\"i\",\"aud\":\"a\",\"sub\":\"s\"}", NOW, &v),
			 REASON_token_signature);
	assert_int_equal(load(g, &issuer), 0);
	assert_int_equal(ask(g, "{\"iss\":\"j\"}", NOW, &v), REASON_token_issuer);
	gate_free(g);
}

static void
test_no_keys(void **state)
{
	struct setup none = { .sources = TOKEN_FROM_BEARER }, keyless = plain, empty = plain,
		     orphan = plain;
	struct gate *g = gate_new();
	struct gate_input in = { .issuers = UINT64_MAX };
	struct gate_verdict v;
	struct segment *rules;

	/* Before the first table nothing is known, not even where to look. */
	assert_int_not_equal(ask(g, "{}", NOW, &v), REASON_none);
	assert_int_equal(load(g, &none), 0);
	assert_int_equal(ask(g, "{}", NOW, &v), REASON_gate_no_keys);
	assert_int_equal(load(g, &plain), 0);
	assert_int_equal(ask(g, "{}", NOW, &v), REASON_none);
	keyless.issuers[0].secret = NULL;
	assert_int_equal(load(g, &keyless), -ENOKEY);
	assert_int_equal(load(g, &keyless), -ENOKEY);
	assert_int_equal(ask(g, "{}", NOW, &v), REASON_gate_no_keys);
	gate_check(g, &in, NOW, &v);
	assert_int_equal(v.reason, REASON_token_missing);
	assert_int_equal(load(g, &plain), 0);
	assert_int_equal(ask(g, "{}", NOW, &v), REASON_none);
	assert_false(v.cached);
	/* An empty secret signs for everybody. */
	empty.issuers[0].secret = "";
	assert_true(load(g, &empty) < 0);
	assert_int_equal(ask(g, "{}", NOW, &v), REASON_gate_no_keys);
	/* A key of no issuer. */
	orphan.issuers[0].algorithms = 0;
	assert_true(load(g, &orphan) < 0);
	assert_int_equal(ask(g, "{}", NOW, &v), REASON_gate_no_keys);
	rules = build_rules(&plain);
	assert_int_equal(gate_load(g, rules, NULL), -ENOKEY);
	assert_int_equal(ask(g, "{}", NOW, &v), REASON_gate_no_keys);
	seg_unref(rules);
	gate_free(g);
	gate_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sources),
		cmocka_unit_test(test_more_sources),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_issuers),
		cmocka_unit_test(test_asked),
		cmocka_unit_test(test_clients),
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_claims),
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_long_claims),
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_facts),
		cmocka_unit_test(test_dates_count_at_each_hit),
		cmocka_unit_test(test_a_cached_token_is_the_whole_token),
		cmocka_unit_test(test_reload),
		cmocka_unit_test(test_no_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
