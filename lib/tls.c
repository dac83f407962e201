#include "tls.h"

#include "tls_internal.h"
#include "xalloc.h"

#include <assert.h>
#include <mbedtls/ssl_ciphersuites.h>
#include <psa/crypto.h>
#include <stdlib.h>

/* With forward secrecy and authenticated encryption only. AES-128 first: the others cost more and
 * gain nothing that is known. */
static const struct {
	const char *name;
	int number;
} suites_known[] = {
	{ "TLS_AES_128_GCM_SHA256", MBEDTLS_TLS1_3_AES_128_GCM_SHA256 },
	{ "TLS_AES_256_GCM_SHA384", MBEDTLS_TLS1_3_AES_256_GCM_SHA384 },
	{ "TLS_CHACHA20_POLY1305_SHA256", MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256 },
	{ "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
	  MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 },
	{ "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 },
	{ "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
	  MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 },
	{ "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 },
	{ "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
	  MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 },
	{ "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
	  MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 },
};

static const struct {
	const char *name;
	uint16_t number;
} groups_known[] = {
	{ "x25519", MBEDTLS_SSL_IANA_TLS_GROUP_X25519 },
	{ "secp256r1", MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1 },
	{ "secp384r1", MBEDTLS_SSL_IANA_TLS_GROUP_SECP384R1 },
	{ "secp521r1", MBEDTLS_SSL_IANA_TLS_GROUP_SECP521R1 },
};

#define N(array) (sizeof(array) / sizeof(array)[0])

int
tls_suite_parse(struct slice name)
{
	for (size_t i = 0; i < N(suites_known); i++) {
		if (slice_eq(name, slice_of(suites_known[i].name)))
			return suites_known[i].number;
	}
	return 0;
}

enum tls_version
tls_suite_version(int number)
{
	return number >> 8 == 0x13 ? TLS_1_3 : TLS_1_2; /* RFC 8446 appendix B.4 */
}

const char *
tls_suite_name(int number)
{
	for (size_t i = 0; i < N(suites_known); i++) {
		if (number == suites_known[i].number)
			return suites_known[i].name;
	}
	return "";
}

uint16_t
tls_group_parse(struct slice name)
{
	for (size_t i = 0; i < N(groups_known); i++) {
		if (slice_eq(name, slice_of(groups_known[i].name)))
			return groups_known[i].number;
	}
	return 0;
}

static const int *
suites_default(void)
{
	static int all[N(suites_known) + 1];

	for (size_t i = 0; i < N(suites_known); i++)
		all[i] = suites_known[i].number;
	return all;
}

/* In TLS 1.3 a client has sent shares of the groups that it likes: to insist on another costs it a
 * round trip, so all the usual ones are here. P-256 first: it is the cheapest. */
static const uint16_t groups_default[] = {
	MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1,
	MBEDTLS_SSL_IANA_TLS_GROUP_X25519,
	MBEDTLS_SSL_IANA_TLS_GROUP_SECP384R1,
	MBEDTLS_SSL_IANA_TLS_GROUP_NONE,
};

/* RSA's older form stands before the newer one, which mbedTLS speaks in TLS 1.3 only but cannot
 * keep a server of TLS 1.2 from choosing. TLS 1.3 has no use for the older one. */
static const uint16_t signatures[] = {
	MBEDTLS_TLS1_3_SIG_ECDSA_SECP256R1_SHA256, MBEDTLS_TLS1_3_SIG_ECDSA_SECP384R1_SHA384,
	MBEDTLS_TLS1_3_SIG_ECDSA_SECP521R1_SHA512, MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA256,
	MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA384,       MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA512,
	MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA256,    MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA384,
	MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA512,    MBEDTLS_TLS1_3_SIG_NONE,
};

int
tls_random(void *unused, unsigned char *out, size_t n)
{
	size_t got;

	return mbedtls_psa_external_get_random(NULL, out, n, &got) == PSA_SUCCESS && got == n ? 0
											      : -1;
}

static mbedtls_ssl_protocol_version
version_of(enum tls_version v)
{
	switch (v) {
	case TLS_1_2:
		return MBEDTLS_SSL_VERSION_TLS1_2;
	case TLS_1_3:
		return MBEDTLS_SSL_VERSION_TLS1_3;
	}
	abort();
}

static void
context_alpn(struct tls_context *c)
{
	/* mbedTLS takes a pointer that is not const, and changes nothing. */
	const char **names = (const char **)(uintptr_t)c->settings.alpn;

	if (names && mbedtls_ssl_conf_alpn_protocols(&c->config, names) != 0)
		abort(); /* an empty name, or one of more than 255 bytes: ours */
}

/* Copies: mbedTLS keeps references. */
static void
context_lists(struct tls_context *c)
{
	const int *suites = c->settings.suites;
	const uint16_t *groups = c->settings.groups;

	for (size_t i = 0; suites && suites[i] && i < TLS_SUITES_MAX; i++)
		c->suites[i] = suites[i];
	for (size_t i = 0; groups && groups[i] && i < TLS_GROUPS_MAX; i++)
		c->groups[i] = groups[i];
	mbedtls_ssl_conf_ciphersuites(&c->config, suites ? c->suites : suites_default());
	mbedtls_ssl_conf_groups(&c->config, groups ? c->groups : groups_default);
}

static struct tls_context *
context_new(const struct tls_settings *settings, int side)
{
	struct tls_context *c = xcalloc(1, sizeof *c);
	mbedtls_ssl_config *config = &c->config;

	if (psa_crypto_init() != PSA_SUCCESS)
		abort();
	c->references = 1;
	c->settings = *settings;
	mbedtls_ssl_config_init(config);
	if (mbedtls_ssl_config_defaults(config, side, MBEDTLS_SSL_TRANSPORT_STREAM,
					MBEDTLS_SSL_PRESET_DEFAULT) != 0)
		abort();
	mbedtls_ssl_conf_rng(config, tls_random, NULL);
	mbedtls_ssl_conf_min_tls_version(config, version_of(settings->oldest));
	mbedtls_ssl_conf_max_tls_version(config, version_of(settings->newest));
	context_lists(c);
	mbedtls_ssl_conf_sig_algs(config, signatures);
	/* A resumed session has keys of its own (psk_dhe_ke). */
	mbedtls_ssl_conf_tls13_key_exchange_modes(
	    config, MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_EPHEMERAL_ALL);
	context_alpn(c);
	tls_tickets_init(&c->tickets);
	return c;
}

struct tls_context *
tls_server_new(const struct tls_settings *settings)
{
	struct tls_context *c = context_new(settings, MBEDTLS_SSL_IS_SERVER);

	assert(settings->pick);
	mbedtls_ssl_conf_cert_cb(&c->config, tls_session_choose);
	mbedtls_ssl_conf_authmode(&c->config, MBEDTLS_SSL_VERIFY_NONE);
	return c;
}

struct tls_context *
tls_client_new(const struct tls_settings *settings)
{
	struct tls_context *c = context_new(settings, MBEDTLS_SSL_IS_CLIENT);

	mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(
	    &c->config, MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED);
	mbedtls_ssl_conf_authmode(&c->config, settings->trust || settings->pins_n > 0
						  ? MBEDTLS_SSL_VERIFY_REQUIRED
						  : MBEDTLS_SSL_VERIFY_NONE);
	if (settings->trust)
		mbedtls_ssl_conf_ca_chain(&c->config, &tls_trust_ref(settings->trust)->roots,
					  &settings->trust->revoked);
	if (settings->trust || settings->pins_n > 0)
		tls_verify_conf(c);
	if (settings->own &&
	    mbedtls_ssl_conf_own_cert(&c->config, &tls_certificate_ref(settings->own)->chain,
				      &settings->own->key) != 0)
		abort();
	return c;
}

struct tls_context *
tls_context_ref(struct tls_context *c)
{
	c->references++;
	return c;
}

void
tls_context_unref(struct tls_context *c)
{
	if (!c || --c->references > 0)
		return;
	if (mbedtls_ssl_conf_get_endpoint(&c->config) == MBEDTLS_SSL_IS_CLIENT) {
		tls_trust_unref(c->settings.trust);
		tls_certificate_unref(c->settings.own);
	}
	free(c->pins);
	mbedtls_ssl_config_free(&c->config);
	tls_tickets_deinit(&c->tickets);
	free(c);
}

void
tls_server_tickets(struct tls_context *c, const struct tls_ticket_key *keys, unsigned n,
		   uint32_t lifetime)
{
	tls_tickets_set(&c->tickets, keys, n, lifetime);
	mbedtls_ssl_conf_session_tickets_cb(&c->config, n > 0 ? tls_ticket_seal : NULL,
					    n > 0 ? tls_ticket_open : NULL, c);
}
