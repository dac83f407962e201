#include "tls_peer.h"

#include "buf.h"
#include "sha256.h"
#include "tls_internal.h"
#include "xalloc.h"

#include <stdlib.h>

#define COMMON_NAME SLICE("\x55\x04\x03") /* RFC 5280 appendix A.1 */

struct row { /* in `text` */
	size_t from, n;
};

struct tls_peer {
	struct buf text, rows;        /* rows: struct row, by fact */
	size_t first[TLS_FACT_N + 1]; /* row of each fact */
};

/* U+0000 to U+001F and U+007F to U+009F. */
static bool
has_controls(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c < 0x20 || c == 0x7f ||
		    (c == 0xc2 && i + 1 < s.n && (unsigned char)s.p[i + 1] < 0xa0))
			return true;
	}
	return false;
}

static bool
is_plain(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] <= ' ' || s.p[i] > '~' || s.p[i] == '"' || s.p[i] == '\\')
			return false;
	}
	return s.n > 0;
}

/* ---- facts ---- */

/* What was added to the text since `from`; nothing is no fact. */
static void
add_row(struct tls_peer *p, size_t from)
{
	struct row row = { from, p->text.n - from };

	if (row.n > 0)
		buf_add(&p->rows, &row, sizeof row);
}

static void
add_common_names(struct tls_peer *p, const mbedtls_x509_name *part)
{
	for (; part; part = part->next) {
		size_t from = p->text.n;

		if (!slice_eq(tls_bytes(&part->oid), COMMON_NAME) || !tls_dn_is_text(&part->val) ||
		    has_controls(tls_bytes(&part->val)))
			continue;
		buf_adds(&p->text, tls_bytes(&part->val));
		add_row(p, from);
	}
}

static void
add_alternatives(struct tls_peer *p, const mbedtls_x509_sequence *next, int type)
{
	for (; next && next->buf.p; next = next->next) {
		size_t from = p->text.n;

		if (next->buf.tag != (MBEDTLS_ASN1_CONTEXT_SPECIFIC | type) ||
		    !is_plain(tls_bytes(&next->buf)))
			continue;
		buf_adds(&p->text, tls_bytes(&next->buf));
		add_row(p, from);
	}
}

static void
add_fingerprint(struct tls_peer *p, const mbedtls_x509_buf *der)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t digest[SHA256_BYTES];
	size_t from = p->text.n;

	if (!sha256(tls_bytes(der), digest))
		return;
	for (size_t i = 0; i < sizeof digest; i++) {
		buf_addc(&p->text, digits[digest[i] >> 4]);
		buf_addc(&p->text, digits[digest[i] & 15]);
	}
	add_row(p, from);
}

static void
add_fact(struct tls_peer *p, enum tls_fact fact, const mbedtls_x509_crt *c)
{
	size_t from = p->text.n;

	switch (fact) {
	case TLS_FACT_SUBJECT:
	case TLS_FACT_ISSUER:
		tls_dn_add(&p->text, fact == TLS_FACT_SUBJECT ? &c->subject : &c->issuer);
		add_row(p, from);
		break;
	case TLS_FACT_CN:
		add_common_names(p, &c->subject);
		break;
	case TLS_FACT_DNS:
		add_alternatives(p, &c->subject_alt_names, MBEDTLS_X509_SAN_DNS_NAME);
		break;
	case TLS_FACT_URI:
		add_alternatives(p, &c->subject_alt_names,
				 MBEDTLS_X509_SAN_UNIFORM_RESOURCE_IDENTIFIER);
		break;
	case TLS_FACT_EMAIL:
		add_alternatives(p, &c->subject_alt_names, MBEDTLS_X509_SAN_RFC822_NAME);
		break;
	case TLS_FACT_FINGERPRINT:
		add_fingerprint(p, &c->raw);
		break;
	case TLS_FACT_N:
		break;
	}
}

struct tls_peer *
tls_peer_new(struct slice der)
{
	struct tls_peer *p = NULL;
	mbedtls_x509_crt c;

	mbedtls_x509_crt_init(&c);
	if (der.n > 0 && der.n <= TLS_PEER_MAX &&
	    mbedtls_x509_crt_parse_der_nocopy(&c, (const unsigned char *)der.p, der.n) == 0) {
		p = xcalloc(1, sizeof *p);
		for (unsigned fact = 0; fact < TLS_FACT_N; fact++) {
			p->first[fact] = p->rows.n / sizeof(struct row);
			add_fact(p, fact, &c);
		}
		p->first[TLS_FACT_N] = p->rows.n / sizeof(struct row);
	}
	mbedtls_x509_crt_free(&c);
	return p;
}

void
tls_peer_free(struct tls_peer *p)
{
	if (!p)
		return;
	buf_deinit(&p->text);
	buf_deinit(&p->rows);
	free(p);
}

struct slice
tls_peer_fact(const struct tls_peer *p, enum tls_fact fact, unsigned i)
{
	const struct row *rows = (const struct row *)p->rows.p;
	size_t at = p->first[fact] + i;

	if (at >= p->first[fact + 1])
		return slice_make(NULL, 0);
	return slice_make(p->text.p + rows[at].from, rows[at].n);
}
