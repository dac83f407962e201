#include "client_certificate.h"

#include "put.h"
#include "request.h"
#include "tls_front.h"

#include "lib/base64.h"
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
	const struct tls_session *s =
	    forms_of(r) && tls_front_peer(r) ? tls_front_session(r) : NULL;

	return s ? tls_session_peer_certificate(s) : SLICE("");
}

size_t
client_certificate_room(const struct request *r)
{
	static const enum tls_fact facts[] = { TLS_FACT_SUBJECT, TLS_FACT_URI, TLS_FACT_DNS };
	size_t n = certificate_of(r).n, room;
	struct slice value;

	if (n == 0)
		return 0;
	/* Base64 once, and once more as triplets; the text of which these are made lies behind. */
	room = 6 * base64_size(n) + 512;
	for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++) {
		for (unsigned k = 0; (value = tls_peer_fact(tls_front_peer(r), facts[i], k)).p; k++)
			room += value.n + sizeof ";Subject=\"\"";
	}
	return room;
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

/* Does it need quotes? The subject always has some. Neither quotes nor backslashes that would have
 * to be escaped are in any value (lib/tls_peer.h). */
static bool
is_quoted(enum tls_fact fact, struct slice value)
{
	return fact == TLS_FACT_SUBJECT || memchr(value.p, ',', value.n) ||
	       memchr(value.p, ';', value.n) || memchr(value.p, '=', value.n);
}

static char *
put_values(char *o, const struct request *r, enum tls_fact fact, struct slice key)
{
	struct slice value;

	for (unsigned i = 0; (value = tls_peer_fact(tls_front_peer(r), fact, i)).p; i++) {
		struct slice quote = is_quoted(fact, value) ? SLICE("\"") : SLICE("");

		o = put(o, key);
		o = put(put(put(o, quote), value), quote);
	}
	return o;
}

/* Envoy's X-Forwarded-Client-Cert, one element of it; the keys in its order. */
static char *
put_x(char *o, const struct request *r, struct slice der)
{
	o = PUT(o, "X-Forwarded-Client-Cert: Hash=");
	o = put(o, tls_front_fact(r, TLS_FACT_FINGERPRINT));
	if (forms_of(r) & CLIENT_CERTIFICATE_X_CERT) {
		o = PUT(o, ";Cert=\"");
		o = put_pem(o, der);
		*o++ = '"';
	}
	o = put_values(o, r, TLS_FACT_SUBJECT, SLICE(";Subject="));
	o = put_values(o, r, TLS_FACT_URI, SLICE(";URI="));
	o = put_values(o, r, TLS_FACT_DNS, SLICE(";DNS="));
	return PUT(o, "\r\n");
}

char *
client_certificate_put(char *o, const struct request *r)
{
	struct slice der = certificate_of(r);

	if (der.n == 0)
		return o;
	if (forms_of(r) & CLIENT_CERTIFICATE_RFC9440) {
		o = PUT(o, "Client-Cert: :");
		o += base64_encode(der, o);
		o = PUT(o, ":\r\n");
	}
	return forms_of(r) & CLIENT_CERTIFICATE_X ? put_x(o, r, der) : o;
}
