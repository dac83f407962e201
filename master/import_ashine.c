/*
 * a-shine's gateway.conf.yaml as rules: its services, as the gateway takes them from that file.
 * What it says beside them is none of a store's.
 */

#include "import.h"

#include "ashine.h"
#include "rules.h"

#include "lib/json.h"

#define NAME_MAX_BYTES 100

/* What the translation made of texts is a number or a truth again where JSON has those. */
static void
unquote(struct node *n)
{
	struct json *v = NULL;

	if (n->kind == NODE_SCALAR && json_parse(n->text, RULE_MAX, 0, &v) == 0)
		n->plain = true;
	json_free(v);
	for (size_t i = 0; n->kind == NODE_LIST && i < n->count; i++)
		unquote(n->items[i]);
	for (size_t i = 0; n->kind == NODE_MAPPING && i < n->count; i++)
		unquote(n->pairs[i].value);
}

/* Its own, else what its path is made of; one that no other has. */
static void
find_name(const struct rules *rules, const struct node *route, struct buf *out)
{
	const struct node *given = node_get(route, SLICE("name"));
	const struct node *path = given ? given : node_get(route, SLICE("path"));
	size_t mark;

	for (size_t i = 0; i < path->text.n && out->n < NAME_MAX_BYTES; i++) {
		char c = path->text.p[i], lower = ascii_lower(c);
		bool fit = (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
			   c == '_' || c == '-';

		if (out->n > 0 || fit)
			buf_addc(out, fit ? c : '-');
	}
	if (out->n == 0)
		buf_adds(out, SLICE("root"));
	mark = out->n;
	for (unsigned n = 2; rules_native_find(rules, NATIVE_ROUTE, buf_slice(out)); n++) {
		out->n = mark;
		buf_addf(out, "-%u", n);
	}
}

/* Was it there? */
static bool
take_out(struct node *mapping, struct slice key)
{
	for (size_t i = 0; i < mapping->count; i++) {
		if (!slice_eq(mapping->pairs[i].key->text, key))
			continue;
		mapping->count--;
		memmove(&mapping->pairs[i], &mapping->pairs[i + 1],
			(mapping->count - i) * sizeof *mapping->pairs);
		return true;
	}
	return false;
}

static void
add_route(struct config_reader *r, struct node *route, struct rules *rules)
{
	struct buf BUF_CLEAN name = { 0 }, json = { 0 }, key = { 0 };
	const struct rules_refusal *refusal;

	find_name(rules, route, &name);
	(void)take_out(route, SLICE("name"));
	if (take_out(route, SLICE("cascade")))
		mistakes_add(&r->mistakes, true, route->line, "gateway.services",
			     "no rule of a store has its service told of deleted users; a route of "
			     "yett.yaml with cascade: true does");
	unquote(route);
	node_json(route, &json);
	if (rules_set_native(rules, NATIVE_ROUTE, buf_slice(&name), buf_slice(&json)) >= 0)
		return;
	buf_adds(&key, rules_native_prefix(NATIVE_ROUTE));
	buf_adds(&key, buf_slice(&name));
	refusal = rules_refusal_find(rules, buf_slice(&key));
	mistakes_add(&r->mistakes, false, route->line, "gateway.services", "%s",
		     refusal ? refusal->reason : "it cannot be stored");
}

static void
add_all(struct config_reader *r, const struct node *root, struct rules *rules)
{
	const struct node *routes = node_get(root, SLICE("routes"));

	for (size_t i = 0; i < root->count; i++) {
		const struct node *key = root->pairs[i].key;

		if (root->pairs[i].value != routes)
			mistakes_add(&r->mistakes, true, root->pairs[i].value->line, key->text.p,
				     "it is no rule; write it into yett.yaml as yett check "
				     "--effective shows it");
	}
	for (size_t i = 0; routes && i < routes->count; i++)
		add_route(r, routes->items[i], rules);
}

void
import_ashine(struct slice text, const char *file, struct rules *rules, struct buf *report)
{
	struct config c = { 0 };
	struct config_reader r = { .c = &c, .env = { &c.arena, "/" }, .file = file };
	struct document_error error;
	struct document d;

	if (document_parse(&d, text, &error) < 0)
		buf_addf(report, "%s:%d: %s\n", file, error.line, error.text);
	else if (!node_get(d.root, SLICE("gateway")))
		buf_addf(report, "%s:1: there is no gateway: in it; name a gateway.conf.yaml\n",
			 file);
	else
		add_all(&r, ashine_translate(&r, d.root), rules);
	mistakes_write(&r.mistakes, file, report);
	config_reader_deinit(&r);
	document_deinit(&d);
	arena_deinit(&c.arena);
}
