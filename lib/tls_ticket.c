/*
 * Session tickets (RFC 5077, RFC 8446 section 4.6.1): the whole session, sealed. A ticket is the
 * name of the key, a nonce, mbedTLS's form of the session under AES-256-GCM, and the tag; the name
 * is authenticated with it. What cannot be opened is no error: the handshake is a full one.
 */

#include "tls_internal.h"
#include "tls_session.h"

#include <assert.h>
#include <mbedtls/platform_time.h>

#define NAME (sizeof((struct tls_ticket_key){ 0 }.name))
#define KEY_BITS (8 * sizeof((struct tls_ticket_key){ 0 }.key))
#define NONCE 12
#define TAG 16
#define OVERHEAD (NAME + NONCE + TAG)
#define TICKET_MAX 65535

void
tls_tickets_init(struct tls_tickets *t)
{
	t->n = 0;
}

void
tls_tickets_deinit(struct tls_tickets *t)
{
	for (unsigned i = 0; i < t->n; i++)
		mbedtls_gcm_free(&t->keys[i].cipher);
	t->n = 0;
}

void
tls_tickets_set(struct tls_tickets *t, const struct tls_ticket_key *keys, unsigned n,
		uint32_t lifetime)
{
	assert(n <= TLS_TICKET_KEYS_MAX);
	tls_tickets_deinit(t);
	t->lifetime = lifetime;
	for (unsigned i = 0; i < n; i++) {
		int r;

		memcpy(t->keys[i].name, keys[i].name, NAME);
		mbedtls_gcm_init(&t->keys[i].cipher);
		r = mbedtls_gcm_setkey(&t->keys[i].cipher, MBEDTLS_CIPHER_ID_AES, keys[i].key,
				       KEY_BITS);
		assert(r == 0);
		t->n++;
	}
}

int
tls_ticket_seal(void *context, const mbedtls_ssl_session *session, unsigned char *start,
		const unsigned char *end, size_t *n, uint32_t *lifetime)
{
	struct tls_tickets *t = &((struct tls_context *)context)->tickets;
	unsigned char *nonce = start + NAME, *state = nonce + NONCE;
	size_t room = (size_t)(end - start), state_n;
	int r;

	if (t->n == 0 || room < OVERHEAD)
		return MBEDTLS_ERR_SSL_BUFFER_TOO_SMALL;
	room = room < TICKET_MAX ? room : TICKET_MAX;
	r = mbedtls_ssl_session_save(session, state, room - OVERHEAD, &state_n);
	if (r == 0)
		r = tls_random(NULL, nonce, NONCE);
	if (r != 0)
		return r;
	memcpy(start, t->keys[0].name, NAME);
	*n = OVERHEAD + state_n;
	*lifetime = t->lifetime;
	return mbedtls_gcm_crypt_and_tag(&t->keys[0].cipher, MBEDTLS_GCM_ENCRYPT, state_n, nonce,
					 NONCE, start, NAME, state, state, TAG, state + state_n);
}

/* Younger than the lifetime, by the clock of whoever made it. */
static bool
ticket_fresh(const struct tls_tickets *t, mbedtls_ssl_session *session)
{
	mbedtls_ms_time_t made, age;

	if (mbedtls_ssl_session_get_ticket_creation_time(session, &made) != 0)
		return false;
	age = mbedtls_ms_time() - made;
	return age >= 0 && age <= (mbedtls_ms_time_t)t->lifetime * 1000;
}

int
tls_ticket_open(void *context, mbedtls_ssl_session *session, unsigned char *ticket, size_t n)
{
	struct tls_context *c = context;
	unsigned char *state = ticket + NAME + NONCE;
	size_t state_n = n - OVERHEAD;
	unsigned i = 0;

	if (n < OVERHEAD)
		return MBEDTLS_ERR_SSL_INVALID_MAC;
	while (i < c->tickets.n && memcmp(ticket, c->tickets.keys[i].name, NAME) != 0)
		i++;
	if (i == c->tickets.n)
		return MBEDTLS_ERR_SSL_SESSION_TICKET_EXPIRED;
	if (mbedtls_gcm_auth_decrypt(&c->tickets.keys[i].cipher, state_n, ticket + NAME, NONCE,
				     ticket, NAME, state + state_n, TAG, state, state) != 0)
		return MBEDTLS_ERR_SSL_INVALID_MAC;
	if (mbedtls_ssl_session_load(session, state, state_n) != 0)
		return MBEDTLS_ERR_SSL_INVALID_MAC;
	c->current->suite_before = mbedtls_ssl_session_get_ciphersuite_id(session);
	if (!ticket_fresh(&c->tickets, session) || !tls_session_may_resume(c->current))
		return MBEDTLS_ERR_SSL_SESSION_TICKET_EXPIRED;
	return 0;
}

bool
tls_session_ends_with_ticket(const struct tls_session *s)
{
	return mbedtls_ssl_conf_get_endpoint(&s->context->config) == MBEDTLS_SSL_IS_SERVER &&
	       mbedtls_ssl_get_version_number(&s->ssl) == MBEDTLS_SSL_VERSION_TLS1_3;
}
