/*
 * mbedTLS's HKDF-Expand-Label (RFC 8446 section 7.1), of which a handshake of TLS 1.3 takes a dozen
 * for secrets of one block: by way of PSA each costs more than its hashes. Takes the place of
 * mbedtls_ssl_tls13_hkdf_expand_label (libcrypto.h).
 */

#include <mbedtls/ssl.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <psa/crypto.h>
#include <stdbool.h>
#include <string.h>

#define BLOCK_MAX 128
#define PREFIX "tls13 "
#define PREFIX_N (sizeof PREFIX - 1)
#define LABEL_MAX (255 - PREFIX_N)
#define CONTEXT_MAX 255
#define INFO_MAX (2 + 1 + 255 + 1 + CONTEXT_MAX)

struct hash {
	union {
		SHA256_CTX small;
		SHA512_CTX large;
	} of;
	bool is_large; /* SHA-384, else SHA-256 */
};

struct hmac { /* keyed; is copied for each message (RFC 2104) */
	struct hash inner, outer;
};

static void
hash_start(struct hash *h, bool is_large)
{
	h->is_large = is_large;
	if (is_large)
		SHA384_Init(&h->of.large);
	else
		SHA256_Init(&h->of.small);
}

static void
hash_add(struct hash *h, const void *p, size_t n)
{
	if (h->is_large)
		SHA384_Update(&h->of.large, p, n);
	else
		SHA256_Update(&h->of.small, p, n);
}

static size_t
hash_size(bool is_large)
{
	return is_large ? SHA384_DIGEST_LENGTH : SHA256_DIGEST_LENGTH;
}

static void
hash_end(struct hash *h, uint8_t *out)
{
	if (h->is_large)
		SHA384_Final(out, &h->of.large);
	else
		SHA256_Final(out, &h->of.small);
}

static void
hmac_key(struct hmac *h, bool is_large, const uint8_t *key, size_t n)
{
	size_t size = is_large ? SHA512_CBLOCK : SHA256_CBLOCK;
	uint8_t inner[BLOCK_MAX] = { 0 }, outer[BLOCK_MAX];

	memcpy(inner, key, n);
	for (size_t i = 0; i < size; i++) {
		outer[i] = inner[i] ^ 0x5c;
		inner[i] ^= 0x36;
	}
	hash_start(&h->inner, is_large);
	hash_add(&h->inner, inner, size);
	hash_start(&h->outer, is_large);
	hash_add(&h->outer, outer, size);
	OPENSSL_cleanse(inner, sizeof inner);
	OPENSSL_cleanse(outer, sizeof outer);
}

/* RFC 5869 section 2.3. */
static void
expand(const struct hmac *keyed, const uint8_t *info, size_t info_n, uint8_t *out, size_t n)
{
	size_t size = hash_size(keyed->inner.is_large), have = 0;
	uint8_t block[SHA384_DIGEST_LENGTH];
	struct hmac h;

	for (uint8_t number = 1; n > 0; number++) {
		size_t take = n < size ? n : size;

		h = *keyed;
		hash_add(&h.inner, block, have);
		hash_add(&h.inner, info, info_n);
		hash_add(&h.inner, &number, 1);
		hash_end(&h.inner, block);
		hash_add(&h.outer, block, size);
		hash_end(&h.outer, block);
		memcpy(out, block, take);
		out += take;
		n -= take;
		have = size;
	}
	OPENSSL_cleanse(&h, sizeof h);
	OPENSSL_cleanse(block, sizeof block);
}

static size_t
info_of(uint8_t *info, size_t n, const uint8_t *label, size_t label_n, const uint8_t *context,
	size_t context_n)
{
	uint8_t *p = info;

	*p++ = (uint8_t)(n >> 8);
	*p++ = (uint8_t)n;
	*p++ = (uint8_t)(PREFIX_N + label_n);
	memcpy(p, PREFIX, PREFIX_N);
	p += PREFIX_N;
	memcpy(p, label, label_n);
	p += label_n;
	*p++ = (uint8_t)context_n;
	if (context_n > 0)
		memcpy(p, context, context_n);
	return (size_t)(p - info) + context_n;
}

/* mbedTLS's header is one of its own files'. */
int mbedtls_ssl_tls13_hkdf_expand_label(psa_algorithm_t hash, const unsigned char *secret,
					size_t secret_n, const unsigned char *label, size_t label_n,
					const unsigned char *context, size_t context_n,
					unsigned char *out, size_t n);

int
mbedtls_ssl_tls13_hkdf_expand_label(psa_algorithm_t hash, const unsigned char *secret,
				    size_t secret_n, const unsigned char *label, size_t label_n,
				    const unsigned char *context, size_t context_n,
				    unsigned char *out, size_t n)
{
	bool is_large = hash == PSA_ALG_SHA_384;
	uint8_t info[INFO_MAX];
	struct hmac keyed;
	size_t info_n;

	if ((!is_large && hash != PSA_ALG_SHA_256) || secret_n > SHA256_CBLOCK ||
	    label_n > LABEL_MAX || context_n > CONTEXT_MAX || n > 255 * hash_size(is_large))
		return MBEDTLS_ERR_SSL_INTERNAL_ERROR;
	info_n = info_of(info, n, label, label_n, context, context_n);
	hmac_key(&keyed, is_large, secret, secret_n);
	expand(&keyed, info, info_n, out, n);
	OPENSSL_cleanse(&keyed, sizeof keyed);
	return 0;
}
