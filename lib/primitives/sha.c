/*
 * mbedTLS's SHA-2 (MBEDTLS_SHA256_ALT, MBEDTLS_SHA512_ALT) by libcrypto's plain contexts, which
 * allocate nothing, so that a copy is an assignment. The names and contracts are those of
 * mbedtls/sha256.h and mbedtls/sha512.h.
 */

#include <mbedtls/sha256.h>
#include <mbedtls/sha512.h>
#include <openssl/crypto.h>
#include <string.h>

static int
sha_result(int good, int error)
{
	return good == 1 ? 0 : error;
}

void
mbedtls_sha256_init(mbedtls_sha256_context *s)
{
	memset(s, 0, sizeof *s);
}

void
mbedtls_sha256_free(mbedtls_sha256_context *s)
{
	if (s)
		OPENSSL_cleanse(s, sizeof *s);
}

void
mbedtls_sha256_clone(mbedtls_sha256_context *to, const mbedtls_sha256_context *from)
{
	*to = *from;
}

int
mbedtls_sha256_starts(mbedtls_sha256_context *s, int is224)
{
	if (is224 != 0 && is224 != 1)
		return MBEDTLS_ERR_SHA256_BAD_INPUT_DATA;
	s->truncated = is224;
	return sha_result(is224 ? SHA224_Init(&s->state) : SHA256_Init(&s->state),
			  MBEDTLS_ERR_SHA256_BAD_INPUT_DATA);
}

int
mbedtls_sha256_update(mbedtls_sha256_context *s, const unsigned char *p, size_t n)
{
	return sha_result(SHA256_Update(&s->state, p, n), MBEDTLS_ERR_SHA256_BAD_INPUT_DATA);
}

int
mbedtls_sha256_finish(mbedtls_sha256_context *s, unsigned char *out)
{
	return sha_result(s->truncated ? SHA224_Final(out, &s->state)
				       : SHA256_Final(out, &s->state),
			  MBEDTLS_ERR_SHA256_BAD_INPUT_DATA);
}

int
mbedtls_internal_sha256_process(mbedtls_sha256_context *s, const unsigned char block[64])
{
	SHA256_Transform(&s->state, block);
	return 0;
}

void
mbedtls_sha512_init(mbedtls_sha512_context *s)
{
	memset(s, 0, sizeof *s);
}

void
mbedtls_sha512_free(mbedtls_sha512_context *s)
{
	if (s)
		OPENSSL_cleanse(s, sizeof *s);
}

void
mbedtls_sha512_clone(mbedtls_sha512_context *to, const mbedtls_sha512_context *from)
{
	*to = *from;
}

int
mbedtls_sha512_starts(mbedtls_sha512_context *s, int is384)
{
	if (is384 != 0 && is384 != 1)
		return MBEDTLS_ERR_SHA512_BAD_INPUT_DATA;
	s->truncated = is384;
	return sha_result(is384 ? SHA384_Init(&s->state) : SHA512_Init(&s->state),
			  MBEDTLS_ERR_SHA512_BAD_INPUT_DATA);
}

int
mbedtls_sha512_update(mbedtls_sha512_context *s, const unsigned char *p, size_t n)
{
	return sha_result(SHA512_Update(&s->state, p, n), MBEDTLS_ERR_SHA512_BAD_INPUT_DATA);
}

int
mbedtls_sha512_finish(mbedtls_sha512_context *s, unsigned char *out)
{
	return sha_result(s->truncated ? SHA384_Final(out, &s->state)
				       : SHA512_Final(out, &s->state),
			  MBEDTLS_ERR_SHA512_BAD_INPUT_DATA);
}

int
mbedtls_internal_sha512_process(mbedtls_sha512_context *s, const unsigned char block[128])
{
	SHA512_Transform(&s->state, block);
	return 0;
}
