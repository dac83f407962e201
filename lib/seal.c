#include "seal.h"

#include "hmac.h"

#include <limits.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#define NONCE 12
#define TAG 16

_Static_assert(SEAL_OVERHEAD == NONCE + TAG, "both stand beside the text");

/* A context with key and nonce; NULL: libcrypto fails. */
static EVP_CIPHER_CTX *
begin(struct slice secret, const char *purpose, const unsigned char *nonce, struct slice bound,
      int encrypt)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	unsigned char key[HMAC_SIZE];
	int n, ok = ctx != NULL && bound.n <= INT_MAX;

	hmac_sha256(secret, slice_of(purpose), key);
	if (ok)
		ok = EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce, encrypt) &&
		     EVP_CipherUpdate(ctx, NULL, &n, (const unsigned char *)bound.p, (int)bound.n);
	explicit_bzero(key, sizeof key);
	if (ok)
		return ctx;
	EVP_CIPHER_CTX_free(ctx);
	return NULL;
}

bool
seal_close(struct slice secret, const char *purpose, struct slice bound, struct slice plain,
	   struct buf *out)
{
	unsigned char *nonce, *text;
	EVP_CIPHER_CTX *ctx;
	int n, ok;

	if (plain.n > INT_MAX)
		return false;
	buf_reserve(out, plain.n + SEAL_OVERHEAD);
	nonce = (unsigned char *)out->p + out->n;
	text = nonce + NONCE;
	if (RAND_bytes(nonce, NONCE) != 1)
		return false;
	ctx = begin(secret, purpose, nonce, bound, 1);
	ok = ctx && EVP_CipherUpdate(ctx, text, &n, (const unsigned char *)plain.p, (int)plain.n) &&
	     EVP_CipherFinal_ex(ctx, text + n, &n) &&
	     EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG, text + plain.n);
	EVP_CIPHER_CTX_free(ctx);
	if (ok)
		out->n += plain.n + SEAL_OVERHEAD;
	return ok;
}

bool
seal_open(struct slice secret, const char *purpose, struct slice bound, struct slice sealed,
	  struct buf *out)
{
	const unsigned char *nonce = (const unsigned char *)sealed.p, *text = nonce + NONCE;
	size_t length = sealed.n - SEAL_OVERHEAD;
	EVP_CIPHER_CTX *ctx;
	unsigned char tag[TAG], *plain;
	int n, ok;

	if (sealed.n < SEAL_OVERHEAD || length > INT_MAX)
		return false;
	memcpy(tag, text + length, TAG);
	buf_reserve(out, length + 1);
	plain = (unsigned char *)out->p + out->n;
	ctx = begin(secret, purpose, nonce, bound, 0);
	ok = ctx && EVP_CipherUpdate(ctx, plain, &n, text, (int)length) &&
	     EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG, tag) &&
	     EVP_CipherFinal_ex(ctx, plain + n, &n) > 0;
	EVP_CIPHER_CTX_free(ctx);
	if (ok)
		out->n += length;
	else
		explicit_bzero(plain, length);
	return ok;
}
