#include "upstream.h"

#include "connect.h"
#include "pool.h"
#include "relay.h"
#include "tunnel.h"

#include "lib/stream_peer.h"
#include "lib/xalloc.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

/* Answers of upstreams are held to a limit too, a wider one. */
static const struct http_limits answer_limits = { .head_bytes = 65536,
						  .uri_bytes = 0,
						  .fields = HTTP_FIELDS_MAX };

static void upstream_on_data(struct stream *s, struct slice bytes);
static void upstream_on_end(struct stream *s, int error);
static void upstream_on_drained(struct stream *s, int error);
static void upstream_on_closed(struct stream *s);

static const struct stream_ops upstream_ops = {
	.data = upstream_on_data,
	.end = upstream_on_end,
	.drained = upstream_on_drained,
	.secured = connect_secured,
	.closed = upstream_on_closed,
	.patient = true, /* it may be a whole answer */
};

/* Which of the things that it owes (relay_timers) did not come? */
static enum reason
reason_of_timeout(const struct upstream *u)
{
	if (u->stream.queued > 0 && !u->broken)
		return REASON_upstream_send_timeout;
	return u->parser.head_done ? REASON_upstream_stalled : REASON_upstream_first_byte_timeout;
}

static void
upstream_on_timer(struct timer *t)
{
	struct upstream *u = container_of(t, struct upstream, timer);
	struct request *r = u->request;

	if (!r)
		upstream_close(u);
	else if (!u->connected)
		connect_failed(u, -ETIMEDOUT);
	else if (u->stream.queued > 0 && stream_progressed(&u->stream))
		timer_set(u->worker, &u->timer, r->policy.idle_ms);
	else
		request_upstream_failed(r, reason_of_timeout(u));
}

static void
upstream_detach(struct upstream *u)
{
	struct request *r = u->request;

	if (!r)
		return;
	u->request = NULL;
	r->upstream = NULL;
	board_sub(&u->worker->page->counts.endpoint[u->slot].in_flight, 1);
	if (r->tries > 0)
		board_sub(&u->worker->page->counts.endpoint[u->slot].retrying, 1);
}

void
upstream_attach(struct upstream *u, struct request *r)
{
	assert(!u->request && !r->upstream);
	u->request = r;
	r->upstream = u;
	u->slot = r->endpoint_slot;
	board_add(&u->worker->page->counts.endpoint[u->slot].in_flight, 1);
	if (r->tries > 0)
		board_add(&u->worker->page->counts.endpoint[u->slot].retrying, 1);
	http_parser_reset(&u->parser);
	u->parser.head_request = r->method == METHOD_HEAD;
	u->broken = u->last = false;
	u->sent_before = u->stream.sent;
	u->write_error = 0;
	if (u->word.left != IDLE_UNTOLD && u->pooled)
		u->word.left--;
}

void
upstream_close(struct upstream *u)
{
	if (u->stream.closing)
		return;
	if (u->pooled && !list_empty(&u->link)) {
		list_remove(&u->link);
		u->pool->idle_count--;
		board_sub(&u->worker->page->counts.endpoint[u->slot].idle, 1);
	}
	upstream_detach(u);
	timer_clear(&u->timer);
	behind_remember(u);
	stream_close(&u->stream);
}

static void
upstream_on_closed(struct stream *s)
{
	struct upstream *u = container_of(s, struct upstream, stream);

	pool_unref(u->pool);
	http_parser_deinit(&u->parser);
	u->worker->freed += sizeof *u;
	free(u);
}

void
upstream_idle(struct upstream *u, uint32_t ms)
{
	u->pooled = true;
	u->idle_since = worker_now(u->worker);
	u->idle_ms = ms;
	timer_set(u->worker, &u->timer, ms);
	if (stream_read(&u->stream) < 0)
		u->broken = true;
}

void
upstream_release(struct upstream *u, bool clean)
{
	upstream_detach(u);
	if (clean && !u->proxy && !u->stream.ended && u->stream.queued == 0)
		pool_put(u);
	else
		upstream_close(u);
}

struct upstream *
upstream_new(struct request *r)
{
	const struct segment *seg = r->table->segments[SEGMENT_ENDPOINTS];
	struct worker *w = r->worker;
	struct upstream *u = xcalloc(1, sizeof *u);

	u->worker = w;
	u->pool = pool_ref(r->pool);
	u->generation = table_endpoint(seg, r->endpoint)->generation;
	u->born = worker_now(w);
	u->word = (struct idle_word){ IDLE_UNTOLD, IDLE_UNTOLD };
	u->proxy = (uint8_t)table_upstream(seg, r->upstream_index)->proxy;
	list_init(&u->link);
	timer_init(&u->timer, upstream_on_timer);
	http_parser_init(&u->parser, HTTP_RESPONSE, &answer_limits, &w->scratch);
	upstream_attach(u, r);
	return u;
}

int
upstream_connect(struct upstream *u, const struct sockaddr *address, const char *path)
{
	return stream_connect(&u->stream, &u->worker->env, &upstream_ops, &u->connecting, address,
			      path, connect_done);
}

/* Of an answer whose head has come. */
static void
upstream_body(struct request *r)
{
	if (r->step == STEP_RESPONSE)
		request_advance(r);
	else
		relay_response_body(r);
}

/* One run of the parser; false when the bytes need no further look. */
static bool
upstream_feed(struct upstream *u, struct request *r, struct slice *bytes)
{
	enum http_outcome outcome;
	size_t used;

	if (!r->first_us)
		r->first_us = worker_us(u->worker);
	outcome = http_parse(&u->parser, *bytes, &used);
	if (outcome < 0) {
		request_upstream_failed(r, REASON_upstream_malformed);
		return false;
	}
	bytes->p += used;
	bytes->n -= used;
	if (!u->parser.head_done)
		return false;
	/* Bytes behind a final answer belong to no request: the connection is not used again. */
	if (u->parser.done && bytes->n > 0 && u->parser.llhttp.status_code >= 200)
		u->last = true;
	upstream_body(r);
	return u->request == r && !r->ended;
}

static void
upstream_on_data(struct stream *s, struct slice bytes)
{
	struct upstream *u = container_of(s, struct upstream, stream);
	struct request *r = u->request;

	if (!r || r->step < STEP_RESPONSE) { /* nobody asked */
		if (r)
			request_upstream_failed(r, REASON_upstream_malformed);
		else
			upstream_close(u);
		return;
	}
	while (bytes.n > 0) {
		if (u->tunnel) {
			tunnel_bytes(r, false, bytes);
			return;
		}
		if (!upstream_feed(u, r, &bytes))
			break;
	}
	if (u->request == r && !u->parser.head_done)
		http_parser_keep(&u->parser);
}

/*
 * Is it certain that the endpoint's application has read nothing of the request? The connection has
 * just ended with `error`.
 *
 * That no byte was acknowledged is not enough: an application can read before its kernel says so,
 * and the kernel does not look at what a reset acknowledges. But an orderly end acknowledges what
 * came before it; and behind the end that close() sends, nobody reads any more. So: the first that
 * we saw of the end was an orderly one (a write to a connection that had ended so gives EPIPE), and
 * nothing of this request was acknowledged by then. An endpoint that half-closes and still acts
 * upon what comes could not answer it. Over TLS an end without close_notify is no orderly one:
 * whoever stands between could have kept the acknowledgement back, and made us say it twice.
 */
static bool
is_untaken(const struct upstream *u, int error)
{
	uint64_t acked;

	if (u->stream.sent == u->sent_before) /* not even our own kernel took any of it */
		return true;
	if (error < 0 || (u->write_error != 0 && u->write_error != -EPIPE))
		return false;
	return stream_acked(&u->stream, &acked) == 0 && acked <= u->sent_before;
}

/* In TLS 1.3 an endpoint looks at our certificate when the handshake is over for us; but not only
 * then it may send an alert, so that it has to be asked what became of the request. */
static enum reason
reason_of_end(struct upstream *u, int error)
{
	bool first = !u->request->reused && !u->parser.head_done;

	if (behind_broke(u))
		behind_tell(u, error);
	return u->pool->tls && first && error == -ECONNABORTED ? REASON_upstream_tls_failed
							       : REASON_upstream_closed;
}

static void
upstream_on_end(struct stream *s, int error)
{
	struct upstream *u = container_of(s, struct upstream, stream);
	struct request *r = u->request;

	u->broken = true;
	if (r && !u->connected) {
		connect_failed(u, error);
	} else if (!r) {
		pool_learn(u);
		upstream_close(u);
	} else if (u->tunnel && error < 0) {
		request_abort(r, REASON_upstream_aborted);
	} else if (u->tunnel) {
		tunnel_end(r, false);
	} else if (u->parser.head_done && error == 0 && http_parse_end(&u->parser) == HTTP_OK) {
		upstream_body(r);
	} else {
		r->untaken = !r->interim && is_untaken(u, error);
		/* Whatever it read of this one, that connection did not last as long as it waited.
		 */
		if (r->reused && !r->interim)
			pool_learn(u);
		request_upstream_failed(r, reason_of_end(u, error));
	}
}

static void
upstream_on_drained(struct stream *s, int error)
{
	struct upstream *u = container_of(s, struct upstream, stream);

	if (u->request)
		relay_upstream_drained(u->request, error);
}
