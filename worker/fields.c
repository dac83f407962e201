#include "fields.h"

#include "identity.h"

#include "lib/cookie.h"

static const struct slice none = { NULL, 0 };

struct slice
fields_header(const struct request *r, struct slice name)
{
	for (uint16_t i = 0; i < r->in.fields_n; i++) {
		if (slice_ieq(http_name(&r->in, &r->in.fields[i]), name))
			return http_value(&r->in, &r->in.fields[i]);
	}
	return none;
}

struct slice
fields_cookie(const struct request *r, struct slice name)
{
	for (uint16_t i = 0; i < r->in.fields_n; i++) {
		const struct http_field *f = &r->in.fields[i];
		struct slice value =
		    f->id == HTTP_COOKIE ? cookie_find(http_value(&r->in, f), name) : none;

		if (value.p)
			return value;
	}
	return none;
}

/* The value in a line "Name: value" of those that the gate made. */
static struct slice
gate_header(struct slice lines, struct slice name)
{
	while (lines.n > 0) {
		struct slice value, end, line = slice_cut(lines, '\n', &lines);
		struct slice field = slice_cut(slice_cut(line, '\r', &end), ':', &value);

		if (slice_ieq(field, name))
			return slice_trim(value);
	}
	return none;
}

struct slice
fields_claim(const struct request *r, struct slice claim)
{
	const struct segment *rules = r->table->segments[SEGMENT_RULES];
	const struct table_claim *c;

	for (uint32_t i = 0; (c = seg_at(rules, RULES_CLAIMS, i, sizeof *c)) != NULL; i++) {
		if (slice_eq(seg_string(rules, c->claim), claim))
			return gate_header(identity_headers(r->who), seg_string(rules, c->header));
	}
	return none;
}
