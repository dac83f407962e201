/*
 * policies: who may pass, in one fixed order. Each has one contract: PASS, REPLY (r->reason is set)
 * or WAIT.
 */

#include "policies.h"

#include "action.h"
#include "authorise.h"
#include "client.h"
#include "cors.h"
#include "gate.h"
#include "identity.h"
#include "keys_wait.h"
#include "limiter.h"
#include "request.h"
#include "worker.h"

static enum verdict
policy_body(struct request *r)
{
	if (r->in.length > r->policy.body_bytes || r->body_bytes > r->policy.body_bytes) {
		r->reason = REASON_body_too_large;
		return REPLY;
	}
	return PASS;
}

static const char *
challenge_of(enum reason reason)
{
	switch (reason) {
	case REASON_gate_no_keys: /* not the client's fault */
		return NULL;
	case REASON_token_missing:
		return "";
	case REASON_token_repeated:
		return "invalid_request";
	default:
		return "invalid_token"; /* RFC 6750 section 3.1 */
	}
}

struct table_protection
policies_protection(const struct request *r)
{
	const struct table_key key = {
		.host = r->host.host,
		.host_port = r->host.host_port,
		.path = r->match_path,
		.method = r->method,
	};

	return table_route_protection(r->table->segments[SEGMENT_RULES], &key, r->route_flags);
}

static void
take(struct request *r, const struct identity *who)
{
	void *own = arena_alloc(&r->arena, who->size);

	r->who = memcpy(own, who, who->size);
	r->identity = identity_shown(r->who);
}

static enum verdict
policy_identity(struct request *r)
{
	struct worker *w = r->worker;
	struct table_protection protection = policies_protection(r);
	struct gate_input in = { 0 };
	struct gate_verdict verdict;
	struct slice key = gate_api_key_header(w->gate);

	if (!protection.needed)
		return PASS;
	in.issuers = r->policy.issuers & protection.issuers;
	for (uint16_t i = 0; i < r->in.fields_n; i++) {
		const struct http_field *f = &r->in.fields[i];

		if (f->id == HTTP_AUTHORIZATION) {
			in.authorization_repeated = in.authorization.p != NULL;
			in.authorization = http_value(&r->in, f);
		} else if (f->id == HTTP_COOKIE && in.cookies_count < GATE_COOKIES) {
			in.cookies[in.cookies_count++] = http_value(&r->in, f);
		} else if (key.n > 0 && slice_ieq(http_name(&r->in, f), key)) {
			in.api_key_repeated = in.api_key.p != NULL;
			in.api_key = http_value(&r->in, f);
		}
	}
	gate_check(w->gate, &in, w->wall, &verdict);
	if (verdict.asked && keys_await(r, verdict.asked))
		return WAIT;
	if (verdict.reason == REASON_none)
		board_add(&w->page->counts
			       .counter[verdict.cached ? COUNTER_token_hits : COUNTER_token_misses],
			  1);
	if (verdict.reason != REASON_none) {
		r->reason = verdict.reason;
		r->challenge = challenge_of(verdict.reason);
		return REPLY;
	}
	take(r, verdict.who);
	return PASS;
}

/* After WAIT the same one is asked again, and none before it. */
static enum verdict (*const policies[])(struct request *r) = { policy_identity, authorise_policy,
							       limiter_policy, policy_body };

bool
policies_is_preflight(const struct request *r)
{
	enum table_method asked;

	return r->action && r->action->origins_count > 0 && cors_is_preflight(r, &asked);
}

enum result
policies_step(struct request *r)
{
	if (policies_is_preflight(r)) {
		cors_answer(r);
		r->step = STEP_RELAY - 1;
		return STEP_NEXT;
	}
	for (; r->policy_at < sizeof policies / sizeof policies[0]; r->policy_at++) {
		switch (policies[r->policy_at](r)) {
		case PASS:
			break;
		case REPLY:
			return STEP_REPLY;
		case WAIT:
			return STEP_WAIT;
		}
	}
	return r->action ? action_step(r) : STEP_NEXT;
}
