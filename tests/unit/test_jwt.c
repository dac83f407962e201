/* jwt: the attacks of RFC 8725, the rules of RFC 7515 and 7519, and libjwt as an oracle. */

/* Both have an enum of this name. */
#define jwt_alg libjwt_alg
#include <jwt.h>
#undef jwt_alg

#include "lib/jwt.h"

#include "token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define HS256 (1u << JWT_HS256)
#define ALL ((1u << JWT_ALG_N) - 1)
#define NOW 1700000000

static enum jwt_verdict
judge(struct slice text, struct slice secret, uint32_t algorithms, const struct jwt_rules *rules,
      int64_t now, struct jwt_span *span)
{
	struct jwt_key *key = jwt_key_secret(secret, algorithms);
	struct jwt_token *t = malloc(sizeof *t);
	enum jwt_verdict r;

	assert_non_null(key);
	r = jwt_token_init(t, text, algorithms);
	if (r == JWT_OK)
		r = jwt_verify(t, key);
	if (r == JWT_OK)
		r = jwt_claims(t);
	if (r == JWT_OK)
		r = jwt_check(t, rules, now, span);
	jwt_token_deinit(t);
	free(t);
	jwt_key_free(key);
	return r;
}

static enum jwt_verdict
judge_plain(struct slice text, const char *secret)
{
	struct jwt_rules rules = { 0 };
	struct jwt_span span;
	char *copy = malloc(text.n + 1);
	enum jwt_verdict r;

	memcpy(copy, text.p, text.n);
	r = judge(slice_make(copy, text.n), slice_of(secret), HS256, &rules, NOW, &span);
	free(copy);
	return r;
}

/* Whole tokens of others. */
static void
test_known_tokens(void **state)
{
	/* RFC 7515 appendix A.1 */
	static const char rfc[] = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
				  "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
				  "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
				  "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
	static const char rfc_key[] = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-"
				      "1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
	static const char other[] =
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
	    "eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ."
	    "SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c";
	struct jwt_rules rules = { .issuer = SLICE("joe") };
	struct jwt_span span;
	char key[80];
	size_t n;

	assert_int_equal(base64url_decode(slice_of(rfc_key), key, &n), 0);
	assert_int_equal(judge(slice_of(rfc), slice_make(key, n), HS256, &rules, 1300819379, &span),
			 JWT_OK);
	assert_int_equal(span.until, 1300819380);
	assert_int_equal(judge(slice_of(rfc), slice_make(key, n), HS256, &rules, 1300819380, &span),
			 JWT_EXPIRED);
	assert_int_equal(judge_plain(slice_of(other), "your-256-bit-secret"), JWT_OK);
	assert_int_equal(judge_plain(slice_of(other), "your-256-bit-secre"), JWT_SIGNATURE);
}

/* Whoever asks for logout tokens takes them, and other ones as well. */
static void
test_logout_typ(void **state)
{
	static const char *const headers[] = { "{\"alg\":\"HS256\",\"typ\":\"logout+jwt\"}",
					       "{\"alg\":\"HS256\",\"typ\":\"JWT\"}",
					       "{\"alg\":\"HS256\",\"typ\":\"x+jwt\"}" };

	for (size_t i = 0; i < COUNT(headers); i++) {
		BUF_CLEAN struct buf b = { 0 };
		struct jwt_token t;

		token_add(&b, headers[i], "{}", TOKEN_SECRET, NULL);
		assert_int_equal(jwt_token_init(&t, buf_slice(&b), HS256 | JWT_TYP_LOGOUT),
				 i == 2 ? JWT_MALFORMED : JWT_OK);
		jwt_token_deinit(&t);
		assert_int_equal(jwt_token_init(&t, buf_slice(&b), HS256),
				 i == 1 ? JWT_OK : JWT_MALFORMED);
		jwt_token_deinit(&t);
	}
}

/* Headers, each rightly signed with HMAC-SHA256. */
static void
test_headers(void **state)
{
	static const struct {
		const char *header;
		enum jwt_verdict verdict;
	} cases[] = {
		{ "{\"alg\":\"HS256\"}", JWT_OK },
		{ "{\"alg\":\"HS256\",\"typ\":\"JWT\"}", JWT_OK },
		{ "{\"typ\":\"jwt\",\"alg\":\"HS256\"}", JWT_OK },
		{ "{\"alg\":\"HS256\",\"typ\":\"at+jwt\"}", JWT_OK },
		{ "{\"alg\":\"HS256\",\"typ\":\"AT+JWT\"}", JWT_OK },
		{ "{\"alg\":\"HS256\",\"kid\":\"k1\"}", JWT_OK },
		{ "{\"alg\":\"HS256\",\"kid\":\"../../../../dev/null\"}", JWT_OK },
		{ "{\"alg\":\"\\u0048S256\"}", JWT_OK },
		/* keys in the token are ignored: RFC 8725 sections 2.7, 3.5 and 3.10 */
		{ "{\"alg\":\"HS256\",\"jwk\":{\"kty\":\"oct\",\"k\":\"AAAA\"}}", JWT_OK },
		{ "{\"alg\":\"HS256\",\"jku\":\"https://evil.example/\",\"x5u\":\"https://"
		  "evil.example/\"}",
		  JWT_OK },
		{ "{\"alg\":\"HS256\",\"x5c\":[\"AAAA\"],\"x5t\":\"AAAA\"}", JWT_OK },
		/* algorithms: sections 2.1, 3.1 and 3.2 */
		{ "{\"alg\":\"none\"}", JWT_ALGORITHM },
		{ "{\"alg\":\"None\"}", JWT_ALGORITHM },
		{ "{\"alg\":\"nOnE\"}", JWT_ALGORITHM },
		{ "{\"alg\":\"NONE\"}", JWT_ALGORITHM },
		{ "{\"alg\":\"\"}", JWT_ALGORITHM },
		{ "{\"alg\":\"hs256\"}", JWT_ALGORITHM },
		{ "{\"alg\":\"HS256 \"}", JWT_ALGORITHM },
		{ "{\"alg\":\"HS384\"}", JWT_ALGORITHM },
		{ "{\"alg\":\"HS512\"}", JWT_ALGORITHM },
		{ "{\"alg\":\"HS1\"}", JWT_ALGORITHM },
		{ "{\"alg\":\"RS256\"}", JWT_ALGORITHM },
		{ "{\"alg\":\"ES256\"}", JWT_ALGORITHM },
		{ "{\"alg\":\"EdDSA\"}", JWT_ALGORITHM },
		{ "{\"alg\":\"PS256\"}", JWT_ALGORITHM },
		{ "{\"alg\":\"dir\",\"enc\":\"A128GCM\"}", JWT_ALGORITHM },
		{ "{}", JWT_MALFORMED },
		{ "{\"ALG\":\"HS256\"}", JWT_MALFORMED },
		{ "{\"alg\":null}", JWT_MALFORMED },
		{ "{\"alg\":256}", JWT_MALFORMED },
		{ "{\"alg\":[\"HS256\"]}", JWT_MALFORMED },
		{ "{\"alg\":\"HS256\",\"alg\":\"none\"}", JWT_MALFORMED },
		{ "{\"alg\":\"HS256\",\"\\u0061lg\":\"none\"}", JWT_MALFORMED },
		/* extensions */
		{ "{\"alg\":\"HS256\",\"crit\":[\"exp\"]}", JWT_MALFORMED },
		{ "{\"alg\":\"HS256\",\"crit\":[]}", JWT_MALFORMED },
		{ "{\"alg\":\"HS256\",\"crit\":null}", JWT_MALFORMED },
		{ "{\"alg\":\"HS256\",\"b64\":false,\"crit\":[\"b64\"]}", JWT_MALFORMED },
		/* other kinds of token: section 3.11 */
		{ "{\"alg\":\"HS256\",\"typ\":\"logout+jwt\"}", JWT_MALFORMED },
		{ "{\"alg\":\"HS256\",\"typ\":\"secevent+jwt\"}", JWT_MALFORMED },
		{ "{\"alg\":\"HS256\",\"typ\":\"JWE\"}", JWT_MALFORMED },
		{ "{\"alg\":\"HS256\",\"typ\":\"\"}", JWT_MALFORMED },
		{ "{\"alg\":\"HS256\",\"typ\":1}", JWT_MALFORMED },
		{ "{\"alg\":\"HS256\",\"kid\":1}", JWT_MALFORMED },
		/* no JSON object */
		{ "", JWT_MALFORMED },
		{ "[]", JWT_MALFORMED },
		{ "\"HS256\"", JWT_MALFORMED },
		{ "null", JWT_MALFORMED },
		{ "{\"alg\":\"HS256\"", JWT_MALFORMED },
		{ "{\"alg\":\"HS256\"}x", JWT_MALFORMED },
		{ "{\"alg\":\"HS256\",\"x\":[[[[[]]]]]}", JWT_MALFORMED },
		{ "{'alg':'HS256'}", JWT_MALFORMED },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		BUF_CLEAN struct buf b = { 0 };
		enum jwt_verdict r;

		token_add(&b, cases[i].header, "{}", TOKEN_SECRET, NULL);
		r = judge_plain(buf_slice(&b), TOKEN_SECRET);
		if (r != cases[i].verdict)
			fail_msg("%s: %d, want %d", cases[i].header, r, cases[i].verdict);
	}
}

/* Payloads, each rightly signed. */
static void
test_payloads(void **state)
{
	static const char *const cases[] = { "",
					     "[]",
					     "1",
					     "\"x\"",
					     "null",
					     "{",
					     "{}{}",
					     "{\"a\":1,\"a\":2}",
					     "{\"sub\":\"a\\u0000b\"}",
					     "{\"a\":[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]}",
					     "eyJhbGciOiJub25lIn0.e30." };

	for (size_t i = 0; i < COUNT(cases); i++) {
		BUF_CLEAN struct buf b = { 0 };

		token_hs256(&b, cases[i]);
		if (judge_plain(buf_slice(&b), TOKEN_SECRET) != JWT_MALFORMED)
			fail_msg("not refused: %s", cases[i]);
	}
}

#define HEAD "eyJhbGciOiJIUzI1NiJ9" /* {"alg":"HS256"} */
#define NONE "eyJhbGciOiJub25lIn0"  /* {"alg":"none"} */

static void
test_forms(void **state)
{
	static const struct {
		const char *text;
		enum jwt_verdict verdict;
	} cases[] = {
		{ "", JWT_MALFORMED },
		{ ".", JWT_MALFORMED },
		{ "..", JWT_MALFORMED },
		{ "...", JWT_MALFORMED },
		{ "a.b.c", JWT_MALFORMED },
		{ HEAD, JWT_MALFORMED },
		{ HEAD ".e30", JWT_MALFORMED },
		{ HEAD ".e30.", JWT_SIGNATURE }, /* section 2.1: no signature at all */
		{ HEAD ".e30.AAAA", JWT_SIGNATURE },
		{ HEAD ".e30.AAAA.", JWT_MALFORMED },
		{ HEAD ".e30.AAAA.AAAA", JWT_MALFORMED },
		{ HEAD ".e30.AAAA.AAAA.AAAA", JWT_MALFORMED }, /* JWE */
		{ NONE ".e30.", JWT_ALGORITHM },
		{ NONE ".e30.AAAA", JWT_ALGORITHM },
		{ HEAD "=.e30.AAAA", JWT_MALFORMED },
		{ HEAD ".e30=.AAAA", JWT_MALFORMED },
		{ HEAD ".e30.AAA=", JWT_MALFORMED },
		{ HEAD ".e30.A", JWT_MALFORMED },
		{ HEAD ".e30.+/+/", JWT_MALFORMED },
		{ " " HEAD ".e30.AAAA", JWT_MALFORMED },
		{ HEAD ".e30.AAAA ", JWT_MALFORMED },
		{ HEAD ".e30.AAAA\n", JWT_MALFORMED },
		{ HEAD ". e30.AAAA", JWT_MALFORMED },
		{ HEAD ".e30.AAAA,x", JWT_MALFORMED },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		enum jwt_verdict r = judge_plain(slice_of(cases[i].text), TOKEN_SECRET);

		if (r != cases[i].verdict)
			fail_msg("%s: %d, want %d", cases[i].text, r, cases[i].verdict);
	}
}

/* No other text passes for a good one: each character in turn becomes every other digit, and is
 * left out, and cut off. */
static void
test_tampering(void **state)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=";
	BUF_CLEAN struct buf b = { 0 };
	struct jwt_key *key = jwt_key_secret(SLICE(TOKEN_SECRET), HS256);
	struct jwt_token t;

	token_hs256(&b, "{\"sub\":\"42\"}");
	for (size_t i = 0; i < b.n; i++) {
		char was = b.p[i];

		for (const char *d = digits; *d; d++) {
			b.p[i] = *d;
			if (jwt_token_init(&t, buf_slice(&b), JWT_ALGS_SECRET) == JWT_OK)
				assert_int_equal(jwt_verify(&t, key),
						 *d == was ? JWT_OK : JWT_SIGNATURE);
			else
				assert_int_not_equal(*d, was);
			jwt_token_deinit(&t);
		}
		b.p[i] = was;
		assert_int_not_equal(judge_plain(slice_make(b.p, i), TOKEN_SECRET), JWT_OK);
		assert_int_not_equal(
		    judge_plain(slice_make(b.p + 1 + i, b.n - i - 1), TOKEN_SECRET), JWT_OK);
	}
	jwt_key_free(key);
}

static void
test_size(void **state)
{
	for (size_t pad = JWT_TOKEN_MAX / 4 * 3 - 200; pad < JWT_TOKEN_MAX / 4 * 3; pad++) {
		BUF_CLEAN struct buf b = { 0 }, claims = { 0 };

		buf_addf(&claims, "{\"pad\":\"");
		buf_reserve(&claims, pad);
		memset(claims.p + claims.n, 'x', pad);
		claims.n += pad;
		buf_add(&claims, "\"}", 3);
		token_hs256(&b, claims.p);
		assert_int_equal(judge_plain(buf_slice(&b), TOKEN_SECRET),
				 b.n <= JWT_TOKEN_MAX ? JWT_OK : JWT_MALFORMED);
	}
}

static void
test_keys(void **state)
{
	static const char pem[] =
	    "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC "
	    "KEY-----\n";
	const EVP_MD *md[JWT_HMAC_N] = { EVP_sha256(), EVP_sha384(), EVP_sha512() };
	struct jwt_key *all = jwt_key_secret(SLICE(TOKEN_SECRET), ALL);
	struct jwt_key *two =
	    jwt_key_secret(SLICE(TOKEN_SECRET), 1u << JWT_HS384 | 1u << JWT_HS512);
	struct jwt_token t;

	assert_null(jwt_key_secret(SLICE(""), ALL));
	assert_null(jwt_key_secret(SLICE(TOKEN_SECRET), 0));
	assert_null(jwt_key_secret(SLICE(TOKEN_SECRET), 1u << JWT_ALG_N));
	jwt_key_free(NULL);
	/* One key for many checks, algorithms mixed, good and bad. */
	for (int round = 0; round < 3; round++) {
		for (int alg = 0; alg < JWT_HMAC_N; alg++) {
			BUF_CLEAN struct buf good = { 0 }, bad = { 0 };
			char header[32];

			snprintf(header, sizeof header, "{\"alg\":\"%s\"}",
				 jwt_alg_name((enum jwt_alg)alg));
			assert_int_equal(jwt_alg_parse(slice_of(jwt_alg_name((enum jwt_alg)alg))),
					 alg);
			token_add(&good, header, "{}", TOKEN_SECRET, md[alg]);
			token_add(&bad, header, "{}", "another secret", md[alg]);
			assert_int_equal(jwt_token_init(&t, buf_slice(&good), ALL), JWT_OK);
			assert_int_equal(t.alg, alg);
			assert_int_equal(jwt_verify(&t, all), JWT_OK);
			assert_int_equal(jwt_verify(&t, all), JWT_OK);
			assert_int_equal(jwt_verify(&t, two),
					 alg == JWT_HS256 ? JWT_ALGORITHM : JWT_OK);
			jwt_token_deinit(&t);
			assert_int_equal(jwt_token_init(&t, buf_slice(&bad), ALL), JWT_OK);
			assert_int_equal(jwt_verify(&t, all), JWT_SIGNATURE);
			jwt_token_deinit(&t);
			/* The signature of another digest. */
			good.n = 0;
			token_add(&good, header, "{}", TOKEN_SECRET, md[(alg + 1) % JWT_HMAC_N]);
			assert_int_equal(jwt_token_init(&t, buf_slice(&good), ALL), JWT_OK);
			assert_int_equal(jwt_verify(&t, all), JWT_SIGNATURE);
			jwt_token_deinit(&t);
		}
	}
	/* A public key as the secret, RFC 8725 section 2.1. */
	{
		BUF_CLEAN struct buf b = { 0 }, c = { 0 };

		token_add(&b, "{\"alg\":\"HS256\"}", "{}", pem, NULL);
		assert_int_equal(judge_plain(buf_slice(&b), TOKEN_SECRET), JWT_SIGNATURE);
		token_add(&c, "{\"alg\":\"RS256\"}", "{}", TOKEN_SECRET, NULL);
		assert_int_equal(judge_plain(buf_slice(&c), TOKEN_SECRET), JWT_ALGORITHM);
	}
	jwt_key_free(all);
	jwt_key_free(two);
}

/* A token of another algorithm is not even taken apart for a key to look at. */
static void
test_allowed_set(void **state)
{
	BUF_CLEAN struct buf b = { 0 };
	struct jwt_token t;

	token_hs256(&b, "{}");
	assert_int_equal(jwt_token_init(&t, buf_slice(&b), HS256), JWT_OK);
	jwt_token_deinit(&t);
	assert_int_equal(jwt_token_init(&t, buf_slice(&b), ALL & ~HS256), JWT_ALGORITHM);
	jwt_token_deinit(&t);
	assert_int_equal(jwt_token_init(&t, buf_slice(&b), 0), JWT_ALGORITHM);
	jwt_token_deinit(&t);
}

/* The signature is as long as its digest: a good one with something behind it, or cut, is none. */
static void
test_signature_length(void **state)
{
	for (unsigned n = 0; n <= 40; n++) {
		unsigned char mac[64] = { 0 };
		BUF_CLEAN struct buf b = { 0 };

		token_part(&b, SLICE("{\"alg\":\"HS256\"}"));
		buf_add(&b, ".e30", 4);
		HMAC(EVP_sha256(), TOKEN_SECRET, 32, (const unsigned char *)b.p, b.n, mac, NULL);
		buf_addc(&b, '.');
		token_part(&b, slice_make((const char *)mac, n));
		assert_int_equal(judge_plain(buf_slice(&b), TOKEN_SECRET),
				 n == 32 ? JWT_OK : JWT_SIGNATURE);
	}
}

static void
test_kid(void **state)
{
	BUF_CLEAN struct buf b = { 0 };
	struct jwt_token t;

	token_add(&b, "{\"alg\":\"HS256\",\"kid\":\"k1\"}", "{}", TOKEN_SECRET, NULL);
	assert_int_equal(jwt_token_init(&t, buf_slice(&b), HS256), JWT_OK);
	assert_true(slice_eq(t.kid, SLICE("k1")));
	jwt_token_deinit(&t);
	b.n = 0;
	token_hs256(&b, "{}");
	assert_int_equal(jwt_token_init(&t, buf_slice(&b), HS256), JWT_OK);
	assert_null(t.kid.p);
	jwt_token_deinit(&t);
}

struct claims_case {
	const char *claims;
	enum jwt_verdict verdict;
};

static void
check_claims(const struct claims_case *c, const struct jwt_rules *rules)
{
	BUF_CLEAN struct buf b = { 0 };
	struct jwt_span span;
	enum jwt_verdict r;

	token_hs256(&b, c->claims);
	r = judge(buf_slice(&b), SLICE(TOKEN_SECRET), HS256, rules, NOW, &span);
	if (r != c->verdict)
		fail_msg("%s: %d, want %d", c->claims, r, c->verdict);
}

static void
test_dates(void **state)
{
	static const struct claims_case cases[] = {
		{ "{}", JWT_OK },
		/* leeway is 10 */
		{ "{\"exp\":1700000001}", JWT_OK },
		{ "{\"exp\":1699999991}", JWT_OK },
		{ "{\"exp\":1699999990}", JWT_EXPIRED },
		{ "{\"exp\":1699999990.5}", JWT_OK },
		{ "{\"exp\":1699999989.5}", JWT_EXPIRED },
		{ "{\"exp\":0}", JWT_EXPIRED },
		{ "{\"exp\":253402300799}", JWT_OK },
		{ "{\"nbf\":1700000010}", JWT_OK },
		{ "{\"nbf\":1700000011}", JWT_NOT_YET_VALID },
		{ "{\"nbf\":1700000010.5}", JWT_NOT_YET_VALID },
		{ "{\"nbf\":0}", JWT_OK },
		{ "{\"iat\":1700000010}", JWT_OK },
		{ "{\"iat\":1700000011}", JWT_NOT_YET_VALID },
		{ "{\"iat\":1,\"nbf\":1700000011}", JWT_NOT_YET_VALID },
		{ "{\"iat\":1700000011,\"nbf\":1}", JWT_NOT_YET_VALID },
		{ "{\"exp\":1,\"nbf\":1800000000}", JWT_EXPIRED },
		{ "{\"EXP\":1}", JWT_OK },
		/* no dates */
		{ "{\"exp\":\"1800000000\"}", JWT_CLAIM },
		{ "{\"exp\":null}", JWT_CLAIM },
		{ "{\"exp\":true}", JWT_CLAIM },
		{ "{\"exp\":[1800000000]}", JWT_CLAIM },
		{ "{\"exp\":{}}", JWT_CLAIM },
		{ "{\"exp\":-1}", JWT_CLAIM },
		{ "{\"exp\":1e99}", JWT_CLAIM },
		{ "{\"exp\":1e999}", JWT_CLAIM },
		{ "{\"exp\":-1e999}", JWT_CLAIM },
		{ "{\"exp\":1800000000000}", JWT_CLAIM }, /* milliseconds */
		{ "{\"exp\":9223372036854775807}", JWT_CLAIM },
		{ "{\"exp\":253402300800}", JWT_CLAIM },
		{ "{\"nbf\":\"0\"}", JWT_CLAIM },
		{ "{\"nbf\":-1}", JWT_CLAIM },
		{ "{\"iat\":\"0\"}", JWT_CLAIM },
		{ "{\"iat\":1e99}", JWT_CLAIM },
		{ "{\"iat\":null}", JWT_CLAIM },
	};
	static const struct claims_case required[] = {
		{ "{}", JWT_CLAIM },
		{ "{\"exp\":1700000001}", JWT_OK },
	};
	struct jwt_rules rules = { .leeway = 10 };

	for (size_t i = 0; i < COUNT(cases); i++)
		check_claims(&cases[i], &rules);
	rules.require_exp = true;
	for (size_t i = 0; i < COUNT(required); i++)
		check_claims(&required[i], &rules);
}

static void
test_span(void **state)
{
	struct jwt_rules rules = { .leeway = 10 };
	BUF_CLEAN struct buf b = { 0 };
	struct jwt_span span;

	token_hs256(&b, "{\"iat\":100,\"nbf\":200.1,\"exp\":299.9}");
	assert_int_equal(judge(buf_slice(&b), SLICE(TOKEN_SECRET), HS256, &rules, 250, &span),
			 JWT_OK);
	assert_int_equal(span.from, 191);
	assert_int_equal(span.until, 310);
	assert_int_equal(judge(buf_slice(&b), SLICE(TOKEN_SECRET), HS256, &rules, 190, &span),
			 JWT_NOT_YET_VALID);
	assert_int_equal(judge(buf_slice(&b), SLICE(TOKEN_SECRET), HS256, &rules, 191, &span),
			 JWT_OK);
	assert_int_equal(judge(buf_slice(&b), SLICE(TOKEN_SECRET), HS256, &rules, 309, &span),
			 JWT_OK);
	assert_int_equal(judge(buf_slice(&b), SLICE(TOKEN_SECRET), HS256, &rules, 310, &span),
			 JWT_EXPIRED);
	b.n = 0;
	token_hs256(&b, "{}");
	assert_int_equal(judge(buf_slice(&b), SLICE(TOKEN_SECRET), HS256, &rules, 0, &span),
			 JWT_OK);
	assert_true(span.from == INT64_MIN && span.until == INT64_MAX);
}

static void
test_issuer_and_audience(void **state)
{
	static const struct claims_case cases[] = {
		{ "{\"iss\":\"i\",\"aud\":\"a\"}", JWT_OK },
		{ "{\"iss\":\"i\",\"aud\":\"b\"}", JWT_OK },
		{ "{\"iss\":\"i\",\"aud\":[\"x\",\"b\"]}", JWT_OK },
		{ "{\"iss\":\"i\",\"aud\":[\"a\"],\"exp\":1}", JWT_EXPIRED },
		{ "{\"aud\":\"a\"}", JWT_ISSUER },
		{ "{\"iss\":\"I\",\"aud\":\"a\"}", JWT_ISSUER },
		{ "{\"iss\":\"i/\",\"aud\":\"a\"}", JWT_ISSUER },
		{ "{\"iss\":\"\",\"aud\":\"a\"}", JWT_ISSUER },
		{ "{\"iss\":[\"i\"],\"aud\":\"a\"}", JWT_ISSUER },
		{ "{\"iss\":null,\"aud\":\"a\"}", JWT_ISSUER },
		{ "{\"iss\":\"x\",\"aud\":\"x\",\"exp\":1}", JWT_ISSUER },
		{ "{\"iss\":\"i\"}", JWT_AUDIENCE },
		{ "{\"iss\":\"i\",\"aud\":\"A\"}", JWT_AUDIENCE },
		{ "{\"iss\":\"i\",\"aud\":\"\"}", JWT_AUDIENCE },
		{ "{\"iss\":\"i\",\"aud\":\"ab\"}", JWT_AUDIENCE },
		{ "{\"iss\":\"i\",\"aud\":[]}", JWT_AUDIENCE },
		{ "{\"iss\":\"i\",\"aud\":[\"x\"]}", JWT_AUDIENCE },
		{ "{\"iss\":\"i\",\"aud\":[[\"a\"]]}", JWT_AUDIENCE },
		{ "{\"iss\":\"i\",\"aud\":[\"a\",1]}", JWT_AUDIENCE },
		{ "{\"iss\":\"i\",\"aud\":{\"a\":\"a\"}}", JWT_AUDIENCE },
		{ "{\"iss\":\"i\",\"aud\":null}", JWT_AUDIENCE },
		{ "{\"iss\":\"i\",\"aud\":1,\"exp\":1}", JWT_AUDIENCE },
	};
	const struct slice audiences[] = { SLICE("a"), SLICE("b") };
	struct jwt_rules rules = { .issuer = SLICE("i"),
				   .audiences = audiences,
				   .audiences_count = 2 };

	for (size_t i = 0; i < COUNT(cases); i++)
		check_claims(&cases[i], &rules);
}

/* Tokens that libjwt issued pass here, and what it takes and refuses of ours is what we do. */
static void
test_libjwt(void **state)
{
	static const struct {
		jwt_alg_t theirs;
		enum jwt_alg ours;
	} algs[] = { { JWT_ALG_HS256, JWT_HS256 },
		     { JWT_ALG_HS384, JWT_HS384 },
		     { JWT_ALG_HS512, JWT_HS512 } };
	const EVP_MD *md[JWT_HMAC_N] = { EVP_sha256(), EVP_sha384(), EVP_sha512() };
	struct jwt_rules rules = { .issuer = SLICE("i") };
	struct jwt_span span;

	for (size_t i = 0; i < COUNT(algs); i++) {
		BUF_CLEAN struct buf b = { 0 };
		char header[64], *text;
		jwt_t *jwt = NULL;

		assert_int_equal(jwt_new(&jwt), 0);
		assert_int_equal(jwt_add_grant(jwt, "iss", "i"), 0);
		assert_int_equal(jwt_add_grant(jwt, "sub", "J\xc3\xb6rg \"x\""), 0);
		assert_int_equal(jwt_add_grant_int(jwt, "exp", NOW + 100), 0);
		assert_int_equal(
		    jwt_set_alg(jwt, algs[i].theirs, (const unsigned char *)TOKEN_SECRET, 32), 0);
		text = jwt_encode_str(jwt);
		assert_non_null(text);
		assert_int_equal(
		    judge(slice_of(text), SLICE(TOKEN_SECRET), ALL, &rules, NOW, &span), JWT_OK);
		assert_int_equal(span.until, NOW + 100);
		assert_int_equal(
		    judge(slice_of(text), SLICE("another secret"), ALL, &rules, NOW, &span),
		    JWT_SIGNATURE);
		free(text);
		jwt_free(jwt);

		snprintf(header, sizeof header, "{\"alg\":\"%s\",\"typ\":\"JWT\"}",
			 jwt_alg_name(algs[i].ours));
		token_add(&b, header, "{\"sub\":\"42\"}", TOKEN_SECRET, md[i]);
		buf_addc(&b, '\0');
		assert_int_equal(jwt_decode(&jwt, b.p, (const unsigned char *)TOKEN_SECRET, 32), 0);
		assert_string_equal(jwt_get_grant(jwt, "sub"), "42");
		assert_int_equal(jwt_get_alg(jwt), algs[i].theirs);
		jwt_free(jwt);
		b.p[b.n - 10] = b.p[b.n - 10] == 'A' ? 'B' : 'A';
		assert_int_not_equal(jwt_decode(&jwt, b.p, (const unsigned char *)TOKEN_SECRET, 32),
				     0);
		assert_int_not_equal(judge_plain(slice_make(b.p, b.n - 1), TOKEN_SECRET), JWT_OK);
	}
}

/* libjwt issues a token without a signature when no key is set. */
static void
test_libjwt_none(void **state)
{
	jwt_t *jwt = NULL;
	char *text;

	assert_int_equal(jwt_new(&jwt), 0);
	assert_int_equal(jwt_add_grant(jwt, "sub", "admin"), 0);
	text = jwt_encode_str(jwt);
	assert_non_null(text);
	assert_int_equal(judge_plain(slice_of(text), TOKEN_SECRET), JWT_ALGORITHM);
	free(text);
	jwt_free(jwt);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_tokens), cmocka_unit_test(test_headers),
		cmocka_unit_test(test_logout_typ),   cmocka_unit_test(test_payloads),
		cmocka_unit_test(test_forms),        cmocka_unit_test(test_tampering),
		cmocka_unit_test(test_size),         cmocka_unit_test(test_keys),
		cmocka_unit_test(test_allowed_set),  cmocka_unit_test(test_signature_length),
		cmocka_unit_test(test_kid),          cmocka_unit_test(test_dates),
		cmocka_unit_test(test_span),         cmocka_unit_test(test_issuer_and_audience),
		cmocka_unit_test(test_libjwt),       cmocka_unit_test(test_libjwt_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
