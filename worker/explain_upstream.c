/*
 * The second half of an explanation: what an upstream has to offer, and what its endpoint would
 * get.
 */

#include "explain.h"
#include "gate.h"
#include "identity.h"
#include "load.h"
#include "look.h"
#include "worker.h"

#include <stdio.h>

#define ENDPOINTS_TOLD 64u /* of an upstream */

/* ---- the upstream ---- */

static void
add_health(struct buf *b, struct worker *w, const struct table_endpoint *e)
{
	static const char *const state[] = {
		[HEALTH_UNKNOWN] = "unknown",
		[HEALTH_ALIVE] = "alive",
		[HEALTH_DEAD] = "dead",
	};
	const struct board_health *h;
	uint64_t until;
	uint32_t is;

	if (!w->master_page || e->slot == 0 || e->slot >= BOARD_HEALTH) {
		buf_adds(b, SLICE("\"state\":\"unknown\",\"drained\":false,\"ejected_ms\":0,"
				  "\"in_flight\":null"));
		return;
	}
	h = &w->master_page->health[e->slot];
	is = board_get(&h->state);
	until = board_get(&h->ejected_until_ms);
	buf_addf(b, "\"state\":\"%s\",\"drained\":%s,\"ejected_ms\":%llu,\"in_flight\":",
		 state[is <= HEALTH_DEAD ? is : HEALTH_UNKNOWN],
		 board_get(&h->drained) ? "true" : "false",
		 (unsigned long long)(until > worker_now(w) ? until - worker_now(w) : 0));
	if (look_is_counted(e))
		buf_addf(b, "%llu", (unsigned long long)load_now(w, e->slot));
	else
		buf_adds(b, SLICE("null"));
}

static void
add_endpoints(struct buf *b, const struct explained *x, const struct table_upstream *up)
{
	const struct request *r = x->r;
	const struct segment *seg = r->table->segments[SEGMENT_ENDPOINTS];
	uint32_t told = up->count < ENDPOINTS_TOLD ? up->count : ENDPOINTS_TOLD;

	buf_addf(b, "\"count\":%u,\"endpoints\":[", up->count);
	for (uint32_t i = 0; i < told; i++) {
		const struct table_endpoint *e = table_endpoint(seg, up->first + i);

		if (!e)
			break;
		buf_adds(b, i > 0 ? SLICE(",{") : SLICE("{"));
		explain_text(b, "address", seg_string(seg, e->authority));
		buf_addf(b, ",\"weight\":%u,\"resolved\":%u,", e->weight, e->count);
		add_health(b, r->worker, e);
		buf_addc(b, ',');
		explain_bool(b, "picked", x->forwarded && r->endpoint == up->first + i);
		buf_addc(b, '}');
	}
	buf_addc(b, ']');
}

void
explain_upstream(const struct explained *e, struct buf *b)
{
	const struct request *r = e->r;
	const struct table_upstream *up = NULL;

	if (r->table && r->route != TRIE_NONE)
		up = table_upstream(r->table->segments[SEGMENT_ENDPOINTS], r->upstream_index);
	if (!up || (up->flags & UPSTREAM_ABSENT) || up->name.size == 0) { /* it leads nowhere */
		buf_adds(b, SLICE("\"upstream\":null"));
		return;
	}
	buf_adds(b, SLICE("\"upstream\":{"));
	explain_text(b, "name", seg_string(r->table->segments[SEGMENT_ENDPOINTS], up->name));
	buf_addc(b, ',');
	add_endpoints(b, e, up);
	buf_addc(b, '}');
}

/* ---- what it would get ---- */

void
explain_translation(const struct request *r, struct buf *b)
{
	const struct table_translation *t = NULL;

	if (r->action)
		t = table_translation(r->table->segments[SEGMENT_RULES],
				      r->action->translation - 1);
	if (!t) {
		buf_adds(b, SLICE("\"translation\":null"));
		return;
	}
	buf_addf(b, "\"translation\":{\"request\":%u,\"response\":%u,\"max\":%llu,",
		 t->request_count, t->response_count, (unsigned long long)t->max);
	explain_bool(b, "required", t->flags & TRANSLATION_REQUIRED);
	buf_addc(b, '}');
}

/* Without its CR LF. */
static struct slice
next_line(struct slice *rest)
{
	struct slice line = slice_cut(*rest, '\n', rest);

	line.n -= line.n > 0 && line.p[line.n - 1] == '\r';
	return line;
}

/* Does it come from a token, or is it one? */
static bool
is_secret(const struct request *r, struct slice name)
{
	const struct gate_headers *own = gate_headers(r->worker->gate);
	struct slice rest = identity_headers(r->who);

	if (slice_ieq(name, SLICE("Authorization")) || slice_ieq(name, SLICE("Cookie")) ||
	    (own->token.n && slice_ieq(name, own->token)) ||
	    (own->api_key.n && slice_ieq(name, own->api_key)) || explain_is_credential(r, name))
		return true;
	while (rest.p && rest.n > 0) {
		struct slice line = next_line(&rest), value;

		if (slice_ieq(slice_cut(line, ':', &value), name))
			return true;
	}
	return false;
}

static void
add_field(struct buf *b, const struct request *r, struct slice line)
{
	struct slice value, name = slice_cut(line, ':', &value);
	char redacted[40];

	value = slice_trim(value);
	if (is_secret(r, name))
		value = slice_make(redacted, (size_t)snprintf(redacted, sizeof redacted,
							      "<redacted-%zu-chars>", value.n));
	buf_addc(b, '{');
	explain_text(b, "name", name);
	buf_addc(b, ',');
	explain_text(b, "value", value);
	buf_addc(b, '}');
}

/* What stands in worker->head: for the endpoint, or for the client. */
static void
add_head(struct buf *b, const struct request *r)
{
	struct slice rest = buf_slice(&r->worker->head), line = next_line(&rest);
	bool first = true;

	buf_addc(b, '{');
	explain_text(b, "line", line);
	buf_adds(b, SLICE(",\"headers\":["));
	for (line = next_line(&rest); line.n > 0; line = next_line(&rest)) {
		if (!first)
			buf_addc(b, ',');
		first = false;
		add_field(b, r, line);
	}
	buf_adds(b, SLICE("]}"));
}

void
explain_heads(const struct explained *e, struct buf *b)
{
	buf_adds(b, SLICE("\"sent\":"));
	if (e->forwarded)
		add_head(b, e->r);
	else
		buf_adds(b, SLICE("null"));
	buf_adds(b, SLICE(",\"answer\":"));
	if (e->r->started)
		add_head(b, e->r);
	else
		buf_adds(b, SLICE("null"));
}
