/* jwt_sign: what is signed here is verified by what is published, and by nothing else. */

#include "lib/jwt_sign.h"

#include "lib/jwk.h"
#include "lib/jwt.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static struct buf
private_pem(EVP_PKEY *key, const char *phrase)
{
	BIO *bio = BIO_new(BIO_s_mem());
	struct buf pem = { 0 };
	char *text;
	long n;

	assert_int_equal(PEM_write_bio_PrivateKey(bio, key, phrase ? EVP_aes_128_cbc() : NULL, NULL,
						  0, NULL, (void *)(uintptr_t)phrase),
			 1);
	n = BIO_get_mem_data(bio, &text);
	buf_add(&pem, text, (size_t)n);
	BIO_free(bio);
	EVP_PKEY_free(key);
	return pem;
}

/* By the public part as it is published. */
static struct jwt_key *
verifier(const struct jwt_signer *s, const char *alg)
{
	struct buf BUF_CLEAN pem = { 0 };
	struct jwt_key *key;
	struct json *jwk;
	const char *why;

	assert_int_equal(json_parse(jwt_signer_jwk(s), 4096, 4, &jwk), 0);
	assert_true(slice_eq(json_text(json_get(jwk, "alg")), slice_of(alg)));
	assert_true(slice_eq(json_text(json_get(jwk, "use")), SLICE("sig")));
	assert_int_equal(json_text(json_get(jwk, "kid")).n, 43);
	assert_null(jwk_to_pem(jwk, &pem)); /* which refuses what has a private part */
	json_free(jwk);
	key = jwt_key_public(buf_slice(&pem), JWT_ALGS_PUBLIC, &why);
	assert_non_null(key);
	return key;
}

static void
check(EVP_PKEY *key, const char *alg, unsigned rounds)
{
	struct buf BUF_CLEAN pem = private_pem(key, NULL);
	const char *why;
	struct jwt_signer *s = jwt_signer_new(buf_slice(&pem), &why);
	struct jwt_key *public;

	assert_non_null(s);
	public = verifier(s, alg);
	for (unsigned i = 0; i < rounds; i++) {
		struct buf BUF_CLEAN text = { 0 };
		struct jwt_token t;

		assert_int_equal(jwt_sign(s, SLICE("{\"sub\":\"u1\"}"), &text), 0);
		assert_int_equal(jwt_token_init(&t, buf_slice(&text), JWT_ALGS_PUBLIC), JWT_OK);
		assert_true(slice_eq(slice_of(jwt_alg_name(t.alg)), slice_of(alg)));
		assert_int_equal(t.kid.n, 43);
		assert_non_null(memmem(jwt_signer_jwk(s).p, jwt_signer_jwk(s).n, t.kid.p, t.kid.n));
		assert_int_equal(jwt_verify(&t, public), JWT_OK);
		assert_true(slice_eq(t.payload, SLICE("{\"sub\":\"u1\"}")));
		jwt_token_deinit(&t);
		text.p[text.n - 8] ^= 1;
		if (jwt_token_init(&t, buf_slice(&text), JWT_ALGS_PUBLIC) == JWT_OK)
			assert_int_equal(jwt_verify(&t, public), JWT_SIGNATURE);
		jwt_token_deinit(&t);
	}
	jwt_key_free(public);
	jwt_signer_free(s);
}

static void
test_kinds(void **state)
{
	check(EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"), "ES256", 600); /* some are short */
	check(EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048), "RS256", 3);
}

static void
refused(struct buf pem, const char *part)
{
	const char *why = NULL;

	assert_null(jwt_signer_new(buf_slice(&pem), &why));
	assert_non_null(strstr(why, part));
	buf_deinit(&pem);
}

static void
test_refused(void **state)
{
	struct buf nothing = { 0 }, text = { 0 };

	refused(private_pem(EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024), NULL), "RSA of");
	refused(private_pem(EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384"), NULL), "P-256");
	refused(private_pem(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), NULL), "P-256");
	refused(private_pem(EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"), "phrase"), "pass phrase");
	refused(nothing, "PEM");
	buf_adds(&text, SLICE("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"));
	refused(text, "PEM");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
