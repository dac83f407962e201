/*
 * A node as JSON: what a setting keeps as it is, whatever stands in it. Of YAML a scalar without
 * quotes is a number, true, false or null where it would be one in JSON, and a text everywhere
 * else.
 */

#include "document.h"

#include "lib/buf.h"
#include "lib/json.h"

/* Would JSON take it for something else than a text? */
static bool
is_literal(const struct node *n)
{
	struct json *v = NULL;
	bool literal = n->plain && n->text.n > 0 && json_parse(n->text, n->text.n, 0, &v) == 0;

	json_free(v);
	return literal;
}

static void
write_scalar(const struct node *n, struct buf *out)
{
	if (is_literal(n))
		buf_adds(out, n->text);
	else if (node_is_null(n))
		buf_adds(out, SLICE("null"));
	else
		buf_add_json(out, n->text);
}

/* As deep as the tree is, which its maker has bounded. */
void
node_json(const struct node *n, struct buf *out)
{
	bool mapping = n->kind == NODE_MAPPING;

	if (n->kind == NODE_SCALAR) {
		write_scalar(n, out);
		return;
	}
	buf_addc(out, mapping ? '{' : '[');
	for (size_t i = 0; i < n->count; i++) {
		buf_adds(out, i ? SLICE(",") : SLICE(""));
		if (mapping) {
			buf_add_json(out, n->pairs[i].key->text);
			buf_addc(out, ':');
		}
		node_json(mapping ? n->pairs[i].value : n->items[i], out);
	}
	buf_addc(out, mapping ? '}' : ']');
}
