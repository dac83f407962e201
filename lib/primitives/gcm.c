/*
 * mbedTLS's AES-GCM (MBEDTLS_GCM_ALT). The names and contracts are those of mbedtls/gcm.h.
 */

#include <mbedtls/error.h>
#include <mbedtls/gcm.h>
#include <string.h>

#define TAG_MIN 4

static int
gcm_result(bool good)
{
	return good ? 0 : MBEDTLS_ERR_GCM_BAD_INPUT;
}

void
mbedtls_gcm_init(mbedtls_gcm_context *g)
{
	memset(g, 0, sizeof *g);
}

void
mbedtls_gcm_free(mbedtls_gcm_context *g)
{
	aead_free(g);
}

static const EVP_CIPHER *
gcm_cipher(unsigned bits)
{
	switch (bits) {
	case 128:
		return EVP_aes_128_gcm();
	case 192:
		return EVP_aes_192_gcm();
	case 256:
		return EVP_aes_256_gcm();
	}
	return NULL;
}

int
mbedtls_gcm_setkey(mbedtls_gcm_context *g, mbedtls_cipher_id_t cipher, const unsigned char *key,
		   unsigned bits)
{
	if (cipher != MBEDTLS_CIPHER_ID_AES)
		return MBEDTLS_ERR_PLATFORM_FEATURE_UNSUPPORTED;
	return gcm_result(aead_set_key(g, gcm_cipher(bits), key));
}

/* To decrypt without a look at the tag is what this one does, and what TLS never asks for. */
static bool
gcm_decrypt_and_tag(struct aead *a, const struct aead_message *m, unsigned char *tag, size_t tag_n)
{
	return aead_start(a, false, m->nonce, m->nonce_n) &&
	       aead_additional(a, m->additional, m->additional_n) &&
	       aead_update(a, m->in, m->n, m->out) && aead_finish(a, tag, tag_n);
}

int
mbedtls_gcm_crypt_and_tag(mbedtls_gcm_context *g, int mode, size_t n, const unsigned char *nonce,
			  size_t nonce_n, const unsigned char *additional, size_t additional_n,
			  const unsigned char *in, unsigned char *out, size_t tag_n,
			  unsigned char *tag)
{
	struct aead_message m = {
		.nonce = nonce,
		.nonce_n = nonce_n,
		.additional = additional,
		.additional_n = additional_n,
		.in = in,
		.out = out,
		.n = n,
	};

	if (tag_n < TAG_MIN || tag_n > AEAD_TAG_MAX)
		return MBEDTLS_ERR_GCM_BAD_INPUT;
	if (mode == MBEDTLS_GCM_ENCRYPT)
		return gcm_result(aead_seal(g, &m, tag, tag_n) == 0);
	return gcm_result(gcm_decrypt_and_tag(g, &m, tag, tag_n));
}

int
mbedtls_gcm_auth_decrypt(mbedtls_gcm_context *g, size_t n, const unsigned char *nonce,
			 size_t nonce_n, const unsigned char *additional, size_t additional_n,
			 const unsigned char *tag, size_t tag_n, const unsigned char *in,
			 unsigned char *out)
{
	struct aead_message m = {
		.nonce = nonce,
		.nonce_n = nonce_n,
		.additional = additional,
		.additional_n = additional_n,
		.in = in,
		.out = out,
		.n = n,
	};
	int r;

	if (tag_n < TAG_MIN || tag_n > AEAD_TAG_MAX)
		return MBEDTLS_ERR_GCM_BAD_INPUT;
	r = aead_open(g, &m, tag, tag_n);
	return r == AEAD_FORGED ? MBEDTLS_ERR_GCM_AUTH_FAILED : gcm_result(r == 0);
}

int
mbedtls_gcm_starts(mbedtls_gcm_context *g, int mode, const unsigned char *nonce, size_t nonce_n)
{
	return gcm_result(aead_start(g, mode == MBEDTLS_GCM_ENCRYPT, nonce, nonce_n));
}

int
mbedtls_gcm_update_ad(mbedtls_gcm_context *g, const unsigned char *additional, size_t n)
{
	return gcm_result(aead_additional(g, additional, n));
}

int
mbedtls_gcm_update(mbedtls_gcm_context *g, const unsigned char *in, size_t n, unsigned char *out,
		   size_t room, size_t *out_n)
{
	if (room < n)
		return MBEDTLS_ERR_GCM_BUFFER_TOO_SMALL;
	*out_n = n;
	return gcm_result(aead_update(g, in, n, out));
}

int
mbedtls_gcm_finish(mbedtls_gcm_context *g, unsigned char *out, size_t room, size_t *out_n,
		   unsigned char *tag, size_t tag_n)
{
	*out_n = 0; /* mbedtls_gcm_update keeps nothing back */
	return gcm_result(aead_finish(g, tag, tag_n));
}
