/*
 * mbedTLS's ECDSA (MBEDTLS_ECDSA_SIGN_ALT, MBEDTLS_ECDSA_VERIFY_ALT). The nonce is libcrypto's.
 * Contracts in mbedtls/ecdsa.h.
 */

#include "bignum.h"

#include <mbedtls/ecdsa.h>
#include <openssl/ecdsa.h>

static EC_KEY *
ecdsa_key(const EC_GROUP *curve)
{
	EC_KEY *key = EC_KEY_new();

	if (key && EC_KEY_set_group(key, curve) == 1)
		return key;
	EC_KEY_free(key);
	return NULL;
}

int
mbedtls_ecdsa_sign(mbedtls_ecp_group *g, mbedtls_mpi *r, mbedtls_mpi *s, const mbedtls_mpi *d,
		   const unsigned char *digest, size_t n,
		   int (*rng)(void *, unsigned char *, size_t), void *rng_arg)
{
	const EC_GROUP *curve = curve_of(g->id);
	ECDSA_SIG *signature = NULL;
	EC_KEY *key;
	BIGNUM *secret;
	int result = MBEDTLS_ERR_ECP_ALLOC_FAILED;

	if (!curve)
		return MBEDTLS_ERR_ECP_FEATURE_UNAVAILABLE;
	if (mbedtls_ecp_check_privkey(g, d) != 0)
		return MBEDTLS_ERR_ECP_INVALID_KEY;
	key = ecdsa_key(curve);
	secret = bignum_from(d);
	if (key && secret && EC_KEY_set_private_key(key, secret) == 1)
		signature = ECDSA_do_sign(digest, (int)n, key);
	if (signature) {
		result = bignum_to(ECDSA_SIG_get0_r(signature), r);
		if (result == 0)
			result = bignum_to(ECDSA_SIG_get0_s(signature), s);
	}
	ECDSA_SIG_free(signature);
	BN_clear_free(secret);
	EC_KEY_free(key);
	return result;
}

static ECDSA_SIG *
ecdsa_signature(const mbedtls_mpi *r, const mbedtls_mpi *s)
{
	ECDSA_SIG *signature = ECDSA_SIG_new();
	BIGNUM *a = bignum_from(r), *b = bignum_from(s);

	if (signature && a && b && ECDSA_SIG_set0(signature, a, b) == 1)
		return signature;
	BN_free(a);
	BN_free(b);
	ECDSA_SIG_free(signature);
	return NULL;
}

int
mbedtls_ecdsa_verify(mbedtls_ecp_group *g, const unsigned char *digest, size_t n,
		     const mbedtls_ecp_point *public, const mbedtls_mpi *r, const mbedtls_mpi *s)
{
	const EC_GROUP *curve = curve_of(g->id);
	ECDSA_SIG *signature;
	EC_POINT *point;
	EC_KEY *key;
	bool good;

	if (!curve)
		return MBEDTLS_ERR_ECP_FEATURE_UNAVAILABLE;
	if (mbedtls_mpi_cmp_int(r, 1) < 0 || mbedtls_mpi_cmp_int(s, 1) < 0)
		return MBEDTLS_ERR_ECP_VERIFY_FAILED; /* bignum_from drops the sign */
	key = ecdsa_key(curve);
	point = curve_point(curve, g, public);
	signature = ecdsa_signature(r, s);
	good = key && point && signature && EC_KEY_set_public_key(key, point) == 1 &&
	       ECDSA_do_verify(digest, (int)n, signature, key) == 1;
	ECDSA_SIG_free(signature);
	EC_POINT_free(point);
	EC_KEY_free(key);
	return good ? 0 : MBEDTLS_ERR_ECP_VERIFY_FAILED;
}
