#include "hmac.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>

void
hmac_sha256(struct slice key, struct slice text, unsigned char out[HMAC_SIZE])
{
	unsigned n;

	if (!HMAC(EVP_sha256(), key.p, (int)key.n, (const unsigned char *)text.p, text.n, out, &n))
		abort(); /* only without memory */
}
