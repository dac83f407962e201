#include "ending.h"

/* Of one that has, or had, a connection to its upstream. */
static enum phase
phase_of_try(const struct request *r)
{
	if (r->first_us)
		return PHASE_RESPONSE_HEAD;
	return r->body_done ? PHASE_FIRST_BYTE : PHASE_REQUEST_BODY;
}

static enum phase
phase_now(const struct request *r)
{
	switch ((enum step)r->step) {
	case STEP_HEAD:
		return PHASE_HEAD;
	case STEP_ROUTE:
	case STEP_POLICIES:
		return PHASE_DECISION;
	case STEP_PICK:
		return PHASE_QUEUE;
	case STEP_CONNECT:
		return PHASE_CONNECT;
	case STEP_SEND:
	case STEP_RESPONSE:
		return phase_of_try(r);
	case STEP_RELAY:
	case STEP_LOG:
	case STEP_N:
		break;
	}
	return r->tunnel ? PHASE_TUNNEL : PHASE_RESPONSE_BODY;
}

void
ending_note(struct request *r)
{
	r->ended_in = (uint8_t)phase_now(r);
}

static bool
is_of_client(enum reason reason)
{
	return reason == REASON_client_gone || reason == REASON_client_stalled ||
	       reason == REASON_client_head_timeout || reason == REASON_client_body_timeout;
}

/* A try that failed is judged in `response`, however far it came. */
static bool
is_of_connect(enum reason reason)
{
	return reason == REASON_upstream_unresolved || reason == REASON_upstream_connect_refused ||
	       reason == REASON_upstream_connect_failed ||
	       reason == REASON_upstream_connect_timeout || reason == REASON_upstream_tls_failed ||
	       reason == REASON_upstream_certificate_refused;
}

static bool
is_of_upstream(enum reason reason)
{
	return is_of_connect(reason) || reason == REASON_upstream_closed ||
	       reason == REASON_upstream_malformed ||
	       reason == REASON_upstream_first_byte_timeout ||
	       reason == REASON_upstream_send_timeout || reason == REASON_upstream_stalled ||
	       reason == REASON_upstream_aborted;
}

const char *
ending_by(const struct request *r)
{
	if (r->reason == REASON_none)
		return NULL;
	if (is_of_client(r->reason))
		return "client";
	return is_of_upstream(r->reason) ? "upstream" : "gateway";
}

const char *
ending_phase(const struct request *r)
{
	static const char *const names[] = {
		[PHASE_HEAD] = "head",
		[PHASE_DECISION] = "decision",
		[PHASE_QUEUE] = "queue",
		[PHASE_CONNECT] = "connect",
		[PHASE_REQUEST_BODY] = "request_body",
		[PHASE_FIRST_BYTE] = "first_byte",
		[PHASE_RESPONSE_HEAD] = "response_head",
		[PHASE_RESPONSE_BODY] = "response_body",
		[PHASE_TUNNEL] = "tunnel",
	};

	enum phase phase = (enum phase)r->ended_in;

	if (r->reason == REASON_none)
		return NULL;
	if (is_of_connect(r->reason))
		phase = PHASE_CONNECT;
	else if (phase == PHASE_QUEUE && is_of_upstream(r->reason)) /* to be tried again, in vain */
		phase = phase_of_try(r);
	return names[phase];
}
