/*
 * mbedTLS's ChaCha20-Poly1305 (MBEDTLS_CHACHAPOLY_ALT). The names and contracts are those of
 * mbedtls/chachapoly.h.
 */

#include <mbedtls/chachapoly.h>
#include <string.h>

#define NONCE 12
#define TAG 16

static int
chachapoly_result(bool good)
{
	return good ? 0 : MBEDTLS_ERR_CHACHAPOLY_BAD_STATE;
}

void
mbedtls_chachapoly_init(mbedtls_chachapoly_context *c)
{
	memset(c, 0, sizeof *c);
}

void
mbedtls_chachapoly_free(mbedtls_chachapoly_context *c)
{
	aead_free(c);
}

int
mbedtls_chachapoly_setkey(mbedtls_chachapoly_context *c, const unsigned char key[32])
{
	return chachapoly_result(aead_set_key(c, EVP_chacha20_poly1305(), key));
}

int
mbedtls_chachapoly_encrypt_and_tag(mbedtls_chachapoly_context *c, size_t n,
				   const unsigned char nonce[NONCE],
				   const unsigned char *additional, size_t additional_n,
				   const unsigned char *in, unsigned char *out,
				   unsigned char tag[TAG])
{
	struct aead_message m = {
		.nonce = nonce,
		.nonce_n = NONCE,
		.additional = additional,
		.additional_n = additional_n,
		.in = in,
		.out = out,
		.n = n,
	};

	return chachapoly_result(aead_seal(c, &m, tag, TAG) == 0);
}

int
mbedtls_chachapoly_auth_decrypt(mbedtls_chachapoly_context *c, size_t n,
				const unsigned char nonce[NONCE], const unsigned char *additional,
				size_t additional_n, const unsigned char tag[TAG],
				const unsigned char *in, unsigned char *out)
{
	struct aead_message m = {
		.nonce = nonce,
		.nonce_n = NONCE,
		.additional = additional,
		.additional_n = additional_n,
		.in = in,
		.out = out,
		.n = n,
	};
	int r = aead_open(c, &m, tag, TAG);

	return r == AEAD_FORGED ? MBEDTLS_ERR_CHACHAPOLY_AUTH_FAILED : chachapoly_result(r == 0);
}

int
mbedtls_chachapoly_starts(mbedtls_chachapoly_context *c, const unsigned char nonce[NONCE],
			  mbedtls_chachapoly_mode_t mode)
{
	return chachapoly_result(aead_start(c, mode == MBEDTLS_CHACHAPOLY_ENCRYPT, nonce, NONCE));
}

int
mbedtls_chachapoly_update_aad(mbedtls_chachapoly_context *c, const unsigned char *additional,
			      size_t n)
{
	return chachapoly_result(aead_additional(c, additional, n));
}

int
mbedtls_chachapoly_update(mbedtls_chachapoly_context *c, size_t n, const unsigned char *in,
			  unsigned char *out)
{
	return chachapoly_result(aead_update(c, in, n, out));
}

int
mbedtls_chachapoly_finish(mbedtls_chachapoly_context *c, unsigned char tag[TAG])
{
	return chachapoly_result(aead_finish(c, tag, TAG));
}
