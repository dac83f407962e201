/*
 * What a rehearsal came to, as JSON (yett(8), EXPLAIN). It reads; what is decided was decided by
 * the steps.
 */

#include "answer.h"
#include "client.h"
#include "explain.h"
#include "policies.h"
#include "suspension.h"
#include "worker.h"

static const struct segment *
rules_of(const struct request *r)
{
	return r->table->segments[SEGMENT_RULES];
}

void
explain_text(struct buf *b, const char *name, struct slice value)
{
	buf_addf(b, "\"%s\":", name);
	buf_add_json(b, value);
}

void
explain_bool(struct buf *b, const char *name, bool value)
{
	buf_addf(b, "\"%s\":%s", name, value ? "true" : "false");
}

/* ---- the request ---- */

static void
add_request(struct buf *b, const struct explained *e)
{
	struct request *r = e->r;

	buf_adds(b, SLICE("\"request\":{"));
	explain_text(b, "method", e->malformed ? SLICE("") : http_method(&r->in));
	buf_addc(b, ',');
	explain_text(b, "target", e->malformed ? SLICE("") : http_url(&r->in));
	buf_addc(b, ',');
	explain_text(b, "host", r->host.host);
	buf_addc(b, ',');
	explain_text(b, "path", r->path);
	buf_addc(b, ',');
	explain_text(b, "from", slice_make(r->client->ip_text, r->client->ip_text_n));
	buf_addc(b, '}');
}

static const char *
outcome_of(const struct explained *e)
{
	if (e->forwarded)
		return "forwarded";
	if (e->result == STEP_WAIT)
		return "queued";
	return e->result == STEP_REPLY ? "refused" : "answered";
}

static void
add_outcome(struct buf *b, const struct explained *e)
{
	const struct request *r = e->r;
	struct reason_info info = answer_info(r);

	explain_text(b, "outcome", slice_of(outcome_of(e)));
	if (e->result == STEP_REPLY) {
		buf_addf(b, ",\"status\":%d,", info.status);
		explain_text(b, "reason", slice_of(info.name));
		buf_addc(b, ',');
		explain_text(b, "detail", slice_of(info.text));
		buf_addc(b, ',');
		explain_text(b, "field", r->field);
	} else if (!e->forwarded && r->started) {
		buf_addf(b, ",\"status\":%d", r->status);
	}
}

/* ---- the route ---- */

void
explain_route(const struct segment *rules, const struct table_route *route, struct buf *b)
{
	const struct table_shape *shape = table_shape(rules, route);

	explain_text(b, "id", table_route_id(rules, route));
	buf_addc(b, ',');
	explain_text(b, "host", table_route_host(rules, route));
	buf_addc(b, ',');
	explain_text(b, "path", table_route_path(rules, route));
	buf_addc(b, ',');
	explain_bool(b, "exact", shape->flags & ROUTE_EXACT);
	buf_addf(b, ",\"priority\":%d", shape->priority);
}

static void
add_route(struct buf *b, const struct request *r)
{
	const struct table_route *route = r->table ? table_route(rules_of(r), r->route) : NULL;

	if (!route) {
		buf_adds(b, SLICE("\"route\":null"));
		return;
	}
	buf_adds(b, SLICE("\"route\":{"));
	explain_route(rules_of(r), route, b);
	buf_addc(b, '}');
}

/* ---- the gate ---- */

void
explain_methods(uint32_t methods, struct buf *b)
{
	static const char *const names[] = {
		[METHOD_GET] = "GET",         [METHOD_HEAD] = "HEAD",
		[METHOD_POST] = "POST",       [METHOD_PUT] = "PUT",
		[METHOD_DELETE] = "DELETE",   [METHOD_PATCH] = "PATCH",
		[METHOD_OPTIONS] = "OPTIONS", [METHOD_CONNECT] = "CONNECT",
		[METHOD_TRACE] = "TRACE",
	};
	bool any = false;

	buf_addc(b, '[');
	for (uint32_t i = 0; i <= METHOD_TRACE; i++) {
		if (!(methods & 1u << i))
			continue;
		buf_addf(b, "%s\"%s\"", any ? "," : "", names[i]);
		any = true;
	}
	buf_addc(b, ']');
}

static void
add_gate_entry(struct buf *b, const struct segment *rules, const struct table_gate *gate,
	       struct slice at)
{
	const char *entry = gate->flags & GATE_ROUTE    ? "floor"
			    : gate->flags & GATE_EXCEPT ? "except"
							: "protect";

	explain_text(b, "entry", slice_of(entry));
	buf_addc(b, ',');
	explain_text(b, "host", seg_string(rules, gate->host));
	buf_addc(b, ',');
	explain_text(b, "path", at.n ? at : SLICE("/"));
	buf_addc(b, ',');
	explain_bool(b, "exact", gate->flags & GATE_EXACT);
	buf_addc(b, ',');
	buf_adds(b, SLICE("\"methods\":"));
	explain_methods(gate->methods, b);
}

/* Who says that a token is needed, or that none is. */
static void
add_gate_by(struct buf *b, const struct request *r, const struct table_protection *p)
{
	buf_adds(b, SLICE("\"by\":"));
	if (!p->by_route && !p->gate) {
		buf_adds(b, SLICE("null"));
		return;
	}
	buf_addc(b, '{');
	if (p->by_route) {
		explain_text(b, "entry", SLICE("route"));
		buf_addc(b, ',');
		explain_route(rules_of(r), table_route(rules_of(r), r->route), b);
	} else {
		add_gate_entry(b, rules_of(r), p->gate, p->at);
	}
	buf_addc(b, '}');
}

/* Of a token only what the step made of it. */
static void
add_token(struct buf *b, const struct request *r, bool needed)
{
	bool optional = !needed && r->route_flags & ROUTE_OPTIONAL;

	explain_bool(b, "optional", optional);
	buf_addc(b, ',');
	explain_bool(b, "ignored", r->ignored != REASON_none);
	buf_addc(b, ',');
	if (r->ignored != REASON_none)
		explain_text(b, "token", slice_of(reason_info(r->ignored)->name));
	else if (r->step == STEP_POLICIES && r->reason >= REASON_token_missing &&
		 r->reason <= REASON_gate_no_keys)
		explain_text(b, "token", slice_of(reason_info(r->reason)->name));
	else if (r->who)
		explain_text(b, "token", SLICE("good"));
	else
		buf_adds(b, SLICE("\"token\":null"));
}

static void
add_suspension(struct buf *b, const struct request *r)
{
	static const char *const words[] = {
		[SUSPENSION_NONE] = "none",
		[SUSPENSION_IN_FORCE] = "suspended",
		[SUSPENSION_ASK] = "Redis would be asked",
		[SUSPENSION_UNKNOWN] = "not known",
		[SUSPENSION_MISFIT] = "the id is the name of another key",
	};

	if (r->who)
		explain_text(b, "suspension", slice_of(words[suspension_of(r->worker, r->who)]));
	else
		buf_adds(b, SLICE("\"suspension\":null"));
}

static void
add_claims(struct buf *b, const struct segment *rules)
{
	const struct table_claim *claim;

	buf_adds(b, SLICE("\"claims\":["));
	for (uint32_t i = 0; (claim = seg_at(rules, RULES_CLAIMS, i, sizeof *claim)) != NULL; i++) {
		buf_adds(b, i > 0 ? SLICE(",{") : SLICE("{"));
		explain_text(b, "claim", seg_string(rules, claim->claim));
		buf_addc(b, ',');
		explain_text(b, "header", seg_string(rules, claim->header));
		buf_addc(b, '}');
	}
	buf_addc(b, ']');
}

static void
add_gate(struct buf *b, const struct request *r)
{
	struct table_protection p;

	if (!r->table || !r->match_path.p) {
		buf_adds(b, SLICE("\"gate\":null"));
		return;
	}
	p = policies_protection(r);
	buf_adds(b, SLICE("\"gate\":{"));
	explain_bool(b, "protected", p.needed);
	buf_addc(b, ',');
	explain_bool(b, "overrules_route", p.needed && r->route_flags & ROUTE_OPEN);
	buf_addc(b, ',');
	add_gate_by(b, r, &p);
	buf_addc(b, ',');
	add_token(b, r, p.needed);
	buf_addc(b, ',');
	add_suspension(b, r);
	buf_addc(b, ',');
	explain_issuers(r, r->policy.issuers & p.issuers, b);
	buf_addc(b, ',');
	add_claims(b, rules_of(r));
	buf_addc(b, '}');
}

void
explain_report(const struct explained *e, struct buf *out)
{
	const struct snapshot *table = e->r->table ? e->r->table : e->r->worker->table;

	buf_addc(out, '{');
	add_request(out, e);
	buf_addc(out, ',');
	add_outcome(out, e);
	buf_addf(out, ",\"table\":%llu,\"worker\":%u,",
		 (unsigned long long)(table ? table->version : 0), e->r->worker->hello.slot);
	add_route(out, e->r);
	buf_addc(out, ',');
	explain_near(e->r, out);
	buf_addc(out, ',');
	add_gate(out, e->r);
	buf_addc(out, ',');
	explain_authorise(e->r, out);
	buf_addc(out, ',');
	explain_limits(e->r, out);
	buf_addc(out, ',');
	explain_credentials(e->r, out);
	buf_addc(out, ',');
	explain_hub(e->r, out);
	buf_addc(out, ',');
	explain_upstream(e, out);
	buf_addc(out, ',');
	explain_translation(e->r, out);
	buf_addc(out, ',');
	explain_heads(e, out);
	buf_addc(out, '}');
}
