#include "collect.h"

#include "client.h"
#include "worker.h"

static void
go_on(struct request *r)
{
	struct slice line = SLICE("HTTP/1.1 100 Continue\r\n\r\n");

	if (!r->expect_continue || r->body_bytes > 0)
		return;
	r->expect_continue = false;
	if (stream_write(&r->client->stream, &line, 1) < 0)
		r->client_lost = true;
}

/* What has come of it in this turn is held when the turn's step has returned. */
static void
read_more(struct request *r)
{
	timer_set(r->worker, &r->client->timer, r->policy.client_body_ms);
	if (stream_read(&r->client->stream) < 0)
		request_abort(r, REASON_client_gone);
}

bool
collect_body(struct request *r)
{
	bool first = !r->collecting;

	r->collecting = r->body != FRAMING_NONE && (!r->body_done || r->spans_fresh);
	if (!r->collecting) {
		timer_set(r->worker, &r->client->timer, 0);
		return true;
	}
	if (first)
		go_on(r);
	if (!r->body_done && !r->spans_fresh)
		read_more(r);
	return false;
}

void
collect_input(struct request *r)
{
	if (r->body_done)
		request_advance(r);
	else
		read_more(r);
}
