#include "ending.h"

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
		return r->body_done ? PHASE_FIRST_BYTE : PHASE_REQUEST_BODY;
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

const char *
ending_by(const struct request *r)
{
	switch (r->reason) {
	case REASON_none:
		return NULL;
	case REASON_client_gone:
	case REASON_client_stalled:
	case REASON_client_head_timeout:
	case REASON_client_body_timeout:
		return "client";
	case REASON_upstream_unresolved:
	case REASON_upstream_connect_refused:
	case REASON_upstream_connect_failed:
	case REASON_upstream_connect_timeout:
	case REASON_upstream_tls_failed:
	case REASON_upstream_certificate_refused:
	case REASON_upstream_closed:
	case REASON_upstream_malformed:
	case REASON_upstream_first_byte_timeout:
	case REASON_upstream_send_timeout:
	case REASON_upstream_stalled:
	case REASON_upstream_aborted:
		return "upstream";
	default:
		return "gateway";
	}
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
		[PHASE_RESPONSE_BODY] = "response_body",
		[PHASE_TUNNEL] = "tunnel",
	};

	if (r->reason == REASON_none)
		return NULL;
	return names[is_of_connect(r->reason) ? PHASE_CONNECT : (enum phase)r->ended_in];
}
