/*
 * Certificates with their keys, and whom to trust (tls.h).
 */

#include "tls_internal.h"

#include "xalloc.h"

#include <mbedtls/ecp.h>
#include <mbedtls/pem.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/rsa.h>
#include <psa/crypto.h>
#include <stdlib.h>

#define RSA_BITS_MIN 2048

/* mbedTLS wants PEM to end in NUL, which counts. For wipe_free. */
static unsigned char *
with_nul(struct slice text)
{
	unsigned char *copy = xmalloc(text.n + 1);

	if (text.n > 0)
		memcpy(copy, text.p, text.n);
	copy[text.n] = '\0';
	return copy;
}

static void
wipe_free(unsigned char *copy, size_t n)
{
	mbedtls_platform_zeroize(copy, n);
	free(copy);
}

/* mbedTLS stops, content, where the text ends within a certificate. */
static bool
is_whole(const mbedtls_x509_crt *chain, const char *text)
{
	static const char begin[] = "-----BEGIN CERTIFICATE-----";
	size_t begun = 0, read = 0;

	while ((text = strstr(text, begin)) != NULL) {
		text += sizeof begin - 1;
		begun++;
	}
	for (; chain && chain->raw.p; chain = chain->next)
		read++;
	return begun == read;
}

/* Only whole chains: what is in no PEM is left to nobody's guess. */
static const char *
chain_read(mbedtls_x509_crt *chain, struct slice pem)
{
	unsigned char *text = with_nul(pem);
	int r = mbedtls_x509_crt_parse(chain, text, pem.n + 1);
	bool whole = is_whole(chain, (const char *)text);

	free(text);
	if (r < 0)
		return "it is no certificate in PEM with a key of RSA, P-256, P-384 or P-521";
	return r > 0 || !whole ? "a certificate of the chain cannot be read" : NULL;
}

static const char *
key_read(mbedtls_pk_context *key, struct slice pem)
{
	unsigned char *text = with_nul(pem);
	int r = mbedtls_pk_parse_key(key, text, pem.n + 1, NULL, 0, tls_random, NULL);

	wipe_free(text, pem.n + 1);
	if (r == MBEDTLS_ERR_PK_PASSWORD_REQUIRED || r == MBEDTLS_ERR_PK_PASSWORD_MISMATCH)
		return "the key is encrypted";
	return r < 0 ? "it is no private key in PEM of a kind that TLS knows" : NULL;
}

static const char *
pair_check(const struct tls_certificate *c)
{
	if (mbedtls_pk_can_do(&c->key, MBEDTLS_PK_RSA)) {
		if (mbedtls_pk_get_bitlen(&c->key) < RSA_BITS_MIN)
			return "the key is an RSA key of less than 2048 bits";
	} else if (!mbedtls_pk_can_do(&c->key, MBEDTLS_PK_ECDSA)) {
		return "the key can sign nothing";
	}
	if (mbedtls_pk_check_pair(&c->chain.pk, &c->key, tls_random, NULL) != 0)
		return "the key is not that of the certificate";
	return NULL;
}

struct tls_certificate *
tls_certificate_new(struct slice chain, struct slice key, const char **why)
{
	struct tls_certificate *c = xcalloc(1, sizeof *c);

	if (psa_crypto_init() != PSA_SUCCESS)
		abort();
	c->references = 1;
	mbedtls_x509_crt_init(&c->chain);
	mbedtls_pk_init(&c->key);
	*why = chain_read(&c->chain, chain);
	if (!*why)
		*why = key_read(&c->key, key);
	if (!*why)
		*why = pair_check(c);
	if (!*why)
		return c;
	tls_certificate_unref(c);
	return NULL;
}

struct tls_certificate *
tls_certificate_ref(struct tls_certificate *c)
{
	c->references++;
	return c;
}

void
tls_certificate_unref(struct tls_certificate *c)
{
	if (!c || --c->references > 0)
		return;
	mbedtls_x509_crt_free(&c->chain);
	mbedtls_pk_free(&c->key);
	free(c);
}

time_t
tls_seconds_of(const mbedtls_x509_time *t)
{
	struct tm tm = {
		.tm_year = t->year - 1900,
		.tm_mon = t->mon - 1,
		.tm_mday = t->day,
		.tm_hour = t->hour,
		.tm_min = t->min,
		.tm_sec = t->sec,
	};

	return timegm(&tm);
}

void
tls_certificate_dates(const struct tls_certificate *c, time_t *not_before, time_t *not_after)
{
	*not_before = tls_seconds_of(&c->chain.valid_from);
	*not_after = tls_seconds_of(&c->chain.valid_to);
}

/* "*.example.org" stands for one label. */
static bool
pattern_fits(struct slice pattern, struct slice name)
{
	struct slice rest;

	if (!slice_starts(pattern, SLICE("*.")))
		return slice_ieq(pattern, name);
	return slice_cut(name, '.', &rest).n > 0 && rest.p &&
	       slice_ieq(slice_make(pattern.p + 2, pattern.n - 2), rest);
}

bool
tls_certificate_fits(const struct tls_certificate *c, struct slice name)
{
	const mbedtls_x509_sequence *next = &c->chain.subject_alt_names;

	for (; next && next->buf.p; next = next->next) {
		mbedtls_x509_subject_alternative_name san;
		bool fits = false;

		if (mbedtls_x509_parse_subject_alt_name(&next->buf, &san) != 0)
			continue;
		if (san.type == MBEDTLS_X509_SAN_DNS_NAME) {
			const mbedtls_x509_buf *dns = &san.san.unstructured_name;

			fits = pattern_fits(slice_make((const char *)dns->p, dns->len), name);
		}
		mbedtls_x509_free_subject_alt_name(&san);
		if (fits)
			return true;
	}
	return false;
}

static const char *
trust_read(struct tls_trust *t, struct slice roots, struct slice revoked, unsigned *left_out)
{
	unsigned char *text = with_nul(roots);
	int r = mbedtls_x509_crt_parse(&t->roots, text, roots.n + 1);

	free(text);
	if (r < 0 || !t->roots.raw.p)
		return "there is no certificate in PEM that can be read";
	*left_out = (unsigned)r;
	if (revoked.n == 0)
		return NULL;
	text = with_nul(revoked);
	r = mbedtls_x509_crl_parse(&t->revoked, text, revoked.n + 1);
	free(text);
	return r != 0 ? "it is no revocation list in PEM" : NULL;
}

struct tls_trust *
tls_trust_new(struct slice roots, struct slice revoked, unsigned *left_out, const char **why)
{
	struct tls_trust *t = xcalloc(1, sizeof *t);

	if (psa_crypto_init() != PSA_SUCCESS)
		abort();
	t->references = 1;
	*left_out = 0;
	mbedtls_x509_crt_init(&t->roots);
	mbedtls_x509_crl_init(&t->revoked);
	*why = trust_read(t, roots, revoked, left_out);
	if (!*why)
		return t;
	tls_trust_unref(t);
	return NULL;
}

struct tls_trust *
tls_trust_ref(struct tls_trust *t)
{
	t->references++;
	return t;
}

void
tls_trust_unref(struct tls_trust *t)
{
	if (!t || --t->references > 0)
		return;
	mbedtls_x509_crt_free(&t->roots);
	mbedtls_x509_crl_free(&t->revoked);
	free(t);
}
