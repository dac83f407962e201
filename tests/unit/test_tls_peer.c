/* tls_peer: what is said of the owner of a certificate, whoever made that. */

#include "lib/tls_peer.h"

#include "certificate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

struct part { /* of a subject */
	const char *attribute;
	int type;
	const char *bytes;
	int n;   /* 0: as a string */
	int set; /* -1: in one with the part before */
};

static const struct part *parts; /* of the certificate that is made next */
static const char *alternatives; /* DER of its subjectAltName */
static size_t alternatives_n;

static void
fill(X509 *x)
{
	X509_NAME *name = X509_get_subject_name(x);
	ASN1_OCTET_STRING *bytes;
	X509_EXTENSION *e;

	while (parts && X509_NAME_entry_count(name) > 0)
		X509_NAME_ENTRY_free(X509_NAME_delete_entry(name, 0));
	for (const struct part *p = parts; p && p->attribute; p++) {
		int n = p->n ? p->n : (int)strlen(p->bytes);
		ASN1_OBJECT *object = OBJ_txt2obj(p->attribute, 0);
		X509_NAME_ENTRY *entry = X509_NAME_ENTRY_create_by_OBJ(
		    NULL, object, p->type, (const unsigned char *)p->bytes, n);

		ASN1_OBJECT_free(object);
		assert_non_null(entry);
		assert_int_equal(X509_NAME_add_entry(name, entry, -1, p->set), 1);
		X509_NAME_ENTRY_free(entry);
	}
	if (alternatives_n == 0)
		return;
	bytes = ASN1_OCTET_STRING_new();
	ASN1_OCTET_STRING_set(bytes, (const unsigned char *)alternatives, (int)alternatives_n);
	e = X509_EXTENSION_create_by_NID(NULL, NID_subject_alt_name, 0, bytes);
	assert_int_equal(X509_add_ext(x, e, -1), 1);
	X509_EXTENSION_free(e);
	ASN1_OCTET_STRING_free(bytes);
}

/* In DER; the caller frees it. */
static struct slice
make(const struct part *subject, const char *names, struct slice raw_names, X509 **kept)
{
	struct certificate_maker m = { .kind = "P-256", .names = names, .fill = fill };
	struct certificate_made made;
	unsigned char *der = NULL;
	int n;

	parts = subject;
	alternatives = raw_names.p;
	alternatives_n = raw_names.n;
	made = certificate_make(&m);
	n = i2d_X509(made.x509, &der);
	assert_true(n > 0);
	if (kept) {
		X509_up_ref(made.x509);
		*kept = made.x509;
	}
	certificate_unmake(&made);
	return slice_make((char *)der, (size_t)n);
}

static void
same(struct slice got, const char *want)
{
	if (!want) {
		assert_null(got.p);
		return;
	}
	assert_non_null(got.p);
	assert_int_equal(got.n, strlen(want));
	assert_memory_equal(got.p, want, got.n);
}

#define UTF8 V_ASN1_UTF8STRING
#define PRINTABLE V_ASN1_PRINTABLESTRING

static const struct {
	struct part parts[6];
	const char *subject, *cn;
	bool as_openssl; /* which prints the same */
} names[] = {
	{ { { "C", PRINTABLE, "NL" }, { "O", UTF8, "Example" }, { "CN", UTF8, "billing" } },
	  "CN=billing,O=Example,C=NL",
	  "billing",
	  true },
	{ { { "O", UTF8, "A, B + C; <d>" }, { "CN", UTF8, "#1" } },
	  "CN=\\#1,O=A\\, B \\+ C\\; \\<d\\>",
	  "#1",
	  true },
	/* What would end a field, a quoted text or a name does not. */
	{ { { "CN", UTF8, "a\r\nX-Evil: 1" } }, "CN=a\\0D\\0AX-Evil: 1", NULL, true },
	{ { { "CN", UTF8, "good\0.evil", 10 } }, "CN=good\\00.evil", NULL, true },
	{ { { "CN", UTF8, "a\",O=b" } }, "CN=a\\22\\,O=b", "a\",O=b" },
	{ { { "CN", UTF8, "a\\,O=b" } }, "CN=a\\5C\\,O=b", "a\\,O=b" },
	{ { { "CN", UTF8, " a " } }, "CN=\\20a\\20", " a " },
	{ { { "CN", UTF8, " " } }, "CN=\\20", " " },
	{ { { "CN", UTF8, "Ren\xc3\xa9" } }, "CN=Ren\\C3\\A9", "Ren\xc3\xa9", true },
	{ { { "CN", UTF8, "x\xc2\x85y" } }, "CN=x\\C2\\85y", NULL },
	/* No text: its DER. */
	{ { { "CN", PRINTABLE, "\xe9" } }, "CN=#1301E9", NULL },
	{ { { "CN", V_ASN1_BMPSTRING, "\0a\0b", 4 } }, "CN=#1E0400610062", NULL },
	{ { { "1.2.3.4", UTF8, "x" } }, "1.2.3.4=#0C0178", NULL, true },
	/* Several parts in one. */
	{ { { "O", UTF8, "o" }, { "CN", UTF8, "a" }, { "UID", UTF8, "u", 0, -1 } },
	  NULL,
	  "a",
	  true },
	/* Each common name counts. */
	{ { { "CN", UTF8, "first" }, { "CN", UTF8, "second" } },
	  "CN=second,CN=first",
	  "first",
	  true },
	{ { { "emailAddress", V_ASN1_IA5STRING, "a@b.example" }, { "DC", V_ASN1_IA5STRING, "x" } },
	  "DC=x,emailAddress=a@b.example",
	  NULL,
	  true },
};

static void
subjects(void **state)
{
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		X509 *x;
		struct slice der = make(names[i].parts, "DNS:a.example", SLICE(""), &x), subject;
		struct tls_peer *p = tls_peer_new(der);
		BIO *bio = BIO_new(BIO_s_mem());
		char *text;
		long n;

		assert_non_null(p);
		subject = tls_peer_fact(p, TLS_FACT_SUBJECT, 0);
		assert_non_null(subject.p);
		if (names[i].subject)
			same(subject, names[i].subject);
		same(tls_peer_fact(p, TLS_FACT_CN, 0), names[i].cn);
		assert_true(slice_eq(tls_peer_fact(p, TLS_FACT_ISSUER, 0), subject));
		X509_NAME_print_ex(bio, X509_get_subject_name(x), 0, XN_FLAG_RFC2253);
		n = BIO_get_mem_data(bio, &text);
		if (names[i].as_openssl)
			assert_true(slice_eq(subject, slice_make(text, (size_t)n)));
		for (size_t k = 0; k < subject.n; k++)
			assert_in_range(subject.p[k], 0x20, 0x7e);
		BIO_free(bio);
		X509_free(x);
		tls_peer_free(p);
		OPENSSL_free((char *)der.p);
	}
}

/* libcrypto makes no such names. */
static void
broken_utf8(void **state)
{
	static const struct part marked[] = { { "CN", UTF8, "QQQQ" }, { 0 } };
	struct slice der = make(marked, "DNS:a.example", SLICE(""), NULL);
	struct tls_peer *p;
	char *at = (char *)der.p;

	while ((at = memmem(at, der.n - (size_t)(at - der.p), "QQQQ", 4)))
		memcpy(at, "a\xc3(b", 4);
	p = tls_peer_new(der);
	assert_non_null(p);
	same(tls_peer_fact(p, TLS_FACT_SUBJECT, 0), "CN=#0C0461C32862");
	same(tls_peer_fact(p, TLS_FACT_CN, 0), NULL);
	tls_peer_free(p);
	OPENSSL_free((char *)der.p);
}

static void
all_common_names(void **state)
{
	static const struct part two[] = { { "CN", UTF8, "first" },
					   { "CN", UTF8, "second" },
					   { 0 } };
	struct slice der = make(two, "DNS:a.example", SLICE(""), NULL);
	struct tls_peer *p = tls_peer_new(der);

	same(tls_peer_fact(p, TLS_FACT_CN, 1), "second");
	same(tls_peer_fact(p, TLS_FACT_CN, 2), NULL);
	tls_peer_free(p);
	OPENSSL_free((char *)der.p);
}

static void
alternative_names(void **state)
{
	struct slice der = make(NULL,
				"DNS:a.example,DNS:*.b.example,URI:spiffe://x/y,email:a@b.example,"
				"IP:127.0.0.1,RID:1.2.3",
				SLICE(""), NULL);
	struct tls_peer *p = tls_peer_new(der);
	struct slice fingerprint;

	same(tls_peer_fact(p, TLS_FACT_DNS, 0), "a.example");
	same(tls_peer_fact(p, TLS_FACT_DNS, 1), "*.b.example");
	same(tls_peer_fact(p, TLS_FACT_DNS, 2), NULL);
	same(tls_peer_fact(p, TLS_FACT_URI, 0), "spiffe://x/y");
	same(tls_peer_fact(p, TLS_FACT_URI, 1), NULL);
	same(tls_peer_fact(p, TLS_FACT_EMAIL, 0), "a@b.example");
	fingerprint = tls_peer_fact(p, TLS_FACT_FINGERPRINT, 0);
	assert_int_equal(fingerprint.n, 64);
	same(tls_peer_fact(p, TLS_FACT_FINGERPRINT, 1), NULL);
	tls_peer_free(p);
	OPENSSL_free((char *)der.p);
}

/* Names with what is in no name are left out, and do not hide the others. */
static void
odd_alternative_names(void **state)
{
	struct buf BUF_CLEAN names_der = { 0 };
	static const struct {
		char type;
		const char *bytes;
		size_t n;
	} odd[] = {
		{ (char)0x82, "good\0.evil", 10 }, { (char)0x82, "a\r\nX: y", 7 },
		{ (char)0x82, "a b", 3 },          { (char)0x82, "", 0 },
		{ (char)0x82, "a\"b", 3 },         { (char)0x82, "a\\b", 3 },
		{ (char)0x82, "\xc3\xa9", 2 },     { (char)0x86, "x:\x7f", 3 },
		{ (char)0x81, "a@b\0c", 5 },       { (char)0x82, "good.example", 12 },
	};
	struct slice der;
	struct tls_peer *p;

	for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
		buf_addc(&names_der, odd[i].type);
		buf_addc(&names_der, (char)odd[i].n);
		buf_add(&names_der, odd[i].bytes, odd[i].n);
	}
	assert_true(names_der.n < 128);
	buf_reserve(&names_der, 2);
	memmove(names_der.p + 2, names_der.p, names_der.n);
	names_der.p[0] = 0x30;
	names_der.p[1] = (char)names_der.n;
	names_der.n += 2;
	der = make(NULL, NULL, buf_slice(&names_der), NULL);
	p = tls_peer_new(der);
	assert_non_null(p);
	same(tls_peer_fact(p, TLS_FACT_DNS, 0), "good.example");
	same(tls_peer_fact(p, TLS_FACT_DNS, 1), NULL);
	same(tls_peer_fact(p, TLS_FACT_URI, 0), NULL);
	same(tls_peer_fact(p, TLS_FACT_EMAIL, 0), NULL);
	tls_peer_free(p);
	OPENSSL_free((char *)der.p);
}

static void
no_certificates(void **state)
{
	struct buf BUF_CLEAN long_one = { 0 };
	struct slice der = make(NULL, "DNS:a.example", SLICE(""), NULL);

	assert_null(tls_peer_new(slice_make(NULL, 0)));
	assert_null(tls_peer_new(SLICE("no certificate")));
	for (size_t n = 1; n < der.n; n += 7)
		assert_null(tls_peer_new(slice_make(der.p, n)));
	buf_adds(&long_one, der);
	buf_reserve(&long_one, TLS_PEER_MAX);
	memset(long_one.p + long_one.n, 0, TLS_PEER_MAX);
	assert_null(tls_peer_new(slice_make(long_one.p, TLS_PEER_MAX + 1)));
	tls_peer_free(NULL);
	OPENSSL_free((char *)der.p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(subjects),
		cmocka_unit_test(broken_utf8),
		cmocka_unit_test(all_common_names),
		cmocka_unit_test(alternative_names),
		cmocka_unit_test(odd_alternative_names),
		cmocka_unit_test(no_certificates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
