/*
 * Distinguished names as text (RFC 4514), such that no two that differ have one text.
 */

#include "tls_internal.h"

#include "buf.h"

#include <mbedtls/asn1write.h>
#include <mbedtls/oid.h>

/* RFC 4514 section 3, and what openssl has a name for that certificates of people use. */
static const struct {
	const char *name, *oid; /* no byte of these is 0 */
} attributes[] = {
	{ "CN", "\x55\x04\x03" },
	{ "SN", "\x55\x04\x04" },
	{ "serialNumber", "\x55\x04\x05" },
	{ "C", "\x55\x04\x06" },
	{ "L", "\x55\x04\x07" },
	{ "ST", "\x55\x04\x08" },
	{ "street", "\x55\x04\x09" },
	{ "O", "\x55\x04\x0a" },
	{ "OU", "\x55\x04\x0b" },
	{ "title", "\x55\x04\x0c" },
	{ "GN", "\x55\x04\x2a" },
	{ "emailAddress", "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01" },
	{ "UID", "\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x01" },
	{ "DC", "\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19" },
};

static void
add_hex(struct buf *b, struct slice s)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < s.n; i++) {
		buf_addc(b, digits[(unsigned char)s.p[i] >> 4]);
		buf_addc(b, digits[(unsigned char)s.p[i] & 15]);
	}
}

bool
tls_dn_is_text(const mbedtls_asn1_buf *value)
{
	bool ascii =
	    value->tag == MBEDTLS_ASN1_PRINTABLE_STRING || value->tag == MBEDTLS_ASN1_IA5_STRING;
	struct slice s = tls_bytes(value);

	if (!ascii && value->tag != MBEDTLS_ASN1_UTF8_STRING)
		return false;
	while (s.n > 0) {
		size_t n = utf8_length(s);

		if (n == 0 || (ascii && n > 1))
			return false;
		s = slice_make(s.p + n, s.n - n);
	}
	return true;
}

static const char *
attribute_name(const mbedtls_asn1_buf *oid)
{
	for (size_t i = 0; i < sizeof attributes / sizeof attributes[0]; i++) {
		if (slice_eq(slice_of(attributes[i].oid), tls_bytes(oid)))
			return attributes[i].name;
	}
	return NULL;
}

/* RFC 4514 section 2.4: "#" and the DER. */
static void
add_der(struct buf *b, const mbedtls_asn1_buf *value)
{
	unsigned char head[16] = { 0 }, *p = head + sizeof head; /* written from the end */
	int n = mbedtls_asn1_write_len(&p, head, value->len);

	n += mbedtls_asn1_write_tag(&p, head, (unsigned char)value->tag);
	buf_adds(b, SLICE("#"));
	add_hex(b, slice_make((const char *)p, (size_t)n));
	add_hex(b, tls_bytes(value));
}

/* Numbers that cannot be read are shown in hex, so that no two attributes look alike. */
static void
add_attribute(struct buf *b, const mbedtls_asn1_buf *oid)
{
	const char *name = attribute_name(oid);
	char numbers[128];

	if (!name && mbedtls_oid_get_numeric_string(numbers, sizeof numbers, oid) > 0)
		name = numbers;
	if (name)
		buf_adds(b, slice_of(name));
	else
		add_der(b, oid);
}

/* RFC 4514 section 2.4. Blanks at the ends and quotes are triplets, so that the text is safe within
 * quotes and at the end of a field. */
static void
add_value(struct buf *b, struct slice value)
{
	for (size_t i = 0; i < value.n; i++) {
		char c = value.p[i];
		bool end = i == 0 || i == value.n - 1;

		if (c < ' ' || c > '~' || c == '"' || c == '\\' || (c == ' ' && end)) {
			buf_adds(b, SLICE("\\"));
			add_hex(b, slice_make(&c, 1));
			continue;
		}
		if (memchr(",+;<>", c, 5) || (c == '#' && i == 0))
			buf_addc(b, '\\');
		buf_addc(b, c);
	}
}

/* From its end, RFC 4514 section 2.1. */
void
tls_dn_add(struct buf *b, const mbedtls_x509_name *first)
{
	struct buf BUF_CLEAN order = { 0 };
	const mbedtls_x509_name **parts;
	size_t n;

	for (const mbedtls_x509_name *part = first; part; part = part->next) {
		if (part->oid.p)
			buf_add(&order, &part, sizeof part);
	}
	parts = (const mbedtls_x509_name **)order.p;
	n = order.n / sizeof *parts;
	for (size_t i = n; i-- > 0;) {
		if (i + 1 < n)
			buf_addc(b, parts[i]->MBEDTLS_PRIVATE(next_merged) ? '+' : ',');
		add_attribute(b, &parts[i]->oid);
		buf_addc(b, '=');
		if (attribute_name(&parts[i]->oid) && tls_dn_is_text(&parts[i]->val))
			add_value(b, tls_bytes(&parts[i]->val));
		else
			add_der(b, &parts[i]->val);
	}
}
