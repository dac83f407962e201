#pragma once

/* sha512_alt: the context that mbedTLS asks for (MBEDTLS_SHA512_ALT). */

#include <openssl/sha.h>

typedef struct mbedtls_sha512_context {
	SHA512_CTX state;
	int truncated; /* SHA-384 */
} mbedtls_sha512_context;
