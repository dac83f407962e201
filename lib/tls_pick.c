/*
 * What a server shows to this client: asked by the name in its hello.
 */

#include "tls_internal.h"

#include "xalloc.h"

#include <stdlib.h>

void
tls_choice_forget(struct tls_choice *choice)
{
	for (unsigned i = 0; i < choice->n; i++)
		tls_certificate_unref(choice->certificates[i]);
	tls_trust_unref(choice->trust);
	*choice = (struct tls_choice){ .n = 0 };
}

/* The name that the client asks for, and what there is for it. The name is mbedTLS's only now. */
static bool
session_pick(struct tls_session *s)
{
	const struct tls_settings *settings = &s->context->settings;
	size_t n = 0;
	const unsigned char *sni = mbedtls_ssl_get_hs_sni(&s->ssl, &n);
	struct tls_choice choice = { .n = 0 };

	free(s->name);
	s->name = sni ? xstrndup((const char *)sni, n) : NULL;
	s->name_n = n;
	if (!settings->pick(settings->pick_arg, slice_make(s->name, n), &choice) || choice.n == 0)
		return false;
	for (unsigned i = 0; i < choice.n; i++)
		tls_certificate_ref(choice.certificates[i]);
	if (choice.trust)
		tls_trust_ref(choice.trust);
	tls_choice_forget(&s->choice);
	s->choice = choice;
	return true;
}

/*
 * A client that must show its certificate does so each time: TLS 1.3's tickets do not carry it, and
 * one of another name says nothing for this. In TLS 1.3 the name is known by now; in TLS 1.2 it may
 * stand behind the ticket, so that tls_session_choose looks at it.
 */
bool
tls_session_may_resume(struct tls_session *s)
{
	if (mbedtls_ssl_get_version_number(&s->ssl) != MBEDTLS_SSL_VERSION_TLS1_3)
		return true;
	return session_pick(s) && !s->choice.trust;
}

/* Whether a certificate of the client is asked for: mbedTLS's mode. */
static int
session_ask(struct tls_session *s)
{
	struct tls_trust *trust = s->choice.trust;

	s->asked = trust != NULL;
	mbedtls_ssl_set_hs_ca_chain(&s->ssl, trust ? &trust->roots : NULL,
				    trust ? &trust->revoked : NULL);
	if (!trust)
		return MBEDTLS_SSL_VERIFY_NONE;
	if (mbedtls_ssl_get_version_number(&s->ssl) == MBEDTLS_SSL_VERSION_TLS1_2 &&
	    tls_resumes(&s->ssl))
		tls_resume_not(&s->ssl);
	return s->choice.required ? MBEDTLS_SSL_VERIFY_REQUIRED : MBEDTLS_SSL_VERIFY_OPTIONAL;
}

int
tls_session_choose(mbedtls_ssl_context *ssl)
{
	struct tls_session *s = mbedtls_ssl_get_user_data_p(ssl);

	if (!session_pick(s))
		return MBEDTLS_ERR_SSL_UNRECOGNIZED_NAME;
	if (mbedtls_ssl_set_hs_own_cert(ssl, NULL, NULL) != 0)
		return MBEDTLS_ERR_SSL_INTERNAL_ERROR;
	for (unsigned i = 0; i < s->choice.n; i++) {
		struct tls_certificate *c = s->choice.certificates[i];

		if (mbedtls_ssl_set_hs_own_cert(ssl, &c->chain, &c->key) != 0)
			return MBEDTLS_ERR_SSL_ALLOC_FAILED;
	}
	mbedtls_ssl_set_hs_authmode(ssl, session_ask(s));
	return 0;
}
