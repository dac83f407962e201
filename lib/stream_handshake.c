/*
 * Handshakes of streams. One costs a hundred times what a request does, so those that have
 * something to do wait in a ring, and are taken up at the end of the turn for BUDGET_NS. Their
 * bytes stay in the kernel until then, which says again that they are there.
 */

#include "stream_internal.h"

#include "tls_session.h"
#include "xalloc.h"

#include <assert.h>
#include <errno.h>

#define BUDGET_NS 300000 /* some handshakes, or one with a large key */
#define RECORD_HANDSHAKE 0x16

static struct stream_tls *
tls_new(struct stream *s)
{
	struct stream_tls *t = xcalloc(1, sizeof *t);

	assert(!s->tls);
	list_init(&t->due);
	t->stream = s;
	s->tls = t;
	return t;
}

void
stream_tls_due(struct stream_tls *t)
{
	if (list_empty(&t->due))
		list_push(&t->stream->env->due, &t->due);
}

void
stream_accept_tls(struct stream *s, struct tls_context *context, struct slice early)
{
	struct stream_tls *t = tls_new(s);

	t->context = tls_context_ref(context);
	buf_adds(&t->early, early);
	if (early.n > 0)
		stream_tls_due(t);
}

int
stream_connect_tls(struct stream *s, struct tls_session *session)
{
	struct stream_tls *t = tls_new(s);

	t->session = session;
	/* Before those of clients: requests that have come in wait for it. */
	list_push_front(&s->env->due, &t->due);
	return stream_read(s);
}

/* The first bytes of a client. A method of HTTP begins with a capital letter. */
static bool
is_plain(struct slice in)
{
	return in.p[0] != RECORD_HANDSHAKE && in.p[0] >= 'A' && in.p[0] <= 'Z';
}

static void
become_plain(struct stream *s, struct slice in)
{
	stream_tls_free(s);
	if (s->ops->secured)
		s->ops->secured(s, STREAM_PLAIN);
	if (!s->closing)
		s->ops->data(s, in);
}

/* Nobody waits for it, so it need not be a segment of its own. */
static void
handshake_hold_ticket(struct stream *s)
{
	buf_adds(&s->tls->ticket, buf_slice(&s->env->out));
	s->env->out.n = 0;
}

static void
handshake_feed(struct stream *s, struct slice in)
{
	struct stream_tls *t = s->tls;
	int r;

	if (!t->session) {
		t->session = tls_session_new(t->context);
		tls_context_unref(t->context);
		t->context = NULL;
	}
	r = tls_session_handshake(t->session, &in, &s->env->out);
	if (r == 0 && tls_session_ends_with_ticket(t->session))
		handshake_hold_ticket(s);
	(void)stream_tls_flush(s);
	if (r == TLS_MORE)
		return;
	if (r < 0) {
		stream_tls_over(s, r);
		return;
	}
	t->state = TLS_OPEN;
	if (s->ops->secured)
		s->ops->secured(s, 0);
	if (s->closing)
		return;
	if (in.n > 0)
		stream_tls_feed(s, in);
	else
		tls_session_park(t->session);
}

/* What came early lies where a read would have put it. */
static ssize_t
handshake_receive(struct stream *s)
{
	struct buf *early = &s->tls->early;
	ssize_t n = (ssize_t)early->n;
	bool full;

	if (n == 0)
		return stream_receive(s, STREAM_LEAD, &full);
	assert(early->n <= STREAM_READ_SIZE);
	memcpy(s->env->buffer + STREAM_LEAD, early->p, early->n);
	buf_deinit(early);
	return n;
}

static void
handshake_step(struct stream *s)
{
	bool begins = s->tls->context != NULL;
	ssize_t n = handshake_receive(s);
	struct slice in = { s->env->buffer + STREAM_LEAD, n > 0 ? (size_t)n : 0 };

	if (n == 0 || (n < 0 && n != -EAGAIN))
		stream_tls_over(s, stream_tls_cut(n));
	else if (n < 0 && begins)
		return;
	else if (begins && is_plain(in))
		become_plain(s, in);
	else
		handshake_feed(s, in);
}

static void
due_run(struct stream_tls *t)
{
	struct stream *s = t->stream;

	switch ((enum tls_state)t->state) {
	case TLS_HANDSHAKE:
		handshake_step(s);
		break;
	case TLS_OPEN:
		break;
	case TLS_OVER:
		if (s->reading)
			stream_end(s, t->error);
		break;
	}
}

void
stream_handshakes_turn(struct stream_env *env)
{
	uint64_t until = 0;

	while (!list_empty(&env->due)) {
		struct stream_tls *t = container_of(env->due.next, struct stream_tls, due);

		if (until == 0)
			until = uv_hrtime() + BUDGET_NS;
		else if (uv_hrtime() >= until)
			break;
		list_remove(&t->due);
		due_run(t);
	}
}
