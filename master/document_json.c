/*
 * document_json: JSON as a tree of the same nodes as YAML's, so that whoever reads the one reads
 * the other. Not through the YAML parser: JSON is nearly, but not quite, a part of YAML.
 */

#include "document.h"

#include "lib/buf.h"
#include "lib/json.h"

#include <errno.h>
#include <math.h>

struct growth {
	struct document *d;
	size_t used; /* of d->nodes */
};

static size_t
count_nodes(const struct json *v)
{
	size_t n = 1;

	for (const struct json *i = json_first(v); i; i = json_next(i))
		n += count_nodes(i) + (json_name(i).p != NULL);
	return n;
}

static struct node *
take(struct growth *g, enum node_kind kind)
{
	struct node *n = &g->d->nodes[g->used++];

	n->kind = kind;
	return n;
}

static struct node *
take_text(struct growth *g, struct slice text, bool plain)
{
	struct node *n = take(g, NODE_SCALAR);

	n->plain = plain;
	n->text = slice_make(arena_string(&g->d->arena, text), text.n);
	return n;
}

static struct node *
take_number(struct growth *g, const struct json *v)
{
	struct buf BUF_CLEAN text = { 0 };
	double number = 0;
	bool whole;

	if (!json_number(v, &number)) /* beyond a double; no setting takes it for a number */
		return take_text(g, SLICE("beyond all numbers"), true);
	whole = fabs(number) < 1e15 && !(fabs(number - (double)(int64_t)number) > 0);
	if (!whole)
		return take_text(g, json_number_text(v), true);
	buf_addf(&text, "%.0f", number);
	return take_text(g, buf_slice(&text), true);
}

static struct node *grow(struct growth *g, const struct json *v);

static struct node *
grow_children(struct growth *g, const struct json *v)
{
	bool object = json_kind(v) == JSON_OBJECT;
	struct node *n = take(g, object ? NODE_MAPPING : NODE_LIST);
	size_t i = 0;

	for (const struct json *c = json_first(v); c; c = json_next(c))
		n->count++;
	if (object)
		n->pairs = arena_alloc(&g->d->arena, (n->count + 1) * sizeof *n->pairs);
	else
		n->items = arena_alloc(&g->d->arena, (n->count + 1) * sizeof *n->items);
	for (const struct json *c = json_first(v); c; c = json_next(c), i++) {
		if (object)
			n->pairs[i].key = take_text(g, json_name(c), false);
		*(object ? &n->pairs[i].value : &n->items[i]) = grow(g, c);
	}
	return n;
}

/* As deep as the JSON is, which json_parse has bounded. */
static struct node *
grow(struct growth *g, const struct json *v)
{
	switch (json_kind(v)) {
	case JSON_NULL:
		return take_text(g, SLICE("null"), true);
	case JSON_FALSE:
		return take_text(g, SLICE("false"), true);
	case JSON_TRUE:
		return take_text(g, SLICE("true"), true);
	case JSON_NUMBER:
		return take_number(g, v);
	case JSON_STRING:
		return take_text(g, json_text(v), false);
	case JSON_ARRAY:
	case JSON_OBJECT:
		break;
	}
	return grow_children(g, v);
}

int
document_json(struct document *d, struct slice text, size_t bytes_max, unsigned depth_max)
{
	struct growth g = { .d = d };
	struct json *root;
	int r = json_parse_exact(text, bytes_max, depth_max, &root);

	*d = (struct document){ 0 };
	if (r < 0)
		return r;
	d->nodes_count = count_nodes(root);
	d->nodes = arena_calloc(&d->arena, d->nodes_count * sizeof *d->nodes);
	d->root = grow(&g, root);
	json_free(root);
	return 0;
}
