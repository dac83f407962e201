/* jwt_key: public keys of every kind, the signatures of others, and what must not pass. */

#include "lib/jwt.h"

#include "token.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define ALL (JWT_ALGS_SECRET | JWT_ALGS_PUBLIC)

enum kind { RSA_2048, RSA_1024, EC_P256, EC_P384, EC_P521, ED25519, KINDS };

static EVP_PKEY *keys[KINDS];
static struct buf pems[KINDS];

static int
make_keys(void **state)
{
	keys[RSA_2048] = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
	keys[RSA_1024] = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024);
	keys[EC_P256] = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	keys[EC_P384] = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384");
	keys[EC_P521] = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-521");
	keys[ED25519] = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	for (int i = 0; i < KINDS; i++) {
		BIO *bio = BIO_new(BIO_s_mem());
		char *text;
		long n;

		if (!keys[i] || PEM_write_bio_PUBKEY(bio, keys[i]) != 1)
			return -1;
		n = BIO_get_mem_data(bio, &text);
		buf_add(&pems[i], text, (size_t)n);
		BIO_free(bio);
	}
	return 0;
}

static int
free_keys(void **state)
{
	for (int i = 0; i < KINDS; i++) {
		EVP_PKEY_free(keys[i]);
		buf_deinit(&pems[i]);
	}
	return 0;
}

static const struct {
	enum jwt_alg alg;
	enum kind kind;
	const char *digest;
	bool pss;
	int half; /* of a signature of ECDSA, in bytes */
} known[] = {
	{ JWT_RS256, RSA_2048, "SHA256", false, 0 }, { JWT_RS384, RSA_2048, "SHA384", false, 0 },
	{ JWT_RS512, RSA_2048, "SHA512", false, 0 }, { JWT_PS256, RSA_2048, "SHA256", true, 0 },
	{ JWT_PS384, RSA_2048, "SHA384", true, 0 },  { JWT_PS512, RSA_2048, "SHA512", true, 0 },
	{ JWT_ES256, EC_P256, "SHA256", false, 32 }, { JWT_ES384, EC_P384, "SHA384", false, 48 },
	{ JWT_EDDSA, ED25519, NULL, false, 0 },
};

/* RFC 7518 section 3.4: both numbers in full size. */
static size_t
ecdsa_raw(unsigned char *signature, size_t n, int half)
{
	const unsigned char *p = signature;
	ECDSA_SIG *parsed = d2i_ECDSA_SIG(NULL, &p, (long)n);

	assert_non_null(parsed);
	BN_bn2binpad(ECDSA_SIG_get0_r(parsed), signature, half);
	BN_bn2binpad(ECDSA_SIG_get0_s(parsed), signature + half, half);
	ECDSA_SIG_free(parsed);
	return 2 * (size_t)half;
}

/* A token for row `i`, signed with the key of `kind`. */
static void
sign(struct buf *b, size_t i, enum kind kind)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *parameters;
	unsigned char signature[1024];
	size_t n = sizeof signature;
	char header[32];

	snprintf(header, sizeof header, "{\"alg\":\"%s\"}", jwt_alg_name(known[i].alg));
	token_part(b, slice_of(header));
	buf_addc(b, '.');
	token_part(b, SLICE("{\"sub\":\"42\"}"));
	assert_int_equal(
	    EVP_DigestSignInit_ex(ctx, &parameters, known[i].digest, NULL, NULL, keys[kind], NULL),
	    1);
	if (known[i].pss) {
		EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING);
		EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, RSA_PSS_SALTLEN_DIGEST);
	}
	assert_int_equal(EVP_DigestSign(ctx, signature, &n, (const unsigned char *)b->p, b->n), 1);
	EVP_MD_CTX_free(ctx);
	if (known[i].half)
		n = ecdsa_raw(signature, n, known[i].half);
	buf_addc(b, '.');
	token_part(b, slice_make((const char *)signature, n));
}

static enum jwt_verdict
judge(struct slice text, struct jwt_key *key)
{
	struct jwt_token *t = malloc(sizeof *t);
	enum jwt_verdict r = jwt_token_init(t, text, ALL);

	if (r == JWT_OK)
		r = jwt_verify(t, key);
	jwt_token_deinit(t);
	free(t);
	return r;
}

static struct jwt_key *
key_of(enum kind kind)
{
	const char *why;
	struct jwt_key *key = jwt_key_public(buf_slice(&pems[kind]), ALL, &why);

	assert_non_null(key);
	return key;
}

/* Good again and again, with bad ones between; for the right key alone. */
static void
test_every_algorithm(void **state)
{
	for (size_t i = 0; i < COUNT(known); i++) {
		BUF_CLEAN struct buf good = { 0 };
		struct jwt_key *key = key_of(known[i].kind);

		sign(&good, i, known[i].kind);
		for (int round = 0; round < 3; round++) {
			char *at = &good.p[good.n - 20], was = *at;

			assert_int_equal(judge(buf_slice(&good), key), JWT_OK);
			*at = was == 'A' ? 'B' : 'A';
			assert_int_equal(judge(buf_slice(&good), key), JWT_SIGNATURE);
			*at = was;
		}
		jwt_key_free(key);
		for (int other = 0; other < KINDS; other++) {
			const char *why;

			key = jwt_key_public(buf_slice(&pems[other]), ALL, &why);
			if (key && other != (int)known[i].kind)
				assert_int_equal(judge(buf_slice(&good), key), JWT_ALGORITHM);
			jwt_key_free(key);
		}
	}
}

static void
test_which_keys(void **state)
{
	static const char private[] =
	    "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAAA\n-----END PRIVATE KEY-----\n";
	const char *why;

	assert_null(jwt_key_public(buf_slice(&pems[RSA_1024]), ALL, &why));
	assert_null(jwt_key_public(buf_slice(&pems[EC_P521]), ALL, &why));
	assert_null(
	    jwt_key_public(buf_slice(&pems[RSA_2048]), 1u << JWT_ES256 | 1u << JWT_HS256, &why));
	assert_null(jwt_key_public(buf_slice(&pems[EC_P384]), 1u << JWT_ES256, &why));
	assert_null(jwt_key_public(SLICE("rubbish"), ALL, &why));
	assert_null(jwt_key_public(SLICE(""), ALL, &why));
	assert_null(jwt_key_public(slice_of(private), ALL, &why));
	assert_non_null(why);
}

/* RFC 8725 section 2.1: the text of a public key is no secret. */
static void
test_confusion(void **state)
{
	BUF_CLEAN struct buf forged = { 0 }, text = { 0 };
	struct jwt_key *key = key_of(RSA_2048);
	struct jwt_key *secret;

	buf_adds(&text, buf_slice(&pems[RSA_2048]));
	buf_addc(&text, '\0');
	token_add(&forged, "{\"alg\":\"HS256\"}", "{}", text.p, NULL);
	assert_int_equal(judge(buf_slice(&forged), key), JWT_ALGORITHM);
	secret = jwt_key_secret(SLICE(TOKEN_SECRET), ALL);
	forged.n = 0;
	sign(&forged, 0, RSA_2048);
	assert_int_equal(judge(buf_slice(&forged), secret), JWT_ALGORITHM);
	jwt_key_free(secret);
	jwt_key_free(key);
}

/* Zeros (CVE-2022-21449), and lengths that are not the algorithm's. */
static void
test_odd_signatures(void **state)
{
	static const char zeros[512];

	for (size_t i = 0; i < COUNT(known); i++) {
		struct jwt_key *key = key_of(known[i].kind);

		for (size_t n = 0; n <= 384; n += 8) {
			BUF_CLEAN struct buf b = { 0 };
			size_t dots = 0;

			sign(&b, i, known[i].kind);
			for (size_t at = 0; at < b.n; at++) {
				dots += b.p[at] == '.';
				if (dots == 2) {
					b.n = at + 1;
					break;
				}
			}
			token_part(&b, slice_make(zeros, n));
			assert_int_equal(judge(buf_slice(&b), key), JWT_SIGNATURE);
		}
		jwt_key_free(key);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_algorithm),
		cmocka_unit_test(test_which_keys),
		cmocka_unit_test(test_confusion),
		cmocka_unit_test(test_odd_signatures),
	};

	return cmocka_run_group_tests(tests, make_keys, free_keys);
}
