/*
 * Keys of tokens, parsed once, with everything that libcrypto can prepare ahead: a check fetches,
 * parses and allocates nothing but what a digest of ECDSA costs. A key takes the algorithms that
 * fit its kind and no others, so that a public key is never a secret (RFC 8725 section 2.1).
 */

#include "jwt_internal.h"

#include "xalloc.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>

#define RSA_BITS_MIN 2048 /* RFC 7518 section 3.3 */

const struct jwt_algorithm jwt_algorithms[JWT_ALG_N] = {
	[JWT_HS256] = { "HS256", HMAC_SECRET, "SHA256", 32, NULL },
	[JWT_HS384] = { "HS384", HMAC_SECRET, "SHA384", 48, NULL },
	[JWT_HS512] = { "HS512", HMAC_SECRET, "SHA512", 64, NULL },
	[JWT_RS256] = { "RS256", RSA_PKCS1, "SHA256", 0, NULL },
	[JWT_RS384] = { "RS384", RSA_PKCS1, "SHA384", 0, NULL },
	[JWT_RS512] = { "RS512", RSA_PKCS1, "SHA512", 0, NULL },
	[JWT_PS256] = { "PS256", RSA_PSS, "SHA256", 0, NULL },
	[JWT_PS384] = { "PS384", RSA_PSS, "SHA384", 0, NULL },
	[JWT_PS512] = { "PS512", RSA_PSS, "SHA512", 0, NULL },
	[JWT_ES256] = { "ES256", ECDSA_CURVE, "SHA256", 64, "prime256v1" },
	[JWT_ES384] = { "ES384", ECDSA_CURVE, "SHA384", 96, "secp384r1" },
	[JWT_EDDSA] = { "EdDSA", EDDSA_CURVE, NULL, 64, NULL },
};

int
jwt_alg_parse(struct slice name)
{
	for (int i = 0; i < JWT_ALG_N; i++) {
		if (slice_eq(name, slice_of(jwt_algorithms[i].name)))
			return i;
	}
	return -1;
}

const char *
jwt_alg_name(enum jwt_alg alg)
{
	return (unsigned)alg < JWT_ALG_N ? jwt_algorithms[alg].name : "unknown";
}

static EVP_MAC_CTX *
mac_new(EVP_MAC *mac, struct slice secret, const char *digest)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)(uintptr_t)digest,
						 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);

	if (ctx && EVP_MAC_init(ctx, (const unsigned char *)secret.p, secret.n, params) == 1)
		return ctx;
	EVP_MAC_CTX_free(ctx);
	return NULL;
}

struct jwt_key *
jwt_key_secret(struct slice secret, uint32_t algorithms)
{
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	struct jwt_key *key = xcalloc(1, sizeof *key);
	bool good = mac && secret.n > 0 && (algorithms & JWT_ALGS_SECRET) != 0;

	for (int i = 0; good && i < JWT_HMAC_N; i++) {
		if (!(algorithms & 1u << i))
			continue;
		key->mac[i] = mac_new(mac, secret, jwt_algorithms[i].digest);
		good = key->mac[i] != NULL;
	}
	EVP_MAC_free(mac); /* the contexts hold it */
	if (good)
		return key;
	jwt_key_free(key);
	return NULL;
}

/* Does the key's kind fit, and its size? */
static bool
key_fits(EVP_PKEY *key, enum jwt_alg alg)
{
	char curve[32];
	size_t n;

	switch (jwt_algorithms[alg].family) {
	case RSA_PKCS1:
		return EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bits(key) >= RSA_BITS_MIN;
	case RSA_PSS:
		return (EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_is_a(key, "RSA-PSS")) &&
		       EVP_PKEY_get_bits(key) >= RSA_BITS_MIN;
	case ECDSA_CURVE:
		return EVP_PKEY_is_a(key, "EC") &&
		       EVP_PKEY_get_group_name(key, curve, sizeof curve, &n) == 1 &&
		       strcmp(curve, jwt_algorithms[alg].curve) == 0;
	case EDDSA_CURVE:
		return EVP_PKEY_is_a(key, "ED25519");
	case HMAC_SECRET:
		break;
	}
	return false;
}

static bool
verify_prepare(struct jwt_key *key, enum jwt_alg alg)
{
	enum jwt_family family = jwt_algorithms[alg].family;
	EVP_PKEY_CTX *ctx;

	if (family == EDDSA_CURVE)
		return true;
	key->digest[alg] = EVP_MD_fetch(NULL, jwt_algorithms[alg].digest, NULL);
	ctx = key->verify[alg] = EVP_PKEY_CTX_new(key->public, NULL);
	if (!key->digest[alg] || !ctx || EVP_PKEY_verify_init(ctx) != 1 ||
	    EVP_PKEY_CTX_set_signature_md(ctx, key->digest[alg]) != 1)
		return false;
	if (family == RSA_PKCS1)
		return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1;
	if (family == RSA_PSS)
		return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
		       EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, key->digest[alg]) == 1 &&
		       EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1;
	return true;
}

static EVP_PKEY *
public_read(struct slice pem)
{
	BIO *bio = BIO_new_mem_buf(pem.p, pem.n < INT32_MAX ? (int)pem.n : 0);
	EVP_PKEY *key = bio ? PEM_read_bio_PUBKEY(bio, NULL, jwt_no_passphrase, NULL) : NULL;
	X509 *certificate = NULL;

	if (bio && !key && BIO_reset(bio) == 1)
		certificate = PEM_read_bio_X509(bio, NULL, jwt_no_passphrase, NULL);
	if (certificate)
		key = X509_get_pubkey(certificate);
	X509_free(certificate);
	BIO_free(bio);
	ERR_clear_error();
	return key;
}

struct jwt_key *
jwt_key_public(struct slice pem, uint32_t algorithms, const char **why)
{
	struct jwt_key *key = xcalloc(1, sizeof *key);
	bool good = true;

	key->public = public_read(pem);
	key->scratch = EVP_MD_CTX_new();
	*why = "it is no public key or certificate in PEM";
	for (int i = JWT_HMAC_N; key->public && good && i < JWT_ALG_N; i++) {
		*why = "its kind or size fits none of the algorithms";
		if (!(algorithms & 1u << i) || !key_fits(key->public, (enum jwt_alg)i))
			continue;
		key->takes |= 1u << i;
		good = verify_prepare(key, (enum jwt_alg)i);
		if (!good)
			*why = "libcrypto does not take it";
	}
	ERR_clear_error();
	if (key->takes && good && key->scratch)
		return key;
	jwt_key_free(key);
	return NULL;
}

uint32_t
jwt_key_takes(const struct jwt_key *key)
{
	return key->takes;
}

void
jwt_key_free(struct jwt_key *key)
{
	if (!key)
		return;
	for (int i = 0; i < JWT_HMAC_N; i++)
		EVP_MAC_CTX_free(key->mac[i]);
	for (int i = 0; i < JWT_ALG_N; i++) {
		EVP_PKEY_CTX_free(key->verify[i]);
		EVP_MD_free(key->digest[i]);
	}
	EVP_MD_CTX_free(key->scratch);
	EVP_PKEY_free(key->public);
	free(key);
}
