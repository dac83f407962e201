/*
 * Certificates of clients, in DER. Whatever is in them: texts that go into header fields hold
 * nothing that ends one, or a quoted part of one; no fact is longer than the certificate allows.
 */

#include "lib/tls_peer.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(enum tls_fact fact, struct slice value, size_t size)
{
	bool alternative = fact == TLS_FACT_DNS || fact == TLS_FACT_URI || fact == TLS_FACT_EMAIL;

	assert(value.n > 0);
	assert(fact == TLS_FACT_FINGERPRINT ? value.n == 64 : value.n <= 16 * size);
	for (size_t i = 0; i < value.n; i++) {
		char c = value.p[i];

		if (fact == TLS_FACT_CN)
			assert((unsigned char)c >= ' ' && c != 0x7f);
		else
			assert(c >= (alternative ? '!' : ' ') && c <= '~' && c != '"');
		assert(!alternative || c != '\\');
	}
	assert(fact == TLS_FACT_CN || (value.p[0] != ' ' && value.p[value.n - 1] != ' '));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tls_peer *p = tls_peer_new(slice_make((const char *)data, size));
	struct slice value;

	if (!p)
		return 0;
	for (enum tls_fact fact = 0; fact < TLS_FACT_N; fact++) {
		unsigned i = 0;

		for (; (value = tls_peer_fact(p, fact, i)).p; i++)
			check(fact, value, size);
		assert(fact != TLS_FACT_FINGERPRINT || i == 1);
		assert((fact != TLS_FACT_SUBJECT && fact != TLS_FACT_ISSUER) || i <= 1);
	}
	tls_peer_free(p);
	return 0;
}
