#include "sha256.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

bool
sha256(struct slice bytes, uint8_t out[SHA256_BYTES])
{
	memset(out, 0, SHA256_BYTES);
	return EVP_Digest(bytes.n ? bytes.p : "", bytes.n, out, NULL, EVP_sha256(), NULL) == 1;
}

bool
sha256_equal(const uint8_t a[SHA256_BYTES], const uint8_t b[SHA256_BYTES])
{
	return CRYPTO_memcmp(a, b, SHA256_BYTES) == 0;
}
