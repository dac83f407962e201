/*
 * The engine: it knows the order of the steps and the two ways in which a request ends, and nothing
 * of what a step does.
 */

#include "request.h"

#include "answer.h"
#include "await.h"
#include "client.h"
#include "collect.h"
#include "control.h"
#include "ending.h"
#include "fault_note.h"
#include "hub.h"
#include "limiter.h"
#include "login.h"
#include "mirror.h"
#include "queue.h"
#include "relay.h"
#include "session.h"
#include "upstream.h"
#include "worker.h"

#include <assert.h>

static enum result (*const steps[STEP_N])(struct request *r) = {
	[STEP_HEAD] = head_step,         [STEP_ROUTE] = route_step,
	[STEP_POLICIES] = policies_step, [STEP_PICK] = pick_step,
	[STEP_CONNECT] = connect_step,   [STEP_SEND] = send_step,
	[STEP_RESPONSE] = response_step, [STEP_RELAY] = relay_step,
	[STEP_LOG] = log_step,
};

/* The one way out. `keep`: the client's connection goes on. */
static void
request_end(struct request *r, bool keep)
{
	struct client *c = r->client;
	struct worker *w = r->worker;

	assert(!r->ended);
	r->ended = true;
	timer_clear(&r->total);
	if (r->expires)
		timer_clear(&r->expiry);
	if (r->upstream)
		upstream_release(r->upstream, false);
	if (r->call)
		control_forget(r->call);
	if (r->await)
		await_leave(r);
	if (r->login)
		login_leave(r);
	if (r->queue)
		queue_leave(r);
	if (r->mirror)
		mirror_drop(r);
	if (r->hub)
		hub_leave(r);
	if (r->limits)
		limiter_end(r);
	if (r->session)
		session_leave(r);
	snapshot_unref(r->table);
	r->table = NULL;
	r->client = NULL;
	board_sub(&w->page->in_flight, 1);
	list_push(&w->dead, &r->link);
	if (c->request == r)
		client_next(c, keep);
}

void
request_advance(struct request *r)
{
	assert(r->magic == REQUEST_MAGIC);
	if (r->advancing || r->ended)
		return;
	r->advancing = true;
	for (;;) {
		enum result result = steps[r->step](r);

		if (r->ended) /* a step found that there is nobody left to serve */
			return;
		switch (result) {
		case STEP_NEXT:
			r->step++;
			continue;
		case STEP_WAIT:
			r->advancing = false;
			return;
		case STEP_REPLY:
			ending_note(r);
			fault_note_refusal(r);
			answer_reason(r);
			r->step = STEP_RELAY;
			continue;
		case STEP_DONE:
			r->advancing = false;
			request_end(r, r->answered && r->keep_alive && r->body_done);
			return;
		}
	}
}

enum result
request_rehearse(struct request *r, enum step last)
{
	enum result result;

	r->advancing = true;
	r->rehearsed = true;
	do {
		result = steps[r->step](r);
	} while (result == STEP_NEXT && r->step++ < last);
	return result;
}

void
request_drop(struct request *r)
{
	request_end(r, false);
}

void
request_input(struct request *r)
{
	for (unsigned i = 0; i < r->in.spans_n; i++)
		r->body_bytes += r->in.spans[i].n;
	if (r->step == STEP_HEAD) {
		request_advance(r);
	} else if (r->reason == REASON_none && r->body_bytes > r->policy.body_bytes) {
		request_refuse(r, REASON_body_too_large);
	} else {
		relay_request_body(r);
	}
	if (!r->ended)
		relay_hold(r);
	if (!r->ended && r->step == STEP_ROUTE)
		r->login ? login_input(r) : admin_input(r);
	else if (!r->ended && r->collecting)
		collect_input(r);
}

void
request_refuse(struct request *r, enum reason reason)
{
	if (r->started) {
		request_abort(r, reason);
		return;
	}
	r->reason = reason;
	ending_note(r);
	if (r->await)
		await_leave(r);
	if (r->queue)
		queue_leave(r);
	if (r->upstream) {
		upstream_release(r->upstream, false);
		r->upstream = NULL;
	}
	answer_reason(r);
	r->step = STEP_RELAY;
	request_advance(r);
}

void
request_upstream_failed(struct request *r, enum reason failure)
{
	struct upstream *u = r->upstream;

	r->upstream = NULL;
	if (u)
		upstream_release(u, false);
	r->failure = failure;
	if (r->started) {
		bool silent =
		    failure == REASON_upstream_stalled || failure == REASON_upstream_send_timeout;

		board_add(&r->worker->page->counts.endpoint[r->endpoint_slot].failures, 1);
		request_abort(r, silent ? failure : REASON_upstream_aborted);
		return;
	}
	r->step = STEP_RESPONSE;
	request_advance(r);
}

/* An answer breaks off. A client that counts sees it by the orderly end of its connection, and gets
 * what is still on its way: a reset would take the answers before this one along. */
static bool
is_seen_by_client(const struct request *r, enum reason reason)
{
	return (r->framing == FRAMING_LENGTH || r->framing == FRAMING_CHUNKED) &&
	       reason != REASON_client_stalled && reason != REASON_overloaded && !r->client_lost;
}

void
request_abort(struct request *r, enum reason reason)
{
	struct client *c = r->client;

	if (r->ended)
		return;
	r->reason = reason;
	ending_note(r);
	r->keep_alive = false;
	log_step(r);
	if (r->started && !r->answered && !is_seen_by_client(r, reason))
		client_reset(c);
	request_end(r, false);
}

void
request_on_total(struct timer *t)
{
	struct request *r = container_of(t, struct request, total);

	/* Whose fault is it? A client that still dribbles its body is not slowed by us. */
	request_refuse(r,
		       relay_client_owes(r) ? REASON_client_body_timeout : REASON_request_timeout);
}
