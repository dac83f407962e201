/*
 * What a client asks of a server's certificate beside what mbedTLS does: addresses and pinned keys.
 */

#include "sha256.h"
#include "tls_internal.h"
#include "tls_session.h"
#include "xalloc.h"

#include <arpa/inet.h>

/* The server's own key is one of those that are known. */
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

bool
tls_address_parse(const char *text, struct tls_address *out)
{
	out->n = 0;
	if (inet_pton(AF_INET, text, out->ip) == 1)
		out->n = 4;
	else if (inet_pton(AF_INET6, text, out->ip) == 1)
		out->n = 16;
	return out->n > 0;
}

/* Bytes for bytes (RFC 9525 section 6.5); mbedTLS would also take a name, or a wildcard, that reads
 * like the address. */
static bool
has_address(const mbedtls_x509_crt *crt, const struct tls_address *address)
{
	const mbedtls_x509_sequence *next = &crt->subject_alt_names;
	struct slice wanted = { (const char *)address->ip, address->n };

	for (; next && next->buf.p; next = next->next) {
		if ((next->buf.tag & MBEDTLS_ASN1_TAG_VALUE_MASK) == MBEDTLS_X509_SAN_IP_ADDRESS &&
		    slice_eq(tls_bytes(&next->buf), wanted))
			return true;
	}
	return false;
}

/* mbedTLS's f_vrfy: called for each certificate of the chain, the server's own (0) last. */
static int
verify_one(void *arg, mbedtls_x509_crt *crt, int depth, uint32_t *flags)
{
	const struct tls_context *c = arg;
	const struct tls_address *address = &c->current->address;

	if (!c->settings.trust)
		*flags = 0;
	else if (depth == 0 && address->n > 0 && !has_address(crt, address))
		*flags |= MBEDTLS_X509_BADCERT_CN_MISMATCH;
	if (depth == 0 && c->settings.pins_n > 0 && !is_pinned(c, crt))
		*flags |= MBEDTLS_X509_BADCERT_OTHER;
	return 0;
}

void
tls_verify_conf(struct tls_context *c)
{
	/* Who demands a certificate has to have roots, as mbedTLS sees it: none are enough. */
	static mbedtls_x509_crt none;

	c->pins = xcalloc(c->settings.pins_n + 1, sizeof *c->pins);
	if (c->settings.pins_n > 0)
		memcpy(c->pins, c->settings.pins, c->settings.pins_n * sizeof *c->pins);
	if (!c->settings.trust)
		mbedtls_ssl_conf_ca_chain(&c->config, &none, NULL);
	mbedtls_ssl_conf_verify(&c->config, verify_one, c);
}
