/*
 * What goes out: the bytes of the caller's parts in as few records as may be, and the end.
 */

#include "buf.h"
#include "tls_internal.h"
#include "tls_session.h"

#include <assert.h>

#define RECORD_MAX ((size_t)16384) /* RFC 8446 section 5.1 */
/* A record can be read when all of it has come. The first of an answer fit into what a new
 * connection may send at once. */
#define RECORD_EARLY ((size_t)4096)
#define EARLY ((size_t)16384)

/* The next `n` bytes of the parts in one run: where they lie, or gathered. Moves the first part on.
 */
static const char *
parts_next(struct slice *at, const struct slice **rest, size_t n)
{
	static char gathered[RECORD_MAX];
	size_t have = 0;

	while (at->n == 0)
		*at = *(*rest)++;
	if (at->n >= n) {
		const char *p = at->p;

		*at = slice_make(at->p + n, at->n - n);
		return p;
	}
	while (have < n) {
		size_t take = at->n < n - have ? at->n : n - have;

		memcpy(gathered + have, at->p, take);
		have += take;
		*at = slice_make(at->p + take, at->n - take);
		if (at->n == 0 && have < n)
			*at = *(*rest)++;
	}
	return gathered;
}

static int
session_write(struct tls_session *s, const char *p, size_t n)
{
	while (n > 0) {
		size_t sent = s->out->n;
		unsigned char *own;
		int r;

		buf_reserve(s->out, TLS_RECORD_ROOM);
		own = tls_make_at(&s->ssl, s->out->p + sent);
		r = mbedtls_ssl_write(&s->ssl, (const unsigned char *)p, n);
		tls_make_inside(&s->ssl, own);
		if (r < 0)
			return tls_session_fail(s, r, sent);
		p += r;
		n -= (size_t)r;
	}
	return 0;
}

/* mbedTLS takes a little less than a full record in TLS 1.3, or what the peer has asked for. */
static size_t
record_most(const struct tls_session *s)
{
	size_t most = s->burst < EARLY ? RECORD_EARLY : RECORD_MAX;
	int limit = mbedtls_ssl_get_max_out_record_payload(&s->ssl);

	return limit > 0 && (size_t)limit < most ? (size_t)limit : most;
}

int
tls_session_write(struct tls_session *s, const struct slice *parts, unsigned n, struct buf *out)
{
	struct slice nothing = { NULL, 0 }, at = nothing;
	size_t left = 0;

	assert(s->established && !s->closed_out);
	for (unsigned i = 0; i < n; i++)
		left += parts[i].n;
	if (left == 0)
		return s->failure.outcome;
	if (!tls_session_enter(s, &nothing, out))
		return s->failure.outcome;
	while (left > 0) {
		size_t most = record_most(s), size = left < most ? left : most;
		int r = session_write(s, parts_next(&at, &parts, size), size);

		if (r != 0)
			return r;
		left -= size;
		s->burst += size;
	}
	return 0;
}

void
tls_session_close(struct tls_session *s, struct buf *out)
{
	struct slice nothing = { NULL, 0 };

	if (!s->established || s->closed_out || !tls_session_enter(s, &nothing, out))
		return;
	s->closed_out = true;
	(void)!mbedtls_ssl_close_notify(&s->ssl);
}
