#include "jwk.h"

#include "base64.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <stdint.h>

#define BYTES_MAX (JWK_RSA_BITS_MAX / 8 + 8) /* with some leading zeroes */

struct number {
	size_t n;
	unsigned char bytes[BYTES_MAX + 2];
};

/* A member in base64url. */
static bool
number_read(const struct json *jwk, const char *name, struct number *out)
{
	struct slice text = json_text(json_get(jwk, name));

	return text.p && text.n > 0 && text.n / 4 * 3 <= BYTES_MAX - 2 &&
	       base64url_decode(text, (char *)out->bytes, &out->n) == 0 && out->n > 0;
}

/* Odd, from 3 on, and no larger than anybody's: 1 would make every text its own signature. */
static bool
exponent_is_good(const BIGNUM *e)
{
	return BN_is_odd(e) && !BN_is_one(e) && BN_num_bits(e) <= 64;
}

/* A point that is not on its curve is refused here. */
static EVP_PKEY *
key_make(const char *kind, OSSL_PARAM *params)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, kind, NULL);
	EVP_PKEY *key = NULL;

	if (!ctx || !params || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static EVP_PKEY *
rsa_make(const BIGNUM *n, const BIGNUM *e)
{
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	OSSL_PARAM *params = NULL;
	EVP_PKEY *key;

	if (build && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) == 1)
		params = OSSL_PARAM_BLD_to_param(build);
	key = key_make("RSA", params);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(build);
	return key;
}

/* RFC 7518 section 6.3.1. */
static const char *
rsa_read(const struct json *jwk, EVP_PKEY **out)
{
	struct number n, e;
	BIGNUM *modulus, *exponent;
	const char *why = NULL;

	if (!number_read(jwk, "n", &n) || !number_read(jwk, "e", &e))
		return "n or e is missing, too long, or not in base64url";
	modulus = BN_bin2bn(n.bytes, (int)n.n, NULL);
	exponent = BN_bin2bn(e.bytes, (int)e.n, NULL);
	if (!modulus || !exponent)
		why = "libcrypto does not take it";
	else if (BN_num_bits(modulus) < JWK_RSA_BITS_MIN)
		why = "an RSA key of fewer than 2048 bits";
	else if (BN_num_bits(modulus) > JWK_RSA_BITS_MAX)
		why = "an RSA key of more than 8192 bits";
	else if (!BN_is_odd(modulus) || !exponent_is_good(exponent))
		why = "an RSA key with an even modulus, or an exponent that is even, 1 or huge";
	else if (!(*out = rsa_make(modulus, exponent)))
		why = "libcrypto does not take it";
	BN_free(modulus);
	BN_free(exponent);
	return why;
}

/* RFC 7518 section 6.2.1: both coordinates in full size. */
static const char *
ec_read(const struct json *jwk, EVP_PKEY **out)
{
	struct slice curve = json_text(json_get(jwk, "crv"));
	char p256[] = "P-256", p384[] = "P-384";
	bool is_p256 = curve.p && slice_eq(curve, slice_of(p256));
	size_t size = is_p256 ? 32 : 48;
	unsigned char point[1 + 2 * 48] = { 4 /* not compressed */ };
	struct number x, y;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, is_p256 ? p256 : p384,
						 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * size),
		OSSL_PARAM_construct_end(),
	};

	if (!is_p256 && !(curve.p && slice_eq(curve, slice_of(p384))))
		return "a curve other than P-256 and P-384";
	if (!number_read(jwk, "x", &x) || !number_read(jwk, "y", &y) || x.n != size || y.n != size)
		return "x or y is missing, not in base64url, or not of the curve's size";
	memcpy(point + 1, x.bytes, size);
	memcpy(point + 1 + size, y.bytes, size);
	*out = key_make("EC", params);
	return *out ? NULL : "a point that is not on its curve";
}

/* RFC 8037 section 2. */
static const char *
okp_read(const struct json *jwk, EVP_PKEY **out)
{
	struct slice curve = json_text(json_get(jwk, "crv"));
	struct number x;

	if (!curve.p || !slice_eq(curve, SLICE("Ed25519")))
		return "a curve other than Ed25519";
	if (!number_read(jwk, "x", &x) || x.n != 32)
		return "x is missing, not in base64url, or not of 32 bytes";
	*out = EVP_PKEY_new_raw_public_key_ex(NULL, "ED25519", NULL, x.bytes, x.n);
	return *out ? NULL : "libcrypto does not take it";
}

/* RFC 7518 sections 6.2.2 and 6.3.2. */
static bool
is_private(const struct json *jwk)
{
	static const char *const names[] = { "d", "p", "q", "dp", "dq", "qi", "oth" };
	bool found = false;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		found = found || json_get(jwk, names[i]);
	return found;
}

static bool
pem_add(EVP_PKEY *key, struct buf *pem)
{
	BIO *bio = BIO_new(BIO_s_mem());
	bool good = bio && PEM_write_bio_PUBKEY(bio, key) == 1;
	char *text;
	long n = good ? BIO_get_mem_data(bio, &text) : 0;

	if (n > 0)
		buf_add(pem, text, (size_t)n);
	BIO_free(bio);
	return n > 0;
}

const char *
jwk_to_pem(const struct json *jwk, struct buf *pem)
{
	struct slice kind = json_text(json_get(jwk, "kty"));
	EVP_PKEY *key = NULL;
	const char *why;

	if (!kind.p)
		return "kty is missing or no text";
	if (is_private(jwk))
		return "it holds its private part, which should be known to nobody else";
	if (slice_eq(kind, SLICE("RSA")))
		why = rsa_read(jwk, &key);
	else if (slice_eq(kind, SLICE("EC")))
		why = ec_read(jwk, &key);
	else if (slice_eq(kind, SLICE("OKP")))
		why = okp_read(jwk, &key);
	else
		return "a kty other than RSA, EC, OKP and oct";
	if (!why && !pem_add(key, pem))
		why = "libcrypto does not take it";
	EVP_PKEY_free(key);
	ERR_clear_error();
	return why;
}
