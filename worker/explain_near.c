/*
 * The routes that an explanation calls near: each one on the way that was not taken, and the clause
 * in which it failed. The same search is asked that found the route, told to note them.
 */

#include "explain.h"

#define NEAR_MAX 32u /* told of one request */

struct near {
	struct table_key key;
	struct buf *out;
	const struct segment *rules;
	uint32_t count;
};

static const struct {
	const char *clause, *text;
} misses[] = {
	[MISS_EXACT] = { "path", "it is for its path alone, and the request's goes on" },
	[MISS_ORDER] = { "priority", "another one of the same place comes first" },
	[MISS_PATH] = { "path", "another one has a longer path" },
	[MISS_HOST] = { "host", "another one has a nearer host" },
};

static const char *const kinds[] = {
	[CONDITION_METHODS] = "method",
	[CONDITION_HEADER] = "header",
	[CONDITION_QUERY] = "query",
	[CONDITION_PATH] = "path_regex",
	[CONDITION_CERTIFICATE] = "client_certificate",
};

static void
add_condition(struct buf *b, const struct segment *rules, const struct table_condition *c)
{
	static const char *const hows[] = {
		[CONDITION_PRESENT] = "present",
		[CONDITION_EQUAL] = "value",
		[CONDITION_PREFIX] = "prefix",
		[CONDITION_REGEX] = "regex",
	};

	explain_text(b, "clause", slice_of(c->kind <= CONDITION_CERTIFICATE ? kinds[c->kind] : ""));
	if (c->kind == CONDITION_METHODS) {
		buf_adds(b, SLICE(",\"methods\":"));
		explain_methods(c->methods, b);
		return;
	}
	buf_addc(b, ',');
	explain_text(b, "name", seg_string(rules, c->name));
	buf_addc(b, ',');
	explain_bool(b, "not", c->negated);
	if (c->how > CONDITION_REGEX)
		return;
	buf_addc(b, ',');
	explain_text(b, hows[c->how], seg_string(rules, c->value));
}

static void
on_miss(const struct table_key *key, uint32_t route, enum table_miss why, uint32_t condition)
{
	struct near *near = container_of(key, struct near, key);
	const struct table_route *r = table_route(near->rules, route);
	const struct table_condition *c = table_condition(near->rules, condition);

	if (!r || near->count++ >= NEAR_MAX)
		return;
	buf_adds(near->out, near->count > 1 ? SLICE(",{") : SLICE("{"));
	explain_route(near->rules, r, near->out);
	buf_addc(near->out, ',');
	if (why == MISS_CONDITION && c) {
		add_condition(near->out, near->rules, c);
	} else {
		explain_text(near->out, "clause", slice_of(misses[why].clause));
		buf_addc(near->out, ',');
		explain_text(near->out, "text", slice_of(misses[why].text));
	}
	buf_addc(near->out, '}');
}

void
explain_near(struct request *r, struct buf *out)
{
	struct near near = { .out = out };
	struct table_match match;

	buf_adds(out, SLICE("\"near\":["));
	if (r->table && r->match_path.p) {
		near.rules = r->table->segments[SEGMENT_RULES];
		route_key(r, r->match_path, &near.key);
		near.key.method = r->route_method;
		near.key.note = on_miss;
		table_find(near.rules, &near.key, &match);
	}
	buf_adds(out, SLICE("]"));
}
