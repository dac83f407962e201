/*
 * What certificates and revocation lists say of themselves, for who chooses among them (tls.h), and
 * which one the peer has shown.
 */

#include "tls_internal.h"
#include "tls_session.h"

/* caIssuers of the authority information access (RFC 5280 section 4.2.2.1): public authorities put
 * it into what an intermediate one has signed. */
#define CA_ISSUERS "\x2b\x06\x01\x05\x05\x07\x30\x02"

void
tls_certificate_names(const struct tls_certificate *c, void (*each)(void *arg, struct slice name),
		      void *arg)
{
	const mbedtls_x509_sequence *next = &c->chain.subject_alt_names;

	for (; next && next->buf.p; next = next->next) {
		mbedtls_x509_subject_alternative_name san;

		if (mbedtls_x509_parse_subject_alt_name(&next->buf, &san) != 0)
			continue;
		if (san.type == MBEDTLS_X509_SAN_DNS_NAME)
			each(arg, slice_make((const char *)san.san.unstructured_name.p,
					     san.san.unstructured_name.len));
		mbedtls_x509_free_subject_alt_name(&san);
	}
}

bool
tls_certificate_is_ecdsa(const struct tls_certificate *c)
{
	return mbedtls_pk_can_do(&c->key, MBEDTLS_PK_ECDSA);
}

static bool
is_signed_by(const mbedtls_x509_crt *c, const mbedtls_x509_crt *by)
{
	return slice_eq(tls_bytes(&c->issuer_raw), tls_bytes(&by->subject_raw));
}

const char *
tls_certificate_chain_fault(const struct tls_certificate *c)
{
	const mbedtls_x509_crt *own = &c->chain, *last = own;

	for (; last->next; last = last->next) {
		if (!is_signed_by(last, last->next))
			return "the chain is not in order: each certificate must be signed by the "
			       "next one";
	}
	if (last == own && !is_signed_by(own, own) && own->v3_ext.len > 0 &&
	    memmem(own->v3_ext.p, own->v3_ext.len, CA_ISSUERS, sizeof CA_ISSUERS - 1))
		return "the chain is incomplete: the intermediate certificate is missing behind "
		       "its own one";
	return NULL;
}

time_t
tls_trust_revoked_until(const struct tls_trust *t)
{
	const mbedtls_x509_crl *list = &t->revoked;
	time_t first = 0;

	for (; list && list->raw.p; list = list->next) {
		time_t until = tls_seconds_of(&list->next_update);

		if (list->next_update.year > 0 && (first == 0 || until < first))
			first = until;
	}
	return first;
}

bool
tls_session_is_trusted(const struct tls_session *s, struct tls_trust *t)
{
	mbedtls_x509_crt *peer = (mbedtls_x509_crt *)mbedtls_ssl_get_peer_cert(&s->ssl);
	uint32_t flags;

	/* The profile is the one that handshakes have (mbedtls_ssl_config_defaults). */
	return peer && mbedtls_x509_crt_verify_with_profile(peer, &t->roots, &t->revoked,
							    &mbedtls_x509_crt_profile_default, NULL,
							    &flags, NULL, NULL) == 0;
}

struct slice
tls_session_peer_certificate(const struct tls_session *s)
{
	bool client = mbedtls_ssl_conf_get_endpoint(&s->context->config) == MBEDTLS_SSL_IS_CLIENT;
	const mbedtls_x509_crt *peer =
	    client || s->asked ? mbedtls_ssl_get_peer_cert(&s->ssl) : NULL;

	if (!peer ||
	    (s->context->settings.trust || !client ? mbedtls_ssl_get_verify_result(&s->ssl) : 0))
		return slice_make(NULL, 0);
	return slice_make((const char *)peer->raw.p, peer->raw.len);
}
