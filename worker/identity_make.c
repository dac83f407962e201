#include "identity_make.h"

#include "lib/arena.h"
#include "lib/json.h"
#include "lib/xalloc.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define CLAIM_MAX 4096 /* bytes of a claim's value in a header */

struct mapping {
	struct slice claim, header;
};

struct identity_maker {
	struct arena arena; /* of what the rules say */
	struct mapping *mapped;
	size_t mapped_count;
	struct slice *facts; /* by index */
	size_t facts_count;
	struct identity_builder builder;
	struct buf text; /* scratch */
};

struct identity_maker *
identity_maker_new(void)
{
	return xcalloc(1, sizeof(struct identity_maker));
}

void
identity_maker_free(struct identity_maker *m)
{
	if (!m)
		return;
	arena_deinit(&m->arena);
	identity_builder_deinit(&m->builder);
	buf_deinit(&m->text);
	free(m);
}

void
identity_maker_load(struct identity_maker *m, const struct segment *rules)
{
	uint32_t claims = seg_count(rules, RULES_CLAIMS), facts = seg_count(rules, RULES_FACTS);

	arena_reset(&m->arena);
	m->mapped = arena_calloc(&m->arena, (claims + 1) * sizeof *m->mapped);
	m->facts = arena_calloc(&m->arena, (facts + 1) * sizeof *m->facts);
	m->mapped_count = 0;
	m->facts_count = facts;
	for (uint32_t i = 0; i < claims; i++) {
		const struct table_claim *t = seg_at(rules, RULES_CLAIMS, i, sizeof *t);

		if (!t)
			continue;
		m->mapped[m->mapped_count++] = (struct mapping){
			.claim = arena_copy(&m->arena, seg_string(rules, t->claim)),
			.header = arena_copy(&m->arena, seg_string(rules, t->header)),
		};
	}
	for (uint32_t i = 0; i < facts; i++)
		m->facts[i] = arena_copy(&m->arena, table_fact(rules, i));
}

/* May this stand as it is in a header, and mean the same to everyone? No spaces at the ends:
 * readers take them off, and "admin " would be admin. */
static bool
value_is_usable(struct slice s)
{
	if (s.n == 0 || s.n > CLAIM_MAX || s.p[0] == ' ' || s.p[s.n - 1] == ' ')
		return false;
	return !slice_has_control(s);
}

static enum reason
add_headers(struct identity_maker *m, const struct json *claims)
{
	struct identity_builder *b = &m->builder;

	m->text.n = 0;
	for (size_t i = 0; i < m->mapped_count; i++) {
		struct slice value = json_text(json_find(claims, m->mapped[i].claim));

		if (!value_is_usable(value))
			return REASON_token_claim;
		if (i == 0)
			b->head.name = identity_add(b, value);
		buf_adds(&m->text, m->mapped[i].header);
		buf_adds(&m->text, SLICE(": "));
		buf_adds(&m->text, value);
		buf_adds(&m->text, SLICE("\r\n"));
	}
	b->head.headers = identity_add(b, buf_slice(&m->text));
	return REASON_none;
}

/* For a log, too: without control characters. */
static struct slice
printable(struct identity_maker *m, struct slice s)
{
	m->text.n = 0;
	for (size_t i = 0; i < s.n; i++)
		buf_addc(&m->text, (unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f ? '?' : s.p[i]);
	return buf_slice(&m->text);
}

/* What has no text is there, and nothing can be said of it. */
static void
add_fact(struct identity_maker *m, uint32_t fact, const struct json *v)
{
	char text[32];
	double number;

	switch (json_kind(v)) {
	case JSON_STRING:
		identity_add_value(&m->builder, fact, json_text(v));
		break;
	case JSON_TRUE:
		identity_add_value(&m->builder, fact, SLICE("true"));
		break;
	case JSON_FALSE:
		identity_add_value(&m->builder, fact, SLICE("false"));
		break;
	case JSON_NUMBER:
		if (!json_number(v, &number)) {
			identity_add_opaque(&m->builder, fact);
			break;
		}
		snprintf(text, sizeof text, "%.17g", number);
		identity_add_value(&m->builder, fact, slice_of(text));
		break;
	case JSON_ARRAY:
	case JSON_OBJECT:
		identity_add_opaque(&m->builder, fact);
		break;
	case JSON_NULL:
		break;
	}
}

static void
add_facts(struct identity_maker *m, const struct json *claims)
{
	for (uint32_t i = 0; i < m->facts_count; i++) {
		const struct json *v = json_find(claims, m->facts[i]);

		if (v && json_kind(v) != JSON_ARRAY)
			add_fact(m, i, v);
		for (v = v && json_kind(v) == JSON_ARRAY ? json_first(v) : NULL; v;
		     v = json_next(v))
			add_fact(m, i, v);
	}
}

static int64_t
date_of(const struct json *v)
{
	double seconds;

	if (!v || !json_number(v, &seconds) || fabs(seconds) > 9e15)
		return INT64_MIN;
	return (int64_t)seconds;
}

static struct identity_part
add_text(struct identity_builder *b, const struct json *v)
{
	return identity_add(b, v ? json_text(v) : SLICE(""));
}

enum reason
identity_make(struct identity_maker *m, const struct json *claims, enum identity_kind kind,
	      uint32_t issuer, int64_t until, const struct identity **out)
{
	struct identity_builder *b = &m->builder;
	enum reason reason;

	identity_begin(b, kind);
	b->head.issuer = issuer;
	b->head.until = until;
	b->head.issued = date_of(json_get(claims, "iat"));
	reason = add_headers(m, claims);
	if (reason != REASON_none)
		return reason;
	b->head.sub = add_text(b, json_get(claims, "sub"));
	b->head.sid = add_text(b, json_get(claims, "sid"));
	b->head.jti = add_text(b, json_get(claims, "jti"));
	if (m->mapped_count == 0)
		b->head.name = identity_add(b, printable(m, json_text(json_get(claims, "sub"))));
	add_facts(m, claims);
	*out = identity_end(b);
	return *out ? REASON_none : REASON_token_claim;
}
