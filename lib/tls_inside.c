/*
 * What needs mbedTLS's insides, which a header shows to its own files: sessions that give their
 * record buffers back while they are idle, and how far a handshake is. Another version may have
 * other ones: a test parks between every two records.
 */

#define MBEDTLS_ALLOW_PRIVATE_ACCESS

#include "tls_internal.h"

#include <mbedtls/platform.h>
#include <ssl_misc.h>

#define POOLED 64 /* pairs kept for the next session that wakes up */

static struct {
	unsigned char *in[POOLED], *out[POOLED];
	unsigned n;
} pool;

/* To a client of TLS 1.3 tickets come at any time, and are part of its handshake. */
static bool
expects_tickets(const mbedtls_ssl_context *ssl)
{
	return ssl->tls_version == MBEDTLS_SSL_VERSION_TLS1_3 &&
	       ssl->conf->endpoint == MBEDTLS_SSL_IS_CLIENT;
}

/* TLS 1.3 keeps the handshake until the end, for nothing. mbedtls_ssl_free frees the other two only
 * while there is a handshake. */
static void
handshake_drop(mbedtls_ssl_context *ssl)
{
	if (!ssl->handshake)
		return;
	mbedtls_ssl_handshake_free(ssl);
	mbedtls_free(ssl->handshake);
	ssl->handshake = NULL;
	mbedtls_ssl_transform_free(ssl->transform_negotiate);
	mbedtls_free(ssl->transform_negotiate);
	ssl->transform_negotiate = NULL;
	if (ssl->session_negotiate)
		mbedtls_ssl_session_free(ssl->session_negotiate);
	mbedtls_free(ssl->session_negotiate);
	ssl->session_negotiate = NULL;
}

/* A ticket is taken by an empty one. What it held is 3 KiB; its keys are always part of that. */
static void
handshake_empty(mbedtls_ssl_context *ssl)
{
	if (ssl->handshake && ssl->handshake->transform_handshake)
		mbedtls_ssl_handshake_free(ssl); /* which leaves zeros */
}

static bool
is_idle(const mbedtls_ssl_context *ssl)
{
	return ssl->state == MBEDTLS_SSL_HANDSHAKE_OVER && ssl->in_left == 0 && !ssl->in_offt &&
	       ssl->out_left == 0 && ssl->keep_current_message == 0;
}

/* The number of the next record that comes in lives in the buffer (8 bytes at its start). */
bool
tls_park(mbedtls_ssl_context *ssl, uint8_t counter[8])
{
	if (!ssl->in_buf)
		return true;
	if (!is_idle(ssl))
		return false;
	if (expects_tickets(ssl))
		handshake_empty(ssl);
	else
		handshake_drop(ssl);
	memcpy(counter, ssl->in_ctr, MBEDTLS_SSL_SEQUENCE_NUMBER_LEN);
	if (pool.n < POOLED) {
		pool.in[pool.n] = ssl->in_buf;
		pool.out[pool.n++] = ssl->out_buf;
	} else {
		mbedtls_zeroize_and_free(ssl->in_buf, MBEDTLS_SSL_IN_BUFFER_LEN);
		mbedtls_zeroize_and_free(ssl->out_buf, MBEDTLS_SSL_OUT_BUFFER_LEN);
	}
	ssl->in_buf = ssl->out_buf = NULL;
	return true;
}

static bool
buffers_take(mbedtls_ssl_context *ssl)
{
	if (pool.n > 0) {
		ssl->in_buf = pool.in[--pool.n];
		ssl->out_buf = pool.out[pool.n];
		return true;
	}
	ssl->in_buf = mbedtls_calloc(1, MBEDTLS_SSL_IN_BUFFER_LEN);
	ssl->out_buf = mbedtls_calloc(1, MBEDTLS_SSL_OUT_BUFFER_LEN);
	if (ssl->in_buf && ssl->out_buf)
		return true;
	mbedtls_free(ssl->in_buf);
	mbedtls_free(ssl->out_buf);
	ssl->in_buf = ssl->out_buf = NULL;
	return false;
}

int
tls_unpark(mbedtls_ssl_context *ssl, const uint8_t counter[8])
{
	if (ssl->in_buf)
		return 0;
	if (!buffers_take(ssl))
		return MBEDTLS_ERR_SSL_ALLOC_FAILED;
	mbedtls_ssl_reset_in_pointers(ssl);
	mbedtls_ssl_reset_out_pointers(ssl);
	memcpy(ssl->in_ctr, counter, MBEDTLS_SSL_SEQUENCE_NUMBER_LEN);
	ssl->in_msglen = 0;
	ssl->in_hslen = 0;
	mbedtls_ssl_update_out_pointers(ssl, ssl->transform_out);
	return 0;
}

_Static_assert(MBEDTLS_SSL_OUT_BUFFER_LEN <= TLS_RECORD_ROOM, "mbedTLS checks against its own");

/* A record has its header 8 bytes behind the start of the buffer; in the 8 is its number, for which
 * there is another place here. */
unsigned char *
tls_make_at(mbedtls_ssl_context *ssl, char *p)
{
	static unsigned char number[MBEDTLS_SSL_SEQUENCE_NUMBER_LEN];
	unsigned char *own = ssl->out_buf;

	ssl->out_buf = (unsigned char *)((uintptr_t)p - sizeof number);
	mbedtls_ssl_reset_out_pointers(ssl);
	mbedtls_ssl_update_out_pointers(ssl, ssl->transform_out);
	ssl->out_ctr = number;
	return own;
}

void
tls_make_inside(mbedtls_ssl_context *ssl, unsigned char *own)
{
	ssl->out_buf = own;
	mbedtls_ssl_reset_out_pointers(ssl);
	mbedtls_ssl_update_out_pointers(ssl, ssl->transform_out);
}

bool
tls_is_over(const mbedtls_ssl_context *ssl)
{
	return ssl->state == MBEDTLS_SSL_HANDSHAKE_OVER;
}

bool
tls_resumes(const mbedtls_ssl_context *ssl)
{
	if (!ssl->handshake)
		return false;
	if (ssl->tls_version == MBEDTLS_SSL_VERSION_TLS1_3)
		return ssl->handshake->key_exchange_mode &
		       MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_PSK_ALL;
	return ssl->handshake->resume == 1;
}

/* Before the server's hello, where the suite is chosen. */
bool
tls_resumes_with_another(const mbedtls_ssl_context *ssl, int suite)
{
	return ssl->state == MBEDTLS_SSL_SERVER_HELLO &&
	       ssl->conf->endpoint == MBEDTLS_SSL_IS_SERVER &&
	       ssl->tls_version == MBEDTLS_SSL_VERSION_TLS1_2 && tls_resumes(ssl) &&
	       ssl->session_negotiate->ciphersuite != suite;
}

/* The session of the ticket is in place already; what stays is the client's name for it, the
 * version, the suite and the side. */
void
tls_resume_not(mbedtls_ssl_context *ssl)
{
	mbedtls_ssl_session *session = ssl->session_negotiate, fresh;

	mbedtls_ssl_session_init(&fresh);
	fresh.tls_version = session->tls_version;
	fresh.endpoint = session->endpoint;
	fresh.ciphersuite = session->ciphersuite;
	fresh.id_len = session->id_len;
	memcpy(fresh.id, session->id, sizeof fresh.id);
	mbedtls_ssl_session_free(session);
	*session = fresh;
	ssl->handshake->resume = 0;
	ssl->handshake->new_session_ticket = 1;
}
