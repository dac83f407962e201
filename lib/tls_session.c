#include "tls_session.h"

#include "buf.h"
#include "tls_internal.h"
#include "xalloc.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define STUCK_MAX 3 /* calls of mbedTLS without progress; two occur */

static int
session_recv(void *arg, unsigned char *p, size_t n)
{
	struct tls_session *s = arg;

	if (s->in->n == 0)
		return MBEDTLS_ERR_SSL_WANT_READ;
	n = n < s->in->n ? n : s->in->n;
	memcpy(p, s->in->p, n);
	*s->in = slice_make(s->in->p + n, s->in->n - n);
	return (int)n;
}

static int
session_send(void *arg, const unsigned char *p, size_t n)
{
	struct buf *out = ((struct tls_session *)arg)->out;

	if (out->p && (const char *)p == out->p + out->n) /* made in place (tls_make_at) */
		out->n += n;
	else
		buf_add(out, p, n);
	return (int)n;
}

struct tls_session *
tls_session_new(struct tls_context *c)
{
	struct tls_session *s = xcalloc(1, sizeof *s);

	s->context = tls_context_ref(c);
	s->failure.why = "";
	mbedtls_ssl_init(&s->ssl);
	if (mbedtls_ssl_setup(&s->ssl, &c->config) != 0)
		abort(); /* out of memory, see xalloc.h */
	mbedtls_ssl_set_user_data_p(&s->ssl, s);
	mbedtls_ssl_set_bio(&s->ssl, s, session_send, session_recv, NULL);
	if (mbedtls_ssl_conf_get_endpoint(&c->config) == MBEDTLS_SSL_IS_CLIENT &&
	    mbedtls_ssl_set_hostname(&s->ssl, NULL) != 0)
		abort();
	return s;
}

void
tls_session_free(struct tls_session *s)
{
	if (!s)
		return;
	mbedtls_ssl_free(&s->ssl);
	tls_choice_forget(&s->choice);
	tls_resumption_free(s->resumption);
	free(s->name);
	tls_context_unref(s->context);
	free(s);
}

int
tls_session_set_peer(struct tls_session *s, const char *name)
{
	size_t n = strlen(name);
	char *plain;
	int r;

	if (tls_address_parse(name, &s->address))
		return 0;
	plain = xstrndup(name, n > 0 && name[n - 1] == '.' ? n - 1 : n);
	r = mbedtls_ssl_set_hostname(&s->ssl, plain);
	free(plain);
	return r == 0 ? 0 : -EINVAL;
}

void
tls_session_offer(struct tls_session *s, const struct tls_resumption *r)
{
	/* A session would be resumed from the next one for ever, and the certificate not looked at
	 * again. */
	if (r->until != 0 && r->until < time(NULL))
		return;
	s->until = r->until;
	/* What is refused here (of another name, version or suite) leaves a full handshake. */
	(void)!mbedtls_ssl_set_session(&s->ssl, &r->session);
}

void
tls_resumption_free(struct tls_resumption *r)
{
	if (!r)
		return;
	mbedtls_ssl_session_free(&r->session);
	free(r);
}

static void
session_keep_ticket(struct tls_session *s)
{
	struct tls_resumption *r = xcalloc(1, sizeof *r);

	mbedtls_ssl_session_init(&r->session);
	if (mbedtls_ssl_get_session(&s->ssl, &r->session) != 0) {
		tls_resumption_free(r);
		return;
	}
	r->until = s->until;
	tls_resumption_free(s->resumption);
	s->resumption = r;
}

struct tls_resumption *
tls_session_take_resumption(struct tls_session *s)
{
	struct tls_resumption *r = s->resumption;

	s->resumption = NULL;
	return r;
}

int
tls_session_fail(struct tls_session *s, int error, size_t sent)
{
	s->failure = tls_failure_of(error, mbedtls_ssl_get_verify_result(&s->ssl));
	if (s->failure.alert && s->out->n == sent)
		(void)!mbedtls_ssl_send_alert_message(&s->ssl, MBEDTLS_SSL_ALERT_LEVEL_FATAL,
						      s->failure.alert);
	tls_choice_forget(&s->choice);
	return s->failure.outcome;
}

bool
tls_session_enter(struct tls_session *s, struct slice *in, struct buf *out)
{
	int r;

	if (s->failure.outcome)
		return false;
	s->in = in;
	s->out = out;
	s->context->current = s;
	r = s->established ? tls_unpark(&s->ssl, s->counter) : 0;
	if (r != 0)
		tls_session_fail(s, r, out->n);
	return r == 0;
}

static void
session_establish(struct tls_session *s)
{
	bool client = mbedtls_ssl_conf_get_endpoint(&s->context->config) == MBEDTLS_SSL_IS_CLIENT;
	const mbedtls_x509_crt *peer = mbedtls_ssl_get_peer_cert(&s->ssl);

	s->established = true;
	tls_choice_forget(&s->choice);
	if (client && !s->resumed)
		s->until = peer && s->context->settings.trust ? tls_seconds_of(&peer->valid_to) : 0;
	if (client && mbedtls_ssl_get_version_number(&s->ssl) == MBEDTLS_SSL_VERSION_TLS1_2)
		session_keep_ticket(s);
}

int
tls_session_handshake(struct tls_session *s, struct slice *in, struct buf *out)
{
	if (s->established)
		return 0;
	if (!tls_session_enter(s, in, out))
		return s->failure.outcome;
	while (!tls_is_over(&s->ssl)) {
		size_t sent = out->n;
		int r;

		s->resumed = tls_resumes(&s->ssl);
		r = mbedtls_ssl_handshake_step(&s->ssl);
		if (r == MBEDTLS_ERR_SSL_WANT_READ && in->n == 0)
			return TLS_MORE;
		if (r != 0 && r != MBEDTLS_ERR_SSL_WANT_READ)
			return tls_session_fail(s, r, sent);
		/* The suites or certificates are others now, and clients refuse that (RFC 5246
		 * section 7.4.1.3). */
		if (tls_resumes_with_another(&s->ssl, s->suite_before))
			tls_resume_not(&s->ssl);
	}
	session_establish(s);
	return 0;
}

/* One call of mbedTLS. Bytes read, 0 to go on, TLS_MORE and TLS_CLOSED as -1 and -2, or -3 after a
 * failure. */
enum read_step { READ_ON = 0, READ_MORE = -1, READ_CLOSED = -2, READ_FAILED = -3 };

static int
read_step(struct tls_session *s, char *plain, size_t room)
{
	size_t sent = s->out->n;
	int r = mbedtls_ssl_read(&s->ssl, (unsigned char *)plain, room);

	if (r >= 0)
		return r;
	switch (r) {
	case MBEDTLS_ERR_SSL_WANT_READ:
		return s->in->n == 0 && tls_is_over(&s->ssl) ? READ_MORE : READ_ON;
	case MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET:
		session_keep_ticket(s);
		return READ_ON;
	case MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY:
		return READ_CLOSED;
	}
	tls_session_fail(s, r, sent);
	return READ_FAILED;
}

int
tls_session_read(struct tls_session *s, struct slice *in, char *plain, size_t room, size_t *n,
		 struct buf *out)
{
	unsigned stuck = 0;

	assert(s->established && room > 0);
	*n = 0;
	if (s->closed_in)
		return TLS_CLOSED;
	if (!tls_session_enter(s, in, out))
		return s->failure.outcome;
	while (*n < room) {
		size_t before = in->n;
		int r = read_step(s, plain + *n, room - *n);

		if (r == READ_MORE)
			return TLS_MORE;
		if (r == READ_FAILED)
			return s->failure.outcome;
		if (r == READ_CLOSED) {
			s->closed_in = true;
			return TLS_CLOSED;
		}
		*n += (size_t)r;
		s->burst = 0;
		stuck = r == 0 && in->n == before ? stuck + 1 : 0;
		if (stuck > STUCK_MAX)
			return tls_session_fail(s, MBEDTLS_ERR_SSL_INTERNAL_ERROR, out->n);
	}
	return TLS_ROOM;
}

bool
tls_session_park(struct tls_session *s)
{
	return s->established && !s->failure.outcome && tls_park(&s->ssl, s->counter);
}

bool
tls_session_established(const struct tls_session *s)
{
	return s->established;
}

const char *
tls_session_why(const struct tls_session *s)
{
	return s->failure.why;
}

const char *
tls_session_version(const struct tls_session *s)
{
	return mbedtls_ssl_get_version(&s->ssl);
}

const char *
tls_session_suite(const struct tls_session *s)
{
	return tls_suite_name(mbedtls_ssl_get_ciphersuite_id_from_ssl(&s->ssl));
}

const char *
tls_session_alpn(const struct tls_session *s)
{
	return mbedtls_ssl_get_alpn_protocol(&s->ssl);
}

bool
tls_session_resumed(const struct tls_session *s)
{
	return s->resumed;
}

struct slice
tls_session_name(const struct tls_session *s)
{
	return slice_make(s->name, s->name ? s->name_n : 0);
}
