/*
 * mbedTLS's multiplication of a curve point by a number, and with it all of ECDH, in TLS 1.2 and in
 * TLS 1.3, and the making of keys. Takes the place of mbedtls_ecp_mul and
 * mbedtls_ecp_mul_restartable (libcrypto.h); contracts in mbedtls/ecp.h.
 */

#include "bignum.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#define X25519_N 32

static bool
x25519_public(const uint8_t key[X25519_N], uint8_t out[X25519_N])
{
	EVP_PKEY *own = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, key, X25519_N);
	size_t n = X25519_N;
	bool good = own && EVP_PKEY_get_raw_public_key(own, out, &n) == 1 && n == X25519_N;

	EVP_PKEY_free(own);
	return good;
}

/* A key pair with a public part that is not its own: the derivation does not look at it, and to
 * compute the right one would cost as much as the derivation. */
static EVP_PKEY *
x25519_pair(const uint8_t key[X25519_N], const uint8_t any_public[X25519_N])
{
	static EVP_PKEY_CTX *maker;
	OSSL_PARAM parts[] = {
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY,
						  (void *)(uintptr_t)any_public, X25519_N),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PRIV_KEY, (void *)(uintptr_t)key,
						  X25519_N),
		OSSL_PARAM_construct_end(),
	};
	EVP_PKEY *pair = NULL;

	if (!maker)
		maker = EVP_PKEY_CTX_new_id(EVP_PKEY_X25519, NULL);
	if (!maker || EVP_PKEY_fromdata_init(maker) != 1 ||
	    EVP_PKEY_fromdata(maker, &pair, EVP_PKEY_KEYPAIR, parts) != 1)
		return NULL;
	return pair;
}

/* libcrypto refuses a result of zeros (RFC 7748 section 6.1). */
static bool
x25519_shared(const uint8_t key[X25519_N], const uint8_t peer[X25519_N], uint8_t out[X25519_N])
{
	EVP_PKEY *own = x25519_pair(key, peer);
	EVP_PKEY *other = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, peer, X25519_N);
	EVP_PKEY_CTX *ctx = own ? EVP_PKEY_CTX_new(own, NULL) : NULL;
	size_t n = X25519_N;
	bool good = ctx && other && EVP_PKEY_derive_init(ctx) == 1 &&
		    EVP_PKEY_derive_set_peer_ex(ctx, other, 0) == 1 &&
		    EVP_PKEY_derive(ctx, out, &n) == 1 && n == X25519_N;

	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(other);
	EVP_PKEY_free(own);
	return good;
}

static int
x25519_mul(const mbedtls_ecp_group *g, mbedtls_ecp_point *out, const mbedtls_mpi *m,
	   const mbedtls_ecp_point *p)
{
	uint8_t key[X25519_N], peer[X25519_N], result[X25519_N];
	size_t n;
	int r = mbedtls_mpi_write_binary_le(m, key, sizeof key);
	bool good = false;

	if (r != 0)
		return r;
	if (p == &g->G)
		good = x25519_public(key, result);
	else if (mbedtls_ecp_point_write_binary(g, p, MBEDTLS_ECP_PF_UNCOMPRESSED, &n, peer,
						sizeof peer) == 0)
		good = x25519_shared(key, peer, result);
	r = good ? mbedtls_ecp_point_read_binary(g, out, result, sizeof result)
		 : MBEDTLS_ERR_ECP_INVALID_KEY;
	OPENSSL_cleanse(key, sizeof key);
	OPENSSL_cleanse(result, sizeof result);
	return r;
}

/* k * p, or k * G for p NULL, as bytes; their number, or 0. The point at infinity is no result. */
static size_t
curve_mul(const EC_GROUP *curve, const BIGNUM *k, const EC_POINT *p, uint8_t out[CURVE_POINT_MAX])
{
	EC_POINT *result = EC_POINT_new(curve);
	BN_CTX *scratch = bignum_scratch();
	size_t n = 0;

	if (result && scratch &&
	    EC_POINT_mul(curve, result, p ? NULL : k, p, p ? k : NULL, scratch) == 1 &&
	    EC_POINT_is_at_infinity(curve, result) == 0)
		n = EC_POINT_point2oct(curve, result, POINT_CONVERSION_UNCOMPRESSED, out,
				       CURVE_POINT_MAX, scratch);
	EC_POINT_clear_free(result);
	return n;
}

static int
weierstrass_mul(const mbedtls_ecp_group *g, mbedtls_ecp_point *out, const mbedtls_mpi *m,
		const mbedtls_ecp_point *p)
{
	EC_GROUP *curve = curve_of(g->id);
	bool of_base = p == &g->G;
	uint8_t bytes[CURVE_POINT_MAX];
	EC_POINT *point;
	BIGNUM *k;
	size_t n = 0;
	int r;

	if (!curve)
		return MBEDTLS_ERR_ECP_FEATURE_UNAVAILABLE;
	point = of_base ? NULL : curve_point(curve, g, p);
	k = bignum_from(m);
	if (k && (of_base || point))
		n = curve_mul(curve, k, point, bytes);
	r = n > 0 ? mbedtls_ecp_point_read_binary(g, out, bytes, n) : MBEDTLS_ERR_ECP_INVALID_KEY;
	OPENSSL_cleanse(bytes, sizeof bytes);
	BN_clear_free(k);
	EC_POINT_free(point);
	return r;
}

int
mbedtls_ecp_mul_restartable(mbedtls_ecp_group *g, mbedtls_ecp_point *out, const mbedtls_mpi *m,
			    const mbedtls_ecp_point *p, int (*rng)(void *, unsigned char *, size_t),
			    void *rng_arg, mbedtls_ecp_restart_ctx *restart)
{
	if (mbedtls_ecp_check_privkey(g, m) != 0)
		return MBEDTLS_ERR_ECP_INVALID_KEY;
	return g->id == MBEDTLS_ECP_DP_CURVE25519 ? x25519_mul(g, out, m, p)
						  : weierstrass_mul(g, out, m, p);
}

int
mbedtls_ecp_mul(mbedtls_ecp_group *g, mbedtls_ecp_point *out, const mbedtls_mpi *m,
		const mbedtls_ecp_point *p, int (*rng)(void *, unsigned char *, size_t),
		void *rng_arg)
{
	return mbedtls_ecp_mul_restartable(g, out, m, p, rng, rng_arg, NULL);
}
