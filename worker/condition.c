#include "condition.h"

#include "patterns.h"
#include "tls_front.h"

#include "lib/pattern.h"
#include "lib/uri.h"

/* One question: a condition, and what it is asked of. */
struct question {
	struct request *r;
	uint32_t index;
	const struct table_condition *c;
	struct slice name, value; /* of the condition */
};

/* PATTERN_*, whatever the condition compares by. */
static int
value_matches(const struct question *q, struct slice value)
{
	switch (q->c->how) {
	case CONDITION_PRESENT:
		return PATTERN_YES;
	case CONDITION_EQUAL:
		return slice_eq(value, q->value) ? PATTERN_YES : PATTERN_NO;
	case CONDITION_PREFIX:
		return slice_starts(value, q->value) ? PATTERN_YES : PATTERN_NO;
	default:
		return patterns_match(q->r->worker, q->r->table->patterns[q->index], q->value,
				      value, &q->r->pattern_work);
	}
}

static int
header_matches(const struct question *q)
{
	const struct http_parser *in = &q->r->in;

	for (uint16_t i = 0; i < in->fields_n; i++) {
		const struct http_field *f = &in->fields[i];
		int r;

		if (!slice_ieq(http_name(in, f), q->name))
			continue;
		r = value_matches(q, http_value(in, f));
		if (r != PATTERN_NO)
			return r;
	}
	return PATTERN_NO;
}

static int
query_matches(const struct question *q)
{
	struct slice query = request_query(q->r), rest;
	struct buf BUF_CLEAN space = { 0 };

	if (query.n == 0)
		return PATTERN_NO;
	buf_reserve(&space, query.n);
	rest = slice_make(query.p + 1, query.n - 1);
	while (rest.n > 0) {
		struct slice value, one = slice_cut(rest, '&', &rest);
		struct slice name = slice_cut(one, '=', &value);
		int r;

		if (one.n == 0 || !slice_eq(uri_unescape_form(name, space.p), q->name))
			continue;
		r = value_matches(q, uri_unescape_form(value.p ? value : SLICE(""), space.p));
		if (r != PATTERN_NO)
			return r;
	}
	return PATTERN_NO;
}

/* Of who showed none that could be verified nothing is known. */
static int
certificate_matches(const struct question *q)
{
	const struct tls_peer *peer = tls_front_peer(q->r);
	struct slice value;

	for (unsigned i = 0; peer && (value = tls_peer_fact(peer, q->c->fact, i)).p; i++) {
		int r = value_matches(q, value);

		if (r != PATTERN_NO)
			return r;
	}
	return PATTERN_NO;
}

static int
matches_of(const struct question *q, struct slice path)
{
	switch (q->c->kind) {
	case CONDITION_HEADER:
		return header_matches(q);
	case CONDITION_QUERY:
		return query_matches(q);
	case CONDITION_CERTIFICATE:
		return certificate_matches(q);
	default:
		return value_matches(q, path);
	}
}

bool
condition_test(const struct table_key *key, uint32_t condition)
{
	struct request *r = key->userdata;
	const struct segment *rules = r->table->segments[SEGMENT_RULES];
	struct question q = { .r = r, .index = condition };
	int matches;

	if (r->unjudged)
		return false;
	q.c = table_condition(rules, condition);
	q.name = seg_string(rules, q.c->name);
	q.value = seg_string(rules, q.c->value);
	matches = matches_of(&q, key->path);
	if (matches == PATTERN_LIMIT) {
		r->unjudged = true;
		r->field =
		    arena_copy(&r->arena, q.c->kind == CONDITION_HEADER ? q.name : SLICE(""));
		return false;
	}
	return (matches == PATTERN_YES) != (q.c->negated != 0);
}
