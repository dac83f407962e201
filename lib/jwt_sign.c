/*
 * Signing by libcrypto with keys parsed once: libjwt would parse the key at every call, which takes
 * longer than the signature of ES256 does.
 */

#include "jwt_sign.h"

#include "base64.h"
#include "jwt_internal.h"
#include "sha256.h"
#include "xalloc.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>

#define RSA_BITS_MIN 2048 /* RFC 7518 section 3.3 */
#define RSA_BITS_MAX 8192 /* one signature takes long enough */
#define SIGNATURE_MAX (RSA_BITS_MAX / 8)
#define COORDINATE 32 /* bytes, of P-256 */

struct jwt_signer {
	EVP_PKEY *key;
	EVP_MD *digest;
	EVP_MD_CTX *ctx;
	bool is_ec;
	struct buf header; /* in base64url */
	struct buf jwk;
};

static EVP_PKEY *
private_read(struct slice pem)
{
	BIO *bio = BIO_new_mem_buf(pem.p, pem.n < INT32_MAX ? (int)pem.n : 0);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, jwt_no_passphrase, NULL) : NULL;

	BIO_free(bio);
	return key;
}

static bool
kind_is_known(struct jwt_signer *s)
{
	char curve[32];
	size_t n;
	int bits = EVP_PKEY_get_bits(s->key);

	s->is_ec = EVP_PKEY_is_a(s->key, "EC");
	if (s->is_ec)
		return EVP_PKEY_get_group_name(s->key, curve, sizeof curve, &n) == 1 &&
		       strcmp(curve, "prime256v1") == 0;
	return EVP_PKEY_is_a(s->key, "RSA") && bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX;
}

static void
add_base64url(struct buf *out, struct slice bytes)
{
	buf_reserve(out, (bytes.n * 4 + 2) / 3);
	out->n += base64url_encode(bytes, out->p + out->n);
}

/* "name":"..." of a number of the key; `size`: bytes, 0 = as many as it takes. */
static bool
add_number(struct jwt_signer *s, const char *name, const char *param, int size)
{
	unsigned char bytes[SIGNATURE_MAX];
	BIGNUM *n = NULL;
	bool good = EVP_PKEY_get_bn_param(s->key, param, &n) == 1;

	size = good && size == 0 ? BN_num_bytes(n) : size;
	good = good && size <= (int)sizeof bytes && BN_bn2binpad(n, bytes, size) == size;
	if (good) {
		buf_addf(&s->jwk, "\"%s\":\"", name);
		add_base64url(&s->jwk, slice_make((const char *)bytes, (size_t)size));
		buf_addc(&s->jwk, '"');
	}
	BN_free(n);
	return good;
}

/* What RFC 7638 section 3.2 has of a key, in its order. */
static bool
add_essence(struct jwt_signer *s)
{
	bool good;

	if (s->is_ec) {
		buf_adds(&s->jwk, SLICE("{\"crv\":\"P-256\",\"kty\":\"EC\","));
		good = add_number(s, "x", OSSL_PKEY_PARAM_EC_PUB_X, COORDINATE);
		buf_addc(&s->jwk, ',');
		return good && add_number(s, "y", OSSL_PKEY_PARAM_EC_PUB_Y, COORDINATE);
	}
	buf_addc(&s->jwk, '{');
	good = add_number(s, "e", OSSL_PKEY_PARAM_RSA_E, 0);
	buf_adds(&s->jwk, SLICE(",\"kty\":\"RSA\","));
	return good && add_number(s, "n", OSSL_PKEY_PARAM_RSA_N, 0);
}

/* Its public part, and from that the name and the header of all its tokens. */
static bool
describe(struct jwt_signer *s)
{
	const char *alg = s->is_ec ? "ES256" : "RS256";
	struct buf BUF_CLEAN kid = { 0 }, header = { 0 };
	uint8_t digest[SHA256_BYTES];

	if (!add_essence(s))
		return false;
	buf_addc(&s->jwk, '}');
	if (!sha256(buf_slice(&s->jwk), digest))
		return false;
	add_base64url(&kid, slice_make((const char *)digest, sizeof digest));
	s->jwk.n--;
	buf_addf(&s->jwk, ",\"alg\":\"%s\",\"use\":\"sig\",\"kid\":\"%.*s\"}", alg,
		 SLICE_F(buf_slice(&kid)));
	buf_addf(&header, "{\"alg\":\"%s\",\"typ\":\"JWT\",\"kid\":\"%.*s\"}", alg,
		 SLICE_F(buf_slice(&kid)));
	add_base64url(&s->header, buf_slice(&header));
	return true;
}

struct jwt_signer *
jwt_signer_new(struct slice pem, const char **why)
{
	struct jwt_signer *s = xcalloc(1, sizeof *s);
	bool good = false;

	s->key = private_read(pem);
	s->digest = EVP_MD_fetch(NULL, "SHA256", NULL);
	s->ctx = EVP_MD_CTX_new();
	*why = "it is no private key in PEM, or has a pass phrase";
	if (s->key) {
		*why = "it is neither RSA of 2048 to 8192 bits nor EC on P-256";
		good = kind_is_known(s);
	}
	if (good) {
		*why = "libcrypto does not take it";
		good = s->digest && s->ctx && describe(s);
	}
	ERR_clear_error();
	if (good)
		return s;
	jwt_signer_free(s);
	return NULL;
}

void
jwt_signer_free(struct jwt_signer *s)
{
	if (!s)
		return;
	EVP_MD_CTX_free(s->ctx);
	EVP_MD_free(s->digest);
	EVP_PKEY_free(s->key);
	buf_deinit(&s->header);
	buf_deinit(&s->jwk);
	free(s);
}

struct slice
jwt_signer_jwk(const struct jwt_signer *s)
{
	return buf_slice(&s->jwk);
}

/* The two numbers one behind the other (RFC 7518 section 3.4), in place. */
static bool
from_der(unsigned char *signature, size_t *n)
{
	const unsigned char *p = signature;
	ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &p, (long)*n);
	bool good =
	    pair && BN_bn2binpad(ECDSA_SIG_get0_r(pair), signature, COORDINATE) == COORDINATE &&
	    BN_bn2binpad(ECDSA_SIG_get0_s(pair), signature + COORDINATE, COORDINATE) == COORDINATE;

	*n = 2 * COORDINATE;
	ECDSA_SIG_free(pair);
	return good;
}

static bool
signature_make(struct jwt_signer *s, struct slice input, unsigned char *signature, size_t *n)
{
	if (EVP_DigestSignInit_ex(s->ctx, NULL, "SHA256", NULL, NULL, s->key, NULL) != 1 ||
	    EVP_DigestSign(s->ctx, signature, n, (const unsigned char *)input.p, input.n) != 1)
		return false;
	return !s->is_ec || from_der(signature, n);
}

int
jwt_sign(struct jwt_signer *s, struct slice claims, struct buf *out)
{
	unsigned char signature[SIGNATURE_MAX];
	size_t begin = out->n, n = sizeof signature;

	buf_adds(out, buf_slice(&s->header));
	buf_addc(out, '.');
	add_base64url(out, claims);
	if (!signature_make(s, slice_make(out->p + begin, out->n - begin), signature, &n)) {
		ERR_clear_error();
		out->n = begin;
		return -EIO;
	}
	buf_addc(out, '.');
	add_base64url(out, slice_make((const char *)signature, n));
	return 0;
}
