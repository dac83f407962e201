#include "relay.h"

#include "client.h"
#include "forward.h"
#include "limiter.h"
#include "mirror.h"
#include "proxied.h"
#include "trailers.h"
#include "tunnel.h"
#include "upstream.h"
#include "worker.h"

#include "lib/proxy_protocol.h"

#include <stdio.h>

#define REPLAY_MAX ((size_t)16384) /* of a body that went out, kept in case it has to again */

/* What goes out in one call: a head, a run of body, framed for the far side. */
struct parcel {
	struct slice parts[HTTP_SPANS_MAX + 8];
	unsigned n;
	char size[20];         /* chunk-size line */
	struct slice trailers; /* whole lines, behind the last chunk */
};

static void
parcel_add(struct parcel *p, struct slice s)
{
	if (s.n)
		p->parts[p->n++] = s;
}

/* RFC 9112 section 7.1: all bytes of one turn are one chunk, whatever chunks they came in. */
static void
parcel_body(struct parcel *p, enum framing framing, struct slice first, const struct slice *spans,
	    unsigned n, bool last)
{
	size_t total = first.n;

	for (unsigned i = 0; i < n; i++)
		total += spans[i].n;
	if (framing == FRAMING_NONE)
		return;
	if (framing == FRAMING_CHUNKED && total > 0)
		parcel_add(p, slice_make(p->size, (size_t)snprintf(p->size, sizeof p->size,
								   "%zx\r\n", total)));
	parcel_add(p, first);
	for (unsigned i = 0; i < n; i++)
		parcel_add(p, spans[i]);
	if (framing == FRAMING_CHUNKED) {
		if (total > 0)
			parcel_add(p, SLICE("\r\n"));
		if (last && p->trailers.n == 0)
			parcel_add(p, SLICE("0\r\n\r\n"));
		if (last && p->trailers.n > 0) {
			parcel_add(p, SLICE("0\r\n"));
			parcel_add(p, p->trailers);
			parcel_add(p, SLICE("\r\n"));
		}
	}
}

/* Does the client wait for the upstream's 100 before it sends its body? */
static bool
is_awaited(const struct request *r)
{
	return r->expect_continue && r->body_bytes == 0 && !r->started;
}

/* How long the upstream may take for what it owes now: to take the request, to begin its answer, to
 * go on with it. */
static uint32_t
upstream_ms(const struct request *r)
{
	struct upstream *u = r->upstream;

	if (r->client->stream.full) /* we do not read from it; the client is the one to blame */
		return 0;
	if (u->broken)
		return r->started ? r->policy.idle_ms : r->policy.first_byte_ms;
	if (u->stream.full)
		return r->policy.idle_ms;
	if (!r->body_done)
		return is_awaited(r) ? r->policy.first_byte_ms : 0;
	if (!stream_flush(&u->stream)) /* the rest of the body is out when it is `drained` */
		return r->policy.idle_ms;
	return r->started ? r->policy.idle_ms : r->policy.first_byte_ms;
}

/* Without an upstream that takes it we have paused the client. */
bool
relay_client_owes(const struct request *r)
{
	const struct upstream *u = r->upstream;

	return (r->collecting && r->step == STEP_POLICIES) ||
	       (u && u->connected && !r->body_done && !u->stream.full && !u->broken &&
		!is_awaited(r));
}

/* Who owes bytes now, and until when: the one place that knows. A side that we paused owes nothing.
 */
static void
relay_timers(struct request *r)
{
	struct client *c = r->client;
	uint32_t ms = relay_client_owes(r) ? r->policy.client_body_ms : 0;

	if (r->upstream && r->upstream->connected) /* until then it is connect.c's */
		timer_set(r->worker, &r->upstream->timer, upstream_ms(r));
	if (!c->stream.full) /* else its deadline for reading stands since it became full */
		timer_set(r->worker, &c->timer, ms);
}

/* Writes a parcel upstream. A failed write is no verdict yet: the upstream may have answered before
 * it stopped reading. */
static void
write_upstream(struct request *r, const struct parcel *p)
{
	struct upstream *u = r->upstream;
	int error = stream_write(&u->stream, p->parts, p->n);

	if (error < 0) {
		u->broken = true;
		u->write_error = u->write_error ? u->write_error : error;
		stream_pause(&r->client->stream);
	}
	if (error == STREAM_FULL)
		stream_pause(&r->client->stream);
	relay_timers(r);
}

/* Body bytes went out, `held` before them. As long as they are few and nothing was answered, all of
 * them are kept. */
static void
keep_body(struct request *r, const struct slice *spans, unsigned n)
{
	size_t total = r->held.n;

	if (r->body_lost)
		return;
	for (unsigned i = 0; i < n; i++)
		total += spans[i].n;
	if (r->started || total > REPLAY_MAX) {
		r->body_lost = true;
		r->held.n = 0;
		return;
	}
	for (unsigned i = 0; i < n; i++)
		buf_adds(&r->held, spans[i]);
}

bool
relay_is_repeatable(const struct request *r)
{
	uint64_t size = r->body == FRAMING_LENGTH ? r->in.length : r->body_bytes;

	return r->idempotent && !r->body_lost && size <= REPLAY_MAX &&
	       (r->body != FRAMING_CHUNKED || r->body_done);
}

/* Writes the head in w->head and what has been parsed of the body behind it. */
static void
relay_send_head(struct request *r)
{
	struct parcel p = { .n = 0 };
	unsigned spans_n = r->spans_fresh ? r->in.spans_n : 0;
	char proxy[PROXY_WRITE_MAX];

	if (r->upstream->proxy && !r->upstream->securing) /* else it went before the handshake */
		parcel_add(&p, proxied_header(r, r->upstream->proxy, proxy));
	parcel_add(&p, buf_slice(&r->worker->head));
	p.trailers = trailers_to_upstream(r);
	parcel_body(&p, r->body, buf_slice(&r->held), r->in.spans, spans_n, r->body_done);
	r->spans_fresh = false;
	write_upstream(r, &p);
	if (r->body != FRAMING_NONE)
		keep_body(r, r->in.spans, spans_n);
	if (!r->body_done && !r->upstream->stream.full && !r->upstream->broken &&
	    stream_read(&r->client->stream) < 0)
		r->upstream->broken = true;
}

void
relay_hold(struct request *r)
{
	if (!r->spans_fresh)
		return;
	r->spans_fresh = false;
	if (r->reason != REASON_none) /* refused: nobody wants the body any more */
		return;
	for (unsigned i = 0; i < r->in.spans_n; i++)
		buf_adds(&r->held, r->in.spans[i]);
	if (!r->body_done)
		stream_pause(&r->client->stream);
}

void
relay_request_body(struct request *r)
{
	struct parcel p = { .n = 0 };

	r->body_done = r->in.done;
	if (r->mirror)
		mirror_body(r);
	if (r->step < STEP_RESPONSE || !r->upstream) /* held until there is one */
		return;
	r->spans_fresh = false;
	if (!r->upstream->broken) {
		p.trailers = trailers_to_upstream(r);
		parcel_body(&p, r->body, (struct slice){ NULL, 0 }, r->in.spans, r->in.spans_n,
			    r->body_done);
		write_upstream(r, &p);
	}
	keep_body(r, r->in.spans, r->in.spans_n);
}

static bool
write_client(struct request *r, const struct parcel *p)
{
	struct client *c = r->client;
	int error = stream_write(&c->stream, p->parts, p->n);

	for (unsigned i = 0; i < p->n; i++)
		r->bytes_out += p->parts[i].n;
	if (r->limits)
		limiter_passed(r, false);
	if (error < 0) {
		r->client_lost = true;
		return false;
	}
	if (error == STREAM_FULL) {
		if (r->upstream)
			stream_pause(&r->upstream->stream);
		timer_set(r->worker, &c->timer, r->policy.idle_ms);
	}
	return true;
}

/* A part of the answer went out; after the last one the upstream is free, however slowly the client
 * reads. */
static void
relay_answered(struct request *r, bool done)
{
	struct upstream *u = r->upstream;

	if (!done) {
		relay_timers(r);
	} else if (u->parser.llhttp.status_code != 101) {
		r->answered = true;
		upstream_release(u, r->body_done && !u->broken && !u->last);
	}
}

void
relay_interim(struct request *r)
{
	struct parcel p = { .n = 0 };

	parcel_add(&p, buf_slice(&r->worker->head));
	write_client(r, &p);
	if (r->upstream->parser.llhttp.status_code == 100 && is_awaited(r)) {
		r->expect_continue = false; /* it is the client's turn */
		relay_timers(r);
	}
}

void
relay_answer_head(struct request *r, struct slice body)
{
	struct upstream *u = r->upstream;
	struct parcel p = { .n = 0 };
	bool done = u->parser.done;

	parcel_add(&p, buf_slice(&r->worker->head));
	p.trailers = trailers_to_client(r, &u->parser);
	parcel_body(&p, r->framing, body, u->parser.spans, u->parser.spans_n, done);
	u->parser.spans_n = 0;
	r->started = true;
	if (write_client(r, &p))
		relay_answered(r, done);
}

void
relay_response_body(struct request *r)
{
	struct upstream *u = r->upstream;
	struct parcel p = { .n = 0 };
	bool done = u->parser.done;

	p.trailers = trailers_to_client(r, &u->parser);
	parcel_body(&p, r->framing, (struct slice){ NULL, 0 }, u->parser.spans, u->parser.spans_n,
		    done);
	u->parser.spans_n = 0;
	if (write_client(r, &p))
		relay_answered(r, done);
	if (r->answered || r->client_lost)
		request_advance(r);
}

void
relay_client_drained(struct request *r, int error)
{
	struct upstream *u = r->upstream;

	if (error < 0) {
		request_abort(r, REASON_client_gone);
		return;
	}
	if (u && u->connected && !r->answered && stream_read(&u->stream) < 0) {
		request_upstream_failed(r, REASON_upstream_closed);
		return;
	}
	if (r->tunnel)
		timer_set(r->worker, &r->client->timer, r->policy.tunnel_idle_ms);
	else if (r->table)
		relay_timers(r);
	request_advance(r);
}

void
relay_upstream_drained(struct request *r, int error)
{
	struct upstream *u = r->upstream;

	if (error < 0) { /* an answer may still be on its way; its end comes as `end` */
		u->broken = true;
		u->write_error = u->write_error ? u->write_error : error;
		if (r->tunnel) {
			request_abort(r, REASON_upstream_aborted);
			return;
		}
		stream_pause(&r->client->stream);
		relay_timers(r);
		return;
	}
	if (stream_read(&r->client->stream) < 0) {
		request_abort(r, REASON_client_gone);
	} else if (r->tunnel) {
		timer_set(r->worker, &r->client->timer, r->policy.tunnel_idle_ms);
		request_advance(r);
	} else {
		relay_timers(r);
	}
}

enum result
send_step(struct request *r)
{
	if (r->failure != REASON_none)
		return STEP_NEXT;
	if (r->action && r->action->mirror_percent)
		mirror_begin(r);
	forward_request(r);
	r->send_us = worker_us(r->worker);
	relay_send_head(r);
	return STEP_NEXT;
}

enum result
relay_step(struct request *r)
{
	if (r->client_lost && r->reason == REASON_none)
		r->reason = REASON_client_gone;
	if (r->client_lost)
		return STEP_NEXT;
	if (r->tunnel)
		return tunnel_step(r);
	return r->answered && !r->client->stream.full ? STEP_NEXT : STEP_WAIT;
}
