/*
 * policies: who may pass, in one fixed order. Each has one contract: PASS, REPLY (r->reason is set)
 * or WAIT.
 */

#include "policies.h"

#include "action.h"
#include "authorise.h"
#include "client.h"
#include "cors.h"
#include "forward_auth.h"
#include "inject.h"
#include "limiter.h"
#include "login.h"
#include "request.h"
#include "suspension.h"
#include "token_query.h"
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

struct table_protection
policies_protection(const struct request *r)
{
	const struct table_key key = {
		.host = r->host.host,
		.host_port = r->host.host_port,
		.path = r->match_path,
		.method = r->route_method,
	};

	return table_route_protection(r->table->segments[SEGMENT_RULES], &key, r->route_flags);
}

static enum verdict
policy_inject(struct request *r)
{
	return r->injects ? inject_policy(r) : PASS;
}

/* Whoever comes here has passed the gate. */
static enum verdict
policy_note(struct request *r)
{
	board_add(&r->worker->page->counts
		       .counter[r->who ? COUNTER_gate_identified : COUNTER_gate_anonymous],
		  1);
	return PASS;
}

/* After WAIT the same one is asked again, and none before it. */
static enum verdict (*const policies[])(struct request *r) = {
	policy_identity, suspension_policy, authorise_policy, policy_note,
	limiter_policy,  policy_inject,     policy_body,
};

bool
policies_is_preflight(const struct request *r)
{
	enum table_method asked;

	return r->action && r->action->origins_count > 0 && cors_is_preflight(r, &asked);
}

/* A token in the query goes no further, whether it is needed or not. */
static void
query_settle(struct request *r)
{
	const struct segment *rules = r->table->segments[SEGMENT_RULES];
	const struct table_global *g = table_global(rules);
	struct token_query found;

	if (!(g->sources & TOKEN_FROM_QUERY) || r->query_token.p ||
	    !token_query_take(&r->arena, request_query(r), seg_string(rules, g->token_query),
			      &found))
		return;
	r->query_token = found.token;
	r->query_tokens = found.repeated;
	r->query_own = found.rest;
}

static enum result
refused(struct request *r)
{
	if (!login_redirects(r))
		return STEP_REPLY;
	r->step = STEP_RELAY - 1;
	return STEP_NEXT;
}

enum result
policies_step(struct request *r)
{
	if (policies_is_preflight(r)) {
		cors_answer(r);
		r->step = STEP_RELAY - 1;
		return STEP_NEXT;
	}
	query_settle(r);
	for (; r->policy_at < sizeof policies / sizeof policies[0]; r->policy_at++) {
		switch (policies[r->policy_at](r)) {
		case PASS:
			break;
		case REPLY:
			return refused(r);
		case WAIT:
			return STEP_WAIT;
		}
	}
	if (r->asks)
		return forward_auth_answer(r);
	return r->action ? action_step(r) : STEP_NEXT;
}
