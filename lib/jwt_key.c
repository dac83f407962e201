/*
 * Keys of tokens, parsed once, with everything that libcrypto can prepare ahead: a check fetches,
 * parses and allocates nothing but what a digest of ECDSA costs. A key takes the algorithms that
 * fit its kind and no others, so that a public key is never a secret (RFC 8725 section 2.1).
 */

#include "jwt.h"

#include "xalloc.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>

#define RSA_BITS_MIN 2048 /* RFC 7518 section 3.3 */

enum family { HMAC_SECRET, RSA_PKCS1, RSA_PSS, ECDSA_CURVE, EDDSA_CURVE };

static const struct {
	const char *name;
	enum family family;
	const char *digest; /* NULL: the signature takes the text itself */
	size_t size;        /* of the signature; 0 = as the key says */
	const char *curve;
} algorithms_known[JWT_ALG_N] = {
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

struct jwt_key {
	/* One context for each algorithm, keyed once: EVP_MAC_init without a key starts it again
	 * from the keyed state, which saves two of the hash's blocks and all look-ups. */
	EVP_MAC_CTX *mac[JWT_HMAC_N];
	EVP_PKEY *public;
	EVP_PKEY_CTX *verify[JWT_ALG_N]; /* initialised; good for any number of signatures */
	EVP_MD *digest[JWT_ALG_N];
	EVP_MD_CTX *scratch;
	uint32_t takes; /* public keys: bits of enum jwt_alg */
};

int
jwt_alg_parse(struct slice name)
{
	for (int i = 0; i < JWT_ALG_N; i++) {
		if (slice_eq(name, slice_of(algorithms_known[i].name)))
			return i;
	}
	return -1;
}

const char *
jwt_alg_name(enum jwt_alg alg)
{
	return (unsigned)alg < JWT_ALG_N ? algorithms_known[alg].name : "unknown";
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
		key->mac[i] = mac_new(mac, secret, algorithms_known[i].digest);
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

	switch (algorithms_known[alg].family) {
	case RSA_PKCS1:
		return EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bits(key) >= RSA_BITS_MIN;
	case RSA_PSS:
		return (EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_is_a(key, "RSA-PSS")) &&
		       EVP_PKEY_get_bits(key) >= RSA_BITS_MIN;
	case ECDSA_CURVE:
		return EVP_PKEY_is_a(key, "EC") &&
		       EVP_PKEY_get_group_name(key, curve, sizeof curve, &n) == 1 &&
		       strcmp(curve, algorithms_known[alg].curve) == 0;
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
	enum family family = algorithms_known[alg].family;
	EVP_PKEY_CTX *ctx;

	if (family == EDDSA_CURVE)
		return true;
	key->digest[alg] = EVP_MD_fetch(NULL, algorithms_known[alg].digest, NULL);
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

/* No pass phrase is asked for, whatever the text says of itself. */
static int
no_passphrase(char *room, int size, int writing, void *userdata)
{
	return -1;
}

static EVP_PKEY *
public_read(struct slice pem)
{
	BIO *bio = BIO_new_mem_buf(pem.p, pem.n < INT32_MAX ? (int)pem.n : 0);
	EVP_PKEY *key = bio ? PEM_read_bio_PUBKEY(bio, NULL, no_passphrase, NULL) : NULL;
	X509 *certificate = NULL;

	if (bio && !key && BIO_reset(bio) == 1)
		certificate = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL);
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

static enum jwt_verdict
verify_secret(const struct jwt_token *t, struct jwt_key *key)
{
	unsigned char mac[EVP_MAX_MD_SIZE];
	EVP_MAC_CTX *ctx = key->mac[t->alg];
	size_t n, want = algorithms_known[t->alg].size;

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
	if (algorithms_known[t->alg].family == ECDSA_CURVE) {
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
	size_t want = algorithms_known[t->alg].size;
	bool good;

	if (algorithms_known[t->alg].family == HMAC_SECRET)
		return verify_secret(t, key);
	if (!(key->takes & 1u << t->alg))
		return JWT_ALGORITHM;
	if (t->signature.n != (want ? want : (size_t)EVP_PKEY_get_size(key->public)))
		return JWT_SIGNATURE;
	good = algorithms_known[t->alg].digest ? verify_digest(t, key) : verify_text(t, key);
	if (good)
		return JWT_OK;
	ERR_clear_error();
	return JWT_SIGNATURE;
}
