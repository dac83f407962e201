#include "identity_make.h"

#include "lib/arena.h"
#include "lib/base64.h"
#include "lib/json.h"
#include "lib/xalloc.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define CLAIM_MAX 4096 /* bytes of a claim's value in a header */

struct mapping {
	struct slice claim, header;
	enum claim_format format;
	bool optional;
};

enum worth { /* what a claim is as a header */
	     WORTH_A_HEADER,
	     WORTH_ABSENT,
	     WORTH_NOTHING /* it is there, and cannot be one */
};

struct identity_maker {
	struct arena arena; /* of what the rules say */
	struct mapping *mapped;
	size_t mapped_count;
	struct slice *facts; /* by index */
	size_t facts_count;
	struct identity_builder builder;
	struct buf text, value; /* scratch */
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
	buf_deinit(&m->value);
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
			.format = (enum claim_format)t->format,
			.optional = t->optional != 0,
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

/* Texts with commas between. One with a comma in it would be two to whoever reads the header. */
static enum worth
write_list(const struct json *list, struct buf *out)
{
	for (const struct json *v = json_first(list); v; v = json_next(v)) {
		struct slice text = json_text(v);

		if (text.n == 0 || memchr(text.p, ',', text.n))
			return WORTH_NOTHING;
		buf_adds(out, out->n ? SLICE(",") : SLICE(""));
		buf_adds(out, text);
	}
	return out->n ? WORTH_A_HEADER : WORTH_ABSENT;
}

static enum worth
write_text(const struct json *v, struct buf *out)
{
	if (json_kind(v) == JSON_ARRAY)
		return write_list(v, out);
	buf_adds(out, json_text(v));
	return json_kind(v) == JSON_STRING ? WORTH_A_HEADER : WORTH_NOTHING;
}

static enum worth
write_value(struct identity_maker *m, enum claim_format format, const struct json *v)
{
	struct buf *out = &m->value;
	struct buf BUF_CLEAN json = { 0 };

	out->n = 0;
	if (!v || json_kind(v) == JSON_NULL)
		return WORTH_ABSENT;
	switch (format) {
	case CLAIM_TEXT:
		return write_text(v, out);
	case CLAIM_JSON:
		json_write(v, out);
		break;
	case CLAIM_BASE64:
		json_write(v, &json);
		buf_reserve(out, base64_size(json.n));
		out->n = base64_encode(buf_slice(&json), out->p);
		break;
	}
	return WORTH_A_HEADER;
}

/* Whoever is named first, and in words. */
static void
take_name(struct identity_maker *m, const struct mapping *mapped, const struct json *v)
{
	struct slice text = mapped->format == CLAIM_TEXT ? buf_slice(&m->value) : json_text(v);

	if (m->builder.head.name.n == 0 && value_is_usable(text))
		m->builder.head.name = identity_add(&m->builder, text);
}

static enum reason
add_headers(struct identity_maker *m, const struct json *claims)
{
	m->text.n = 0;
	for (size_t i = 0; i < m->mapped_count; i++) {
		const struct mapping *mapped = &m->mapped[i];
		const struct json *v = json_find(claims, mapped->claim);
		enum worth worth = write_value(m, mapped->format, v);

		if (worth == WORTH_ABSENT && mapped->optional)
			continue;
		if (worth != WORTH_A_HEADER || !value_is_usable(buf_slice(&m->value)))
			return REASON_token_claim;
		take_name(m, mapped, v);
		buf_adds(&m->text, mapped->header);
		buf_adds(&m->text, SLICE(": "));
		buf_adds(&m->text, buf_slice(&m->value));
		buf_adds(&m->text, SLICE("\r\n"));
	}
	m->builder.head.headers = identity_add(&m->builder, buf_slice(&m->text));
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
	if (b->head.name.n == 0)
		b->head.name = identity_add(b, printable(m, json_text(json_get(claims, "sub"))));
	add_facts(m, claims);
	*out = identity_end(b);
	return *out ? REASON_none : REASON_token_claim;
}
