/*
 * Pinned keys: a server is taken only if its own key is one of those that are known.
 */

#include "sha256.h"
#include "tls_internal.h"
#include "xalloc.h"

static bool
is_pinned(const struct tls_context *c, const mbedtls_x509_crt *crt)
{
	struct slice key = slice_make((const char *)crt->pk_raw.p, crt->pk_raw.len);
	uint8_t digest[SHA256_BYTES];

	if (!sha256(key, digest))
		return false;
	for (unsigned i = 0; i < c->settings.pins_n; i++) {
		if (sha256_equal(digest, c->pins[i]))
			return true;
	}
	return false;
}

/* mbedTLS's f_vrfy: called for each certificate of the chain, the server's own (0) last. */
static int
pin_verify(void *arg, mbedtls_x509_crt *crt, int depth, uint32_t *flags)
{
	const struct tls_context *c = arg;

	if (!c->settings.trust)
		*flags = 0;
	if (depth == 0 && !is_pinned(c, crt))
		*flags |= MBEDTLS_X509_BADCERT_OTHER;
	return 0;
}

void
tls_pin_conf(struct tls_context *c)
{
	/* Who demands a certificate has to have roots, as mbedTLS sees it: none are enough. */
	static mbedtls_x509_crt none;

	c->pins = xcalloc(c->settings.pins_n, sizeof *c->pins);
	memcpy(c->pins, c->settings.pins, c->settings.pins_n * sizeof *c->pins);
	if (!c->settings.trust)
		mbedtls_ssl_conf_ca_chain(&c->config, &none, NULL);
	mbedtls_ssl_conf_verify(&c->config, pin_verify, c);
}
