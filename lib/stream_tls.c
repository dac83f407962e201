/*
 * TLS behind a stream. Three states: the handshake has not ended (stream_handshake.c), it has, or
 * the session is over. What is read lies in the shared buffer, what is to be sent in env->out: both
 * are empty again before anybody else is called.
 */

#include "stream_internal.h"

#include "tls_session.h"
#include "xalloc.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define OUT_KEPT ((size_t)524288) /* of env->out: a read of the other side, encrypted */

void
stream_tls_free(struct stream *s)
{
	struct stream_tls *t = s->tls;

	if (!t)
		return;
	s->tls = NULL;
	list_remove(&t->due);
	tls_session_free(t->session);
	tls_context_unref(t->context);
	buf_deinit(&t->early);
	buf_deinit(&t->ticket);
	free(t);
}

struct tls_session *
stream_tls(const struct stream *s)
{
	return s->tls ? s->tls->session : NULL;
}

bool
stream_tls_ended(const struct stream *s)
{
	return s->tls->closed;
}

void
stream_tls_stop(struct stream *s)
{
	if (s->tls)
		list_remove(&s->tls->due);
}

int
stream_tls_flush(struct stream *s)
{
	struct buf *out = &s->env->out;
	struct buf *ticket = &s->tls->ticket;
	struct slice all[2] = { buf_slice(ticket), buf_slice(out) };
	unsigned first = ticket->n == 0 ? 1 : 0;
	int r;

	if (out->n == 0)
		return 0;
	r = stream_put(s, all + first, 2 - first);
	if (ticket->n > 0)
		buf_deinit(ticket);

	out->n = 0;
	if (out->cap > OUT_KEPT)
		buf_deinit(out);
	return r;
}

void
stream_tls_over(struct stream *s, int error)
{
	s->tls->state = TLS_OVER;
	s->tls->error = error;
	if (s->reading)
		stream_end(s, error);
}

void
stream_tls_feed(struct stream *s, struct slice in)
{
	struct stream_tls *t = s->tls;
	size_t room = STREAM_LEAD + STREAM_READ_SIZE, n;
	int r = tls_session_read(t->session, &in, s->env->buffer, room, &n, &s->env->out);

	assert(r != TLS_ROOM);
	(void)stream_tls_flush(s); /* whether it can be sent, the next read or write will tell */
	tls_session_park(t->session);
	t->closed = r == TLS_CLOSED;
	if (n > 0)
		s->ops->data(s, slice_make(s->env->buffer, n));
	if (r != TLS_MORE && !s->closing)
		stream_tls_over(s, r == TLS_CLOSED ? 0 : r);
}

int
stream_tls_cut(ssize_t n)
{
	return n == 0 ? -ECONNRESET : (int)n;
}

void
stream_tls_resumed(struct stream *s)
{
	if (s->tls->state == TLS_OVER)
		stream_tls_due(s->tls);
}

int
stream_tls_write(struct stream *s, const struct slice *parts, unsigned n)
{
	struct stream_tls *t = s->tls;
	int r, sent;

	if (!t->session || !tls_session_established(t->session))
		return -ENOTCONN;
	if (t->finished)
		return -EPIPE;
	r = tls_session_write(t->session, parts, n, &s->env->out);
	sent = stream_tls_flush(s);
	tls_session_park(t->session);
	if (r < 0)
		return r;
	return sent == 0 && s->full ? STREAM_FULL : sent;
}

void
stream_tls_finish(struct stream *s)
{
	struct stream_tls *t = s->tls;

	if (!t || !t->session || t->finished)
		return;
	t->finished = true;
	tls_session_close(t->session, &s->env->out);
	(void)stream_tls_flush(s);
	tls_session_park(t->session);
}
