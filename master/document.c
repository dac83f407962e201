#include "document.h"

#include "lib/slice.h"

#include <errno.h>
#include <stdio.h>
#include <yaml.h>

struct conversion {
	struct document *d;
	struct document_error *error;
};

static int
fail(struct document_error *error, yaml_mark_t mark, const char *text)
{
	error->line = (int)mark.line + 1;
	error->column = (int)mark.column + 1;
	snprintf(error->text, sizeof error->text, "%s", text);
	return -EBADMSG;
}

/* A frequent cause, where the text at the mark shows one. */
static const char *
hint_of(struct slice text, const yaml_parser_t *p)
{
	struct slice rest = text, line = slice_cut(rest, '\n', &rest);
	const char *problem = p->problem ? p->problem : "";

	for (size_t i = 0; i < p->problem_mark.line && rest.p; i++)
		line = slice_cut(rest, '\n', &rest);
	if (line.n && memchr(line.p, '\t', line.n))
		return "; indent with spaces, a tab cannot stand there";
	if (strstr(problem, "alphabetic or numeric"))
		return "; a text that begins with * or & needs quotes";
	if (strstr(problem, "mapping values are not allowed"))
		return "; a text with \": \" in it needs quotes, or the line above is indented "
		       "otherwise";
	if (strstr(problem, "cannot start any token"))
		return "; put the text in quotes";
	if (strstr(problem, "block end") || strstr(problem, "expected key") ||
	    strstr(problem, "block mapping"))
		return "; check the indentation of this line and the one above";
	if (strstr(problem, "',' or"))
		return "; close the bracket, or put a comma between the elements";
	if (strstr(problem, "undefined alias"))
		return "; define it above with &NAME";
	return "; mend the syntax there";
}

static int
syntax_error(struct slice text, const yaml_parser_t *p, struct document_error *error)
{
	char message[256];
	yaml_mark_t mark = p->problem_mark;

	if (p->error == YAML_READER_ERROR) {
		mark = (yaml_mark_t){ 0 };
		for (size_t i = 0; i < p->problem_offset && i < text.n; i++) {
			mark.column = text.p[i] == '\n' ? 0 : mark.column + 1;
			mark.line += text.p[i] == '\n';
		}
		return fail(error, mark, "the text is not UTF-8; save the file as UTF-8");
	}
	snprintf(message, sizeof message, "%s%s%s%s",
		 p->problem ? p->problem : "the text is not YAML", p->context ? " " : "",
		 p->context ? p->context : "", hint_of(text, p));
	return fail(error, mark, message);
}

static int
convert_scalar(struct conversion *c, const yaml_node_t *from, struct node *to)
{
	struct slice text = { (const char *)from->data.scalar.value, from->data.scalar.length };

	to->kind = NODE_SCALAR;
	to->plain = from->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	if (text.n && memchr(text.p, '\0', text.n))
		return fail(c->error, from->start_mark, "a text holds a NUL byte; remove it");
	to->text = slice_make(arena_string(&c->d->arena, text), text.n);
	return 0;
}

static void
convert_children(struct conversion *c, const yaml_node_t *from, struct node *to)
{
	if (from->type == YAML_SEQUENCE_NODE) {
		const yaml_node_item_t *item = from->data.sequence.items.start;

		to->kind = NODE_LIST;
		to->count = (size_t)(from->data.sequence.items.top - item);
		to->items = arena_alloc(&c->d->arena, (to->count + 1) * sizeof *to->items);
		for (size_t i = 0; i < to->count; i++)
			to->items[i] = &c->d->nodes[item[i] - 1];
		return;
	}
	const yaml_node_pair_t *pair = from->data.mapping.pairs.start;

	to->kind = NODE_MAPPING;
	to->count = (size_t)(from->data.mapping.pairs.top - pair);
	to->pairs = arena_alloc(&c->d->arena, (to->count + 1) * sizeof *to->pairs);
	for (size_t i = 0; i < to->count; i++)
		to->pairs[i] = (struct node_pair){ &c->d->nodes[pair[i].key - 1],
						   &c->d->nodes[pair[i].value - 1] };
}

static int
convert(struct conversion *c, yaml_document_t *y)
{
	struct document *d = c->d;

	d->nodes_count = (size_t)(y->nodes.top - y->nodes.start);
	d->nodes = arena_calloc(&d->arena, (d->nodes_count + 1) * sizeof *d->nodes);
	for (size_t i = 0; i < d->nodes_count; i++) {
		const yaml_node_t *from = &y->nodes.start[i];

		d->nodes[i].line = (int)from->start_mark.line + 1;
		if (from->tag && strncmp((const char *)from->tag, "tag:yaml.org,2002:", 18) != 0)
			return fail(c->error, from->start_mark,
				    "tags of your own are not understood; remove the one here");
		if (from->type != YAML_SCALAR_NODE)
			convert_children(c, from, &d->nodes[i]);
		else if (convert_scalar(c, from, &d->nodes[i]) < 0)
			return -EBADMSG;
	}
	d->root = d->nodes_count ? &d->nodes[0] : NULL;
	return 0;
}

/* Counts what the tree is with its aliases expanded; an alias inside of what it names is endlessly
 * deep. */
static int
measure(struct conversion *c, const struct node *n, unsigned depth, size_t *left)
{
	yaml_mark_t mark = { .line = (size_t)n->line - 1 };
	size_t children = n->kind == NODE_MAPPING ? 2 * n->count
			  : n->kind == NODE_LIST  ? n->count
						  : 0;

	if (depth > DOCUMENT_DEPTH)
		return fail(c->error, mark,
			    "nested deeper than 64 levels; is an alias inside of what it names?");
	if (*left <= children)
		return fail(c->error, mark,
			    "more than 1000000 values; remove aliases of large parts");
	*left -= children;
	for (size_t i = 0; i < n->count && children > 0; i++) {
		const struct node *first = n->kind == NODE_MAPPING ? n->pairs[i].key : n->items[i];

		if (measure(c, first, depth + 1, left) < 0)
			return -EBADMSG;
		if (n->kind == NODE_MAPPING && measure(c, n->pairs[i].value, depth + 1, left) < 0)
			return -EBADMSG;
	}
	return 0;
}

static void
wipe(yaml_document_t *y)
{
	for (yaml_node_t *n = y->nodes.start; n < y->nodes.top; n++) {
		if (n->type == YAML_SCALAR_NODE)
			explicit_bzero(n->data.scalar.value, n->data.scalar.length);
	}
}

/* A second document in the file would be silently left out. */
static int
expect_end(struct slice text, yaml_parser_t *p, struct document_error *error)
{
	yaml_document_t second;
	yaml_mark_t mark;
	int r = 0;

	if (!yaml_parser_load(p, &second))
		return syntax_error(text, p, error);
	mark = second.start_mark;
	if (yaml_document_get_root_node(&second))
		r = fail(
		    error, mark,
		    "a second document begins here; there can be only one, remove the \"---\"");
	wipe(&second);
	yaml_document_delete(&second);
	return r;
}

int
document_parse(struct document *d, struct slice text, struct document_error *error)
{
	struct conversion c = { .d = d, .error = error };
	size_t left = DOCUMENT_NODES;
	yaml_parser_t p;
	yaml_document_t y;
	int r;

	*d = (struct document){ 0 };
	if (!yaml_parser_initialize(&p))
		return fail(error, (yaml_mark_t){ 0 }, "no memory; is the file very large?");
	yaml_parser_set_encoding(&p, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&p, (const unsigned char *)(text.p ? text.p : ""), text.n);
	if (!yaml_parser_load(&p, &y)) {
		r = syntax_error(text, &p, error);
		yaml_parser_delete(&p);
		return r;
	}
	r = convert(&c, &y);
	if (r == 0 && d->root)
		r = measure(&c, d->root, 0, &left);
	if (r == 0 && d->root)
		r = expect_end(text, &p, error);
	wipe(&y);
	yaml_document_delete(&y);
	yaml_parser_delete(&p);
	return r;
}

void
document_deinit(struct document *d)
{
	for (size_t i = 0; i < d->nodes_count; i++) {
		if (d->nodes[i].text.n)
			explicit_bzero((char *)d->nodes[i].text.p, d->nodes[i].text.n);
	}
	arena_deinit(&d->arena);
	*d = (struct document){ 0 };
}

const struct node *
node_get(const struct node *n, struct slice key)
{
	for (size_t i = 0; n && n->kind == NODE_MAPPING && i < n->count; i++) {
		const struct node *k = n->pairs[i].key;

		if (k->kind == NODE_SCALAR && slice_eq(k->text, key))
			return n->pairs[i].value;
	}
	return NULL;
}

const struct node *
node_at(const struct node *n, struct slice path)
{
	while (n && path.p)
		n = node_get(n, slice_cut(path, '.', &path));
	return n;
}

bool
node_is_null(const struct node *n)
{
	return n->kind == NODE_SCALAR && n->plain &&
	       (n->text.n == 0 || slice_eq(n->text, SLICE("~")) ||
		slice_eq(n->text, SLICE("null")));
}
