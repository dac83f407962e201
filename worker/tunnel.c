#include "tunnel.h"

#include "client.h"
#include "limiter.h"
#include "suspension.h"
#include "sweep.h"
#include "upstream.h"
#include "worker.h"

#define FAREWELL_MS 1000 /* for the frame under way to end */
#define GOING_AWAY 1001  /* RFC 6455 section 7.4.1 */
#define POLICY_VIOLATION 1008

static void
tunnel_farewell(struct request *r)
{
	char frame[WEBSOCKET_CLOSE_MAX];
	struct slice bytes = { frame,
			       websocket_close(r->farewell == REASON_draining ? GOING_AWAY
									      : POLICY_VIOLATION,
					       slice_of(reason_info(r->farewell)->text), frame) };

	/* The connection ends in order behind it. */
	r->answered = stream_write(&r->client->stream, &bytes, 1) >= 0;
	request_abort(r, r->farewell);
}

void
tunnel_close(struct request *r, enum reason reason)
{
	if (!r->framed) {
		request_abort(r, reason);
		return;
	}
	if (r->farewell != REASON_none)
		return;
	r->farewell = reason;
	if (websocket_between(&r->frames))
		tunnel_farewell(r);
	else
		timer_set(r->worker, &r->client->timer, FAREWELL_MS);
}

/* The rest of the frame under way goes to the client, and nothing else anywhere. */
static void
tunnel_rest(struct request *r, struct slice bytes)
{
	bytes.n = websocket_frame(&r->frames, bytes);
	if (stream_write(&r->client->stream, &bytes, 1) != 0) /* nor does it wait for who is slow */
		request_abort(r, r->farewell);
	else if (websocket_between(&r->frames))
		tunnel_farewell(r);
}

/* It hears why it ends between two frames: when its user is suspended, or its token expires, or we
 * end. */
static bool
is_framed(const struct request *r)
{
	const struct http_field *to = http_find(&r->upstream->parser, HTTP_UPGRADE);

	return to && slice_ieq(http_value(&r->upstream->parser, to), SLICE("websocket"));
}

void
tunnel_start(struct request *r)
{
	struct worker *w = r->worker;
	struct client *c = r->client;
	struct upstream *u = r->upstream;

	r->tunnel = true;
	r->framed = is_framed(r);
	r->keep_alive = false;
	timer_clear(&r->total);
	u->tunnel = true;
	/* The stream outlives its decision: what it needs of the table has been copied. */
	snapshot_unref(r->table);
	r->table = NULL;
	r->action = NULL;
	client_set_state(c, CLIENT_TUNNEL);
	board_add(&w->page->counts.counter[COUNTER_tunnels], 1);
	board_add(&w->page->tunnels_open, 1);
	timer_set(w, &u->timer, 0);
	timer_set(w, &c->timer, r->policy.tunnel_idle_ms);
	if (sweep_catches(r)) {
		tunnel_close(r, REASON_suspended);
		return;
	}
	if (c->early.n) {
		struct buf BUF_CLEAN early = c->early;

		c->early = (struct buf){ 0 };
		if (stream_read(&c->stream) == 0)
			tunnel_bytes(r, true, buf_slice(&early));
	}
}

void
tunnel_bytes(struct request *r, bool from_client, struct slice bytes)
{
	struct stream *from = from_client ? &r->client->stream : &r->upstream->stream;
	struct stream *to = from_client ? &r->upstream->stream : &r->client->stream;
	int error;

	*(from_client ? &r->bytes_in : &r->bytes_out) += bytes.n;
	if (r->limits)
		limiter_passed(r, false);
	if (r->farewell != REASON_none) {
		if (!from_client)
			tunnel_rest(r, bytes);
		return;
	}
	if (r->framed && !from_client)
		websocket_pass(&r->frames, bytes);
	timer_set(r->worker, &r->client->timer, r->policy.tunnel_idle_ms);
	error = stream_write(to, &bytes, 1);
	if (error < 0)
		request_abort(r, from_client ? REASON_upstream_aborted : REASON_client_gone);
	else if (error == STREAM_FULL)
		stream_pause(from);
}

void
tunnel_silent(struct request *r)
{
	struct stream *c = &r->client->stream, *u = &r->upstream->stream;
	bool c_took = stream_progressed(c), u_took = stream_progressed(u);

	if (r->farewell != REASON_none)
		request_abort(r, r->farewell);
	else if (c_took || u_took) /* a slow reader is not silent */
		timer_set(r->worker, &r->client->timer, r->policy.tunnel_idle_ms);
	else
		request_abort(r, REASON_tunnel_idle);
}

void
tunnel_end(struct request *r, bool from_client)
{
	struct stream *to = from_client ? &r->upstream->stream : &r->client->stream;

	if (stream_shutdown(to) < 0) {
		request_abort(r, from_client ? REASON_upstream_aborted : REASON_client_gone);
		return;
	}
	if (++r->tunnel_ends == 2)
		request_advance(r);
}

enum result
tunnel_step(struct request *r)
{
	/* Both sides have said their last word: it has to arrive. */
	r->answered = r->tunnel_ends == 2 && stream_flush(&r->client->stream) &&
		      stream_flush(&r->upstream->stream);
	return r->answered ? STEP_NEXT : STEP_WAIT;
}
