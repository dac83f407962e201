#include "client_certificate.h"

#include "put.h"
#include "request.h"
#include "tls_front.h"

#include "lib/base64.h"
#include "lib/sha256.h"
#include "lib/tls_session.h"

#define LINE 64 /* of PEM (RFC 7468 section 2) */

static uint32_t
forms_of(const struct request *r)
{
	return table_global(r->table->segments[SEGMENT_RULES])->client_certificate;
}

static struct slice
certificate_of(const struct request *r)
{
	const struct tls_session *s = forms_of(r) ? tls_front_session(r) : NULL;

	return s ? tls_session_peer_certificate(s) : SLICE("");
}

size_t
client_certificate_room(const struct request *r)
{
	size_t n = certificate_of(r).n;

	/* Base64 once, and once more as triplets; the text of which these are made lies behind. */
	return n > 0 ? 6 * base64_size(n) + 512 : 0;
}

static char *
put_hex(char *o, const uint8_t *p, size_t n)
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		*o++ = hex[p[i] >> 4];
		*o++ = hex[p[i] & 15];
	}
	return o;
}

/* PEM as a part of a URL. Its base64 is made behind all that the text can become. */
static char *
put_pem(char *o, struct slice der)
{
	char *from = o + 4 * base64_size(der.n) + 128;
	size_t n = base64_encode(der, from);

	o = PUT(o, "-----BEGIN%20CERTIFICATE-----%0A");
	for (size_t i = 0; i < n; i++) {
		char c = from[i];

		if (c == '+')
			o = PUT(o, "%2B");
		else if (c == '/')
			o = PUT(o, "%2F");
		else if (c == '=')
			o = PUT(o, "%3D");
		else
			*o++ = c;
		if (i % LINE == LINE - 1 || i == n - 1)
			o = PUT(o, "%0A");
	}
	return PUT(o, "-----END%20CERTIFICATE-----%0A");
}

char *
client_certificate_put(char *o, const struct request *r)
{
	struct slice der = certificate_of(r);
	uint8_t digest[SHA256_BYTES];

	if (der.n == 0)
		return o;
	if (forms_of(r) & CLIENT_CERTIFICATE_RFC9440) {
		o = PUT(o, "Client-Cert: :");
		o += base64_encode(der, o);
		o = PUT(o, ":\r\n");
	}
	if (forms_of(r) & CLIENT_CERTIFICATE_X && sha256(der, digest)) {
		o = PUT(o, "X-Forwarded-Client-Cert: Hash=");
		o = put_hex(o, digest, sizeof digest);
		o = PUT(o, ";Cert=\"");
		o = put_pem(o, der);
		o = PUT(o, "\"\r\n");
	}
	return o;
}
