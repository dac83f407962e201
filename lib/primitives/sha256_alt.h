#pragma once

/* sha256_alt: the context that mbedTLS asks for (MBEDTLS_SHA256_ALT). */

#include <openssl/sha.h>

typedef struct mbedtls_sha256_context {
	SHA256_CTX state;
	int truncated; /* SHA-224 */
} mbedtls_sha256_context;
