#pragma once

/*
 * certificate: makes certificates for tests, good and bad ones, by libcrypto.
 */

#include "lib/buf.h"

#include <assert.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>

struct certificate_maker {
	const char *names; /* "DNS:a.example,IP:127.0.0.1"; NULL for an authority */
	const char *kind;  /* "P-256", "P-384" or "RSA" */
	long from, to;     /* in seconds from now; both 0: from yesterday for a year */
	EVP_PKEY *signer;  /* NULL: itself */
	X509 *issuer;
	void (*fill)(X509 *x); /* may add to it before it is signed */
};

struct certificate_made {
	EVP_PKEY *key;
	X509 *x509;
	struct buf pem, key_pem;
};

static inline void
certificate_bio(struct buf *out, BIO *bio)
{
	char *text;
	long n = BIO_get_mem_data(bio, &text);

	buf_add(out, text, (size_t)n);
	BIO_free(bio);
}

static inline void
certificate_extension(X509 *x, X509 *issuer, int which, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;

	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, which, value);
	assert(e && X509_add_ext(x, e, -1) == 1);
	X509_EXTENSION_free(e);
}

static inline struct certificate_made
certificate_make(const struct certificate_maker *m)
{
	static long serial = 1;
	struct certificate_made made = { .x509 = X509_new() };
	X509 *x = made.x509, *issuer = m->issuer ? m->issuer : x;
	BIO *bio = BIO_new(BIO_s_mem());
	char name[32];

	made.key = strcmp(m->kind, "RSA") == 0 ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048)
					       : EVP_PKEY_Q_keygen(NULL, NULL, "EC", m->kind);
	snprintf(name, sizeof name, "certificate %ld", serial);
	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), serial++);
	X509_gmtime_adj(X509_getm_notBefore(x), m->from || m->to ? m->from : -86400);
	X509_gmtime_adj(X509_getm_notAfter(x), m->from || m->to ? m->to : 31536000);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
				   (unsigned char *)name, -1, -1, 0);
	if (m->fill)
		m->fill(x);
	X509_set_issuer_name(x, X509_get_subject_name(issuer));
	X509_set_pubkey(x, made.key);
	certificate_extension(x, issuer, NID_basic_constraints,
			      m->names ? "critical,CA:FALSE" : "critical,CA:TRUE");
	if (m->names)
		certificate_extension(x, issuer, NID_subject_alt_name, m->names);
	assert(X509_sign(x, m->signer ? m->signer : made.key, EVP_sha256()) > 0);
	assert(PEM_write_bio_X509(bio, x) == 1);
	certificate_bio(&made.pem, bio);
	bio = BIO_new(BIO_s_mem());
	assert(PEM_write_bio_PrivateKey(bio, made.key, NULL, NULL, 0, NULL, NULL) == 1);
	certificate_bio(&made.key_pem, bio);
	return made;
}

static inline void
certificate_unmake(struct certificate_made *made)
{
	EVP_PKEY_free(made->key);
	X509_free(made->x509);
	buf_deinit(&made->pem);
	buf_deinit(&made->key_pem);
}

/* A list of the issuer's, in PEM, that names this certificate; NULL: none. Good until `to` seconds
 * from now. */
static inline struct buf
certificate_revoke(const struct certificate_made *issuer, X509 *revoked, long to)
{
	X509_CRL *list = X509_CRL_new();
	ASN1_TIME *when = ASN1_TIME_new();
	BIO *bio = BIO_new(BIO_s_mem());
	struct buf pem = { 0 };

	X509_CRL_set_version(list, X509_CRL_VERSION_2);
	X509_CRL_set_issuer_name(list, X509_get_subject_name(issuer->x509));
	X509_CRL_set1_lastUpdate(list, X509_gmtime_adj(when, -7200));
	if (revoked) {
		X509_REVOKED *entry = X509_REVOKED_new();

		X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(revoked));
		X509_REVOKED_set_revocationDate(entry, when);
		X509_CRL_add0_revoked(list, entry);
	}
	X509_CRL_set1_nextUpdate(list, X509_gmtime_adj(when, to));
	assert(X509_CRL_sign(list, issuer->key, EVP_sha256()) > 0);
	assert(PEM_write_bio_X509_CRL(bio, list) == 1);
	certificate_bio(&pem, bio);
	ASN1_TIME_free(when);
	X509_CRL_free(list);
	return pem;
}
