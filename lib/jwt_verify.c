/*
 * Signatures, checked with keys that are ready for it. What is wrong with one is never told: it is
 * right or it is not.
 */

#include "jwt_internal.h"

#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>

static enum jwt_verdict
verify_secret(const struct jwt_token *t, struct jwt_key *key)
{
	unsigned char mac[EVP_MAX_MD_SIZE];
	EVP_MAC_CTX *ctx = key->mac[t->alg];
	size_t n, want = jwt_algorithms[t->alg].size;

	if (!ctx)
		return JWT_ALGORITHM;
	if (t->signature.n != want)
		return JWT_SIGNATURE;
	if (EVP_MAC_init(ctx, NULL, 0, NULL) != 1 ||
	    EVP_MAC_update(ctx, (const unsigned char *)t->input.p, t->input.n) != 1 ||
	    EVP_MAC_final(ctx, mac, &n, sizeof mac) != 1 || n != want)
		return JWT_SIGNATURE;
	return CRYPTO_memcmp(mac, t->signature.p, want) == 0 ? JWT_OK : JWT_SIGNATURE;
}

/* RFC 8032: over the text itself. */
static bool
verify_text(const struct jwt_token *t, struct jwt_key *key)
{
	return EVP_DigestVerifyInit(key->scratch, NULL, NULL, NULL, key->public) == 1 &&
	       EVP_DigestVerify(key->scratch, (const unsigned char *)t->signature.p, t->signature.n,
				(const unsigned char *)t->input.p, t->input.n) == 1;
}

/* The two numbers of RFC 7518 section 3.4, of equal size, as libcrypto wants them. *out is for
 * OPENSSL_free; its length, or a negative number. */
static int
ecdsa_der(struct slice raw, unsigned char **out)
{
	int half = (int)(raw.n / 2), n = -1;
	ECDSA_SIG *signature = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn((const unsigned char *)raw.p, half, NULL);
	BIGNUM *s = BN_bin2bn((const unsigned char *)raw.p + half, half, NULL);

	*out = NULL;
	if (signature && r && s && ECDSA_SIG_set0(signature, r, s) == 1) {
		n = i2d_ECDSA_SIG(signature, out);
	} else {
		BN_free(r);
		BN_free(s);
	}
	ECDSA_SIG_free(signature);
	return n;
}

static bool
verify_digest(const struct jwt_token *t, struct jwt_key *key)
{
	unsigned char digest[EVP_MAX_MD_SIZE], *der = NULL;
	const unsigned char *signature = (const unsigned char *)t->signature.p;
	size_t signature_n = t->signature.n;
	unsigned n;
	bool good;

	if (EVP_DigestInit_ex2(key->scratch, key->digest[t->alg], NULL) != 1 ||
	    EVP_DigestUpdate(key->scratch, t->input.p, t->input.n) != 1 ||
	    EVP_DigestFinal_ex(key->scratch, digest, &n) != 1)
		return false;
	if (jwt_algorithms[t->alg].family == ECDSA_CURVE) {
		int der_n = ecdsa_der(t->signature, &der);

		if (der_n < 0)
			return false;
		signature = der;
		signature_n = (size_t)der_n;
	}
	good = EVP_PKEY_verify(key->verify[t->alg], signature, signature_n, digest, n) == 1;
	OPENSSL_free(der);
	return good;
}

enum jwt_verdict
jwt_verify(const struct jwt_token *t, struct jwt_key *key)
{
	size_t want = jwt_algorithms[t->alg].size;
	bool good;

	if (jwt_algorithms[t->alg].family == HMAC_SECRET)
		return verify_secret(t, key);
	if (!(key->takes & 1u << t->alg))
		return JWT_ALGORITHM;
	if (t->signature.n != (want ? want : (size_t)EVP_PKEY_get_size(key->public)))
		return JWT_SIGNATURE;
	good = jwt_algorithms[t->alg].digest ? verify_digest(t, key) : verify_text(t, key);
	if (good)
		return JWT_OK;
	ERR_clear_error();
	return JWT_SIGNATURE;
}
