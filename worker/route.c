/*
 * route: which rule answers for this request? The canonical path decides, and where a more liberal
 * reader of the path would come to another verdict, the request is refused.
 */

#include "client.h"
#include "condition.h"
#include "cors.h"
#include "forward_auth.h"
#include "login.h"
#include "request.h"
#include "reserved.h"
#include "shed.h"
#include "trace.h"
#include "worker.h"

#include <assert.h>

void
route_key(struct request *r, struct slice path, struct table_key *key)
{
	*key = (struct table_key){
		.host = r->host.host,
		.host_port = r->host.host_port,
		.host_raw = r->host_field,
		.path = path,
		.method = r->route_method,
		.test = condition_test,
		.userdata = r,
	};
}

static void
find(struct request *r, struct slice path, struct table_match *match)
{
	struct table_key key;

	route_key(r, path, &key);
	table_find(r->table->segments[SEGMENT_RULES], &key, match);
}

/* Nothing matches, nor is there a fallback. */
static enum result
route_missing(struct request *r, const struct table_global *g)
{
	struct table_key key;

	route_key(r, r->match_path, &key);
	r->allowed = table_allowed(r->table->segments[SEGMENT_RULES], &key);
	r->reason = !g->rules_loaded ? REASON_rules_not_loaded
		    : r->allowed     ? REASON_method_not_allowed
				     : REASON_no_route;
	return STEP_REPLY;
}

/* A preflight goes the way of the request that it asks about, where that leads to a route with
 * CORS. */
static bool
find_asked(struct request *r, struct table_match *match)
{
	const struct segment *rules = r->table->segments[SEGMENT_RULES];

	if (!cors_is_preflight(r, &r->route_method))
		return false;
	find(r, r->match_path, match);
	return match->r &&
	       table_action(rules, table_shape(rules, match->r)->action)->origins_count > 0;
}

static void
add_up(void *userdata, uint32_t number, const struct table_gate *gate, struct slice at)
{
	uint64_t *sum = userdata;

	*sum = *sum * 0x100000001b3ull + number;
}

/* What the gate asks here, as a number: 0 is nothing. */
static uint64_t
asked_by_gate(struct request *r, struct slice path, uint32_t flags)
{
	const struct segment *rules = r->table->segments[SEGMENT_RULES];
	struct table_key key;
	struct slice at;
	uint64_t sum = 0;

	route_key(r, path, &key);
	if (table_global(rules)->gate_authorises)
		table_gate_authorises(rules, &key, flags, add_up, &sum);
	return 2 * sum + (table_gate_protects(rules, r->route_method, path) ||
			  table_route_floor(rules, &key, &at));
}

/* Would an upstream that takes %2F for a slash, or cuts ";x" off, or both, see another route or
 * another side of the gate? Or a ".."? It would climb out of the endpoint's base or of what the
 * route puts before the path, and those who merge slashes first would get elsewhere than those who
 * do not. */
static bool
is_ambiguous(struct request *r, struct slice path, uint32_t route)
{
	const struct segment *rules = r->table->segments[SEGMENT_RULES];
	const struct table_route *row = table_route(rules, route);
	uint32_t flags = row ? table_shape(rules, row)->flags : 0;
	uint64_t closed = asked_by_gate(r, path, flags);
	char *room = arena_alloc(&r->arena, path.n + 1);

	for (unsigned i = 0; i < URI_READINGS; i++) {
		bool climbs;
		struct slice other = uri_reading(path, i, room, &climbs);
		struct table_match match;

		find(r, other, &match);
		if (climbs || match.route != route || asked_by_gate(r, other, flags) != closed)
			return true;
	}
	return false;
}

/* What the route says becomes the request's. */
static enum result
take(struct request *r, const struct table_global *g, const struct table_match *match)
{
	const struct segment *rules = r->table->segments[SEGMENT_RULES];
	const struct table_route *route = match->r;
	const struct table_shape *shape = table_shape(rules, route);
	const struct table_policy *policy = table_policy(rules, shape->policy);

	r->route = match->route;
	r->route_slot = route->slot < BOARD_ROUTES ? route->slot : 0;
	r->route_flags = shape->flags;
	r->upstream_index = route->upstream;
	r->fallback = shape->fallback;
	r->authorise = shape->authorise;
	r->injects = shape->credentials_count > 0;
	r->path_rest = slice_make(r->path.p + r->path.n - match->rest.n, match->rest.n);
	if (g->access_log || r->worker->tailed)
		r->route_id = arena_copy(&r->arena, table_route_id(rules, route));
	if (r->trace)
		trace_route(r);
	if (shape->flags & ROUTE_REFUSED) {
		r->reason = REASON_rule_refused;
		return STEP_REPLY;
	}
	r->policy = policy ? *policy : *table_policy(rules, 0);
	if (r->policy.maintenance_s) {
		r->reason = REASON_maintenance;
		return STEP_REPLY;
	}
	if (r->policy.total_ms)
		timer_set(r->worker, &r->total, r->policy.total_ms);
	return STEP_NEXT;
}

/* Before anything else: a refusal, too, is for the page that asked. */
static void
take_action(struct request *r, const struct table_route *route)
{
	const struct segment *rules = r->table->segments[SEGMENT_RULES];
	uint32_t action = table_shape(rules, route)->action;

	if (action)
		r->action = table_action(rules, action);
}

/* Another proxy asks about what it would serve itself: no route is needed, and then a token is. */
static enum result
take_question(struct request *r)
{
	r->route = TRIE_NONE;
	r->route_flags = ROUTE_AUTH;
	r->policy = *table_policy(r->table->segments[SEGMENT_RULES], 0);
	return STEP_NEXT;
}

/* What comes before all routes. */
static enum reason
prepare(struct request *r)
{
	r->route_method = r->method;
	if (forward_auth_is(r)) {
		enum reason reason = forward_auth_take(r);

		if (reason != REASON_none)
			return reason;
	}
	assert(r->table);
	if (snapshot_global(r->table)->cut_slash && r->path.n > 1 &&
	    r->path.p[r->path.n - 1] == '/')
		r->path.n--;
	if (r->worker->master_page && board_get(&r->worker->master_page->maintenance_s) > 0)
		return REASON_maintenance;
	if (shed_is_due(r->worker)) {
		r->keep_alive = false;
		return REASON_overloaded;
	}
	r->match_path = r->path;
	if (r->path_flags & URI_TRIPLET)
		r->match_path = uri_match_form(r->path, arena_alloc(&r->arena, r->path.n));
	return REASON_none;
}

static void
find_any(struct request *r, const struct table_global *g, struct table_match *match)
{
	const struct segment *rules = r->table->segments[SEGMENT_RULES];

	if (g->is_auth.size > 0 && slice_eq(r->match_path, seg_string(rules, g->is_auth))) {
		match->route = g->is_auth_route;
		match->r = table_route(rules, g->is_auth_route);
		match->rest = SLICE("");
		return;
	}
	if (r->asks || r->method != METHOD_OPTIONS || !find_asked(r, match)) {
		if (!r->asks)
			r->route_method = r->method;
		find(r, r->match_path, match);
	}
	if (match->route == TRIE_NONE && g->fallback != TRIE_NONE) {
		match->route = g->fallback;
		match->r = table_route(rules, g->fallback);
		match->rest = r->match_path;
	}
}

/* Why the path is not served, whatever its route says. */
static enum reason
fault_of(struct request *r, const struct table_match *match)
{
	if (reserved_is(r))
		return REASON_reserved_path;
	if ((r->path_flags & URI_SUSPECT) && is_ambiguous(r, r->match_path, match->route))
		return REASON_bad_path;
	/* A rule that denies must not be passed over. */
	return r->unjudged ? REASON_condition_limit : REASON_none;
}

enum result
route_step(struct request *r)
{
	const struct table_global *g;
	struct table_match match;

	if (r->client->kind != LISTENER_HTTP)
		return admin_step(r);
	if (r->login)
		return login_step(r);
	if (!r->worker->table) {
		r->reason = REASON_rules_not_loaded;
		return STEP_REPLY;
	}
	r->table = snapshot_ref(r->worker->table);
	g = table_global(r->table->segments[SEGMENT_RULES]);
	if (g->tracing)
		trace_begin(r);
	r->reason = prepare(r);
	if (r->reason != REASON_none)
		return STEP_REPLY;
	if (!r->asks && login_is(r))
		return login_step(r);
	if (r->asks && !r->query_own.p)
		return take_question(r);
	find_any(r, g, &match);
	if (match.r)
		take_action(r, match.r);
	r->reason = fault_of(r, &match);
	if (r->reason != REASON_none)
		return STEP_REPLY;
	if (!match.r)
		return r->asks ? take_question(r) : route_missing(r, g);
	return take(r, g, &match);
}
