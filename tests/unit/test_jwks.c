/* jwks: which keys of a set are taken and for what, which are refused and why. Keys of every kind
 * and their tokens are in tests/e2e/test_jwks.py. */

#include "lib/jwks.h"

#include "token.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define ALL (JWT_ALGS_SECRET | JWT_ALGS_PUBLIC)
#define RSA_ALL                                                                                    \
	(1u << JWT_RS256 | 1u << JWT_RS384 | 1u << JWT_RS512 | 1u << JWT_PS256 | 1u << JWT_PS384 | \
	 1u << JWT_PS512)

/* RFC 7517 appendix A.1, RFC 8037 appendix A.2. */
#define RSA                                                                                        \
	"'kty':'RSA','n':'0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7"  \
	"aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf"  \
	"0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD" \
	"08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awa"  \
	"pJzKnqDKgw'"
#define RSA_E RSA ",'e':'AQAB'"
#define EC_X "'kty':'EC','crv':'P-256','x':'MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4'"
#define EC EC_X ",'y':'4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM'"
#define ED "'kty':'OKP','crv':'Ed25519','x':'11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo'"
#define OCT "'kty':'oct','k':'"
#define K32 "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"
#define K48 "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVm"
#define K31 "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZQ"

/* Members of a key; what it is taken for, or a part of the reason. */
static const struct {
	const char *members;
	uint32_t algorithms;
	const char *why;
} cases[] = {
	{ RSA_E, RSA_ALL, NULL },
	{ RSA_E ",'alg':'RS256','kid':'2011-04-29'", 1u << JWT_RS256, NULL },
	{ RSA_E ",'alg':'PS384','use':'sig'", 1u << JWT_PS384, NULL },
	{ EC, 1u << JWT_ES256, NULL },
	{ ED, 1u << JWT_EDDSA, NULL },
	{ OCT K32 "'", 1u << JWT_HS256, NULL },
	{ OCT K48 "'", 1u << JWT_HS256 | 1u << JWT_HS384, NULL },
	{ OCT K48 "','alg':'HS384'", 1u << JWT_HS384, NULL },
	{ EC ",'key_ops':['verify']", 1u << JWT_ES256, NULL },
	{ EC ",'key_ops':['sign','verify'],'use':'sig'", 1u << JWT_ES256, NULL },
	{ EC ",'x5c':[{}],'x5u':1,'jku':null,'other':{'deep':[[]]}", 1u << JWT_ES256, NULL },
	{ EC ",'use':'enc'", 0, "use" },
	{ EC ",'use':1", 0, "use" },
	{ EC ",'use':'SIG'", 0, "use" },
	{ EC ",'key_ops':['encrypt']", 0, "key_ops" },
	{ EC ",'key_ops':[]", 0, "key_ops" },
	{ EC ",'key_ops':'verify'", 0, "key_ops" },
	{ EC ",'alg':'ES384'", 0, "fits none" },
	{ EC ",'alg':'RS256'", 0, "fits none" },
	{ EC ",'alg':'HS256'", 0, "fits none" },
	{ EC ",'alg':'none'", 0, "alg" },
	{ EC ",'alg':'es256'", 0, "alg" },
	{ EC ",'alg':''", 0, "alg" },
	{ EC ",'alg':null", 0, "alg" },
	{ RSA_E ",'alg':'RSA-OAEP'", 0, "alg" },
	{ OCT K32 "','alg':'RS256'", 0, "secret" },
	{ OCT K32 "','alg':'HS384'", 0, "shorter" },
	{ OCT K31 "'", 0, "shorter" },
	{ OCT "'", 0, "shorter" },
	{ OCT K32 "='", 0, "base64" },
	{ "'kty':'oct'", 0, "missing" },
	{ "'kty':'oct','k':7", 0, "missing" },
	{ RSA, 0, "missing" },
	{ RSA ",'e':''", 0, "missing" },
	{ RSA ",'e':65537", 0, "missing" },
	{ RSA ",'e':'AQAB='", 0, "base64" },
	{ RSA ",'e':'AQ AB'", 0, "base64" },
	{ RSA ",'e':'AQ'", 0, "exponent" },
	{ RSA ",'e':'AA'", 0, "exponent" },
	{ RSA ",'e':'Ag'", 0, "exponent" },
	{ RSA ",'e':'AQAAAAAAAAAB'", 0, "exponent" },
	{ RSA ",'e':'AAEAAQ'", RSA_ALL, NULL }, /* a zero before it is the same number */
	{ RSA ",'e':'Aw'", RSA_ALL, NULL },
	{ "'kty':'RSA','n':'wKg_','e':'AQAB'", 0, "2048" },
	{ RSA_E ",'d':'AQAB'", 0, "private" },
	{ RSA_E ",'oth':[]", 0, "private" },
	{ EC ",'d':'AQAB'", 0, "private" },
	{ ED ",'d':'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A'", 0, "private" },
	{ EC_X, 0, "missing" },
	{ EC_X ",'y':'MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4'", 0, "not on its curve" },
	{ EC_X ",'y':'Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM'", 0, "size" },
	{ EC_X ",'y':'AOBLZekkVtmIi1Kzeb371R7oae8fD8ZbZllpW2zOCBcj'", 0, "size" },
	{ "'kty':'EC','crv':'P-521','x':'AA','y':'AA'", 0, "curve" },
	{ "'kty':'EC','crv':'secp256k1','x':'AA','y':'AA'", 0, "curve" },
	{ "'kty':'EC','x':'AA','y':'AA'", 0, "curve" },
	{ "'kty':'OKP','crv':'X25519','x':'11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo'", 0,
	  "curve" },
	{ "'kty':'OKP','crv':'Ed25519','x':'11qY'", 0, "32 bytes" },
	{ "'kty':'rsa','n':'AQAB','e':'AQAB'", 0, "kty" },
	{ "'kty':'AKP'", 0, "kty" },
	{ "'kty':1", 0, "kty" },
	{ "", 0, "kty" },
	{ EC ",'kid':7", 0, "kid" },
	{ EC ",'kid':''", 0, "kid" },
};

static void
set_text(struct buf *b, const char *const *members, size_t n)
{
	buf_adds(b, SLICE("{\"keys\":["));
	for (size_t i = 0; i < n; i++) {
		buf_addf(b, "%s{%s}", i ? "," : "", members[i]);
	}
	buf_adds(b, SLICE("]}"));
	for (size_t i = 0; i < b->n; i++) {
		if (b->p[i] == '\'')
			b->p[i] = '"';
	}
}

static void
parse(struct jwks *set, uint32_t algorithms, const char *const *members, size_t n)
{
	BUF_CLEAN struct buf b = { 0 };

	set_text(&b, members, n);
	assert_int_equal(jwks_parse(buf_slice(&b), algorithms, set), 0);
	assert_int_equal(set->count + set->refused_count, n);
}

static void
test_each_key(void **state)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *members[] = { EC ",'kid':'a'", cases[i].members, ED ",'kid':'z'" };
		bool taken = cases[i].why == NULL;
		struct jwks set;

		parse(&set, ALL, members, 3);
		if (set.count != 2u + taken)
			print_message("%s\n", cases[i].members);
		assert_int_equal(set.count, 2 + taken);
		if (taken) {
			struct jwt_key *key = jwks_key_load(&set.keys[1]);

			assert_int_equal(set.keys[1].algorithms, cases[i].algorithms);
			assert_non_null(key);
			jwt_key_free(key);
		} else {
			assert_int_equal(set.refused[0].index, 1);
			if (!strstr(set.refused[0].why, cases[i].why))
				print_message("%s: %s\n", cases[i].members, set.refused[0].why);
			assert_non_null(strstr(set.refused[0].why, cases[i].why));
		}
		jwks_deinit(&set);
	}
}

/* What the issuer may not use is not taken, whatever its keys say. */
static void
test_algorithms_of_the_issuer(void **state)
{
	const char *members[] = { RSA_E, EC, ED, OCT K48 "'", RSA_E ",'alg':'RS512'" };
	struct jwks set;

	parse(&set, 1u << JWT_RS256 | 1u << JWT_ES256, members, COUNT(members));
	assert_int_equal(set.count, 2);
	assert_int_equal(set.keys[0].algorithms, 1u << JWT_RS256);
	assert_int_equal(set.keys[1].algorithms, 1u << JWT_ES256);
	jwks_deinit(&set);
	parse(&set, JWT_ALGS_PUBLIC, members, COUNT(members));
	assert_int_equal(set.count, 4);
	assert_int_equal(set.refused[0].index, 3);
	assert_non_null(strstr(set.refused[0].why, "secret"));
	jwks_deinit(&set);
}

/* One key for a kid and an algorithm; without a kid there is nothing to confuse. */
static void
test_same_kid(void **state)
{
	const char *members[] = { RSA_E ",'kid':'a','alg':'RS256'",
				  RSA_E ",'kid':'a','alg':'RS512'",
				  EC ",'kid':'a'",
				  RSA_E ",'kid':'a'",
				  EC ",'kid':'a'",
				  EC ",'kid':'A'",
				  EC,
				  EC };
	struct jwks set;

	parse(&set, ALL, members, COUNT(members));
	assert_int_equal(set.count, 6);
	assert_int_equal(set.refused[0].index, 3);
	assert_int_equal(set.refused[1].index, 4);
	assert_non_null(strstr(set.refused[0].why, "same kid"));
	assert_true(slice_eq(set.refused[0].kid, SLICE("a")));
	assert_true(slice_eq(set.keys[3].kid, SLICE("A")));
	assert_null(set.keys[4].kid.p);
	jwks_deinit(&set);
}

static void
test_secret_signs(void **state)
{
	const char *members[] = { OCT K32 "'" };
	BUF_CLEAN struct buf token = { 0 };
	struct jwt_token *t = malloc(sizeof *t);
	struct jwt_key *key;
	struct jwks set;

	parse(&set, ALL, members, 1);
	assert_true(set.keys[0].secret);
	assert_true(slice_eq(set.keys[0].bytes, SLICE(TOKEN_SECRET)));
	key = jwks_key_load(&set.keys[0]);
	token_hs256(&token, "{}");
	assert_int_equal(jwt_token_init(t, buf_slice(&token), ALL), JWT_OK);
	assert_int_equal(jwt_verify(t, key), JWT_OK);
	jwt_token_deinit(t);
	free(t);
	jwt_key_free(key);
	jwks_deinit(&set);
}

static void
test_no_set(void **state)
{
	static const char *const texts[] = {
		"",
		"{}",
		"[]",
		"{\"keys\":{}}",
		"{\"keys\":null}",
		"{\"Keys\":[]}",
		"{\"keys\":[],\"keys\":[]}",
		"{\"keys\":[{\"kid\":\"a\",\"kid\":\"b\"}]}",
		"{\"keys\":[]}x",
		"{\"keys\":[[[[[[[[]]]]]]]]}",
		"<html>",
	};
	struct jwks set;

	for (size_t i = 0; i < COUNT(texts); i++) {
		assert_int_equal(jwks_parse(slice_of(texts[i]), ALL, &set), -EINVAL);
		assert_int_equal(set.count + set.refused_count, 0);
		jwks_deinit(&set);
	}
	assert_int_equal(jwks_parse(SLICE("{\"keys\":[]}"), ALL, &set), 0);
	jwks_deinit(&set);
	assert_int_equal(jwks_parse(SLICE("{\"keys\":[null,1,\"a\",[],{}]}"), ALL, &set), 0);
	assert_int_equal(set.refused_count, 5);
	jwks_deinit(&set);
}

static void
test_sizes(void **state)
{
	BUF_CLEAN struct buf b = { 0 };
	const char *members[JWKS_KEYS_MAX + 1];
	struct jwks set;

	for (size_t i = 0; i <= JWKS_KEYS_MAX; i++)
		members[i] = ED;
	set_text(&b, members, JWKS_KEYS_MAX);
	assert_int_equal(jwks_parse(buf_slice(&b), ALL, &set), 0);
	assert_int_equal(set.count, JWKS_KEYS_MAX);
	jwks_deinit(&set);
	while (b.n < JWKS_BYTES_MAX)
		buf_addc(&b, ' ');
	assert_int_equal(jwks_parse(buf_slice(&b), ALL, &set), 0);
	jwks_deinit(&set);
	buf_addc(&b, ' ');
	assert_int_equal(jwks_parse(buf_slice(&b), ALL, &set), -E2BIG);
	jwks_deinit(&set);
	b.n = 0;
	set_text(&b, members, JWKS_KEYS_MAX + 1);
	assert_int_equal(jwks_parse(buf_slice(&b), ALL, &set), -E2BIG);
	jwks_deinit(&set);
}

static void
test_long_kid(void **state)
{
	BUF_CLEAN struct buf b = { 0 };
	const char *members[1];
	struct jwks set;

	for (int longer = 0; longer < 2; longer++) {
		b.n = 0;
		buf_addf(&b, "%s,'kid':'%0*d'", ED, JWKS_KID_MAX + longer, 0);
		buf_addc(&b, '\0');
		members[0] = b.p;
		parse(&set, ALL, members, 1);
		assert_int_equal(set.count, !longer);
		jwks_deinit(&set);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_key), cmocka_unit_test(test_algorithms_of_the_issuer),
		cmocka_unit_test(test_same_kid), cmocka_unit_test(test_secret_signs),
		cmocka_unit_test(test_no_set),   cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_long_kid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
