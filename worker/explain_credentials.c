/*
 * What a route tells its upstream of who asks: by their names, never what they are.
 */

#include "explain.h"

/* Among these lines? */
static bool
has_field(struct slice lines, struct slice name)
{
	while (lines.p && lines.n > 0) {
		struct slice value, line = slice_cut(lines, '\n', &lines);

		if (slice_ieq(slice_cut(line, ':', &value), name))
			return true;
	}
	return false;
}

bool
explain_is_credential(const struct request *r, struct slice name)
{
	return has_field(r->credentials, name);
}

static void
add_credential(const struct request *r, const struct table_credential *c, struct buf *b)
{
	const struct segment *rules = r->table->segments[SEGMENT_RULES];
	const struct table_provider *provider = table_provider(rules, c->provider);
	struct slice field = seg_string(rules, c->field);

	buf_addc(b, '{');
	explain_text(b, "header", field);
	buf_addc(b, ',');
	explain_text(b, "value", slice_of(table_credential_name(c->value)));
	buf_addc(b, ',');
	explain_text(b, "provider", provider ? seg_string(rules, provider->name) : SLICE(""));
	buf_addc(b, ',');
	explain_bool(b, "required", c->required != 0);
	buf_addc(b, ',');
	explain_bool(b, "told", explain_is_credential(r, field));
	buf_addc(b, '}');
}

void
explain_credentials(const struct request *r, struct buf *b)
{
	const struct segment *rules = r->table ? r->table->segments[SEGMENT_RULES] : NULL;
	const struct table_route *route = rules ? table_route(rules, r->route) : NULL;
	const struct table_shape *shape = route ? table_shape(rules, route) : NULL;

	buf_adds(b, SLICE("\"credentials\":["));
	for (uint32_t i = 0; shape && i < shape->credentials_count; i++) {
		const struct table_credential *c = table_credential(rules, shape->credentials + i);

		if (!c)
			break;
		buf_adds(b, i > 0 ? SLICE(",") : SLICE(""));
		add_credential(r, c, b);
	}
	buf_addc(b, ']');
}
