#include "node.h"

#include <stdint.h>

struct node *
node_new(struct arena *arena, enum node_kind kind, int line, size_t room)
{
	struct node *n = arena_calloc(arena, sizeof *n);

	*n = (struct node){ .kind = kind, .line = line };
	if (kind == NODE_MAPPING)
		n->pairs = arena_calloc(arena, (room + 1) * sizeof *n->pairs);
	if (kind == NODE_LIST)
		n->items = arena_calloc(arena, (room + 1) * sizeof *n->items);
	return n;
}

struct node *
node_scalar(struct arena *arena, struct slice text, int line)
{
	struct node *n = node_new(arena, NODE_SCALAR, line, 0);

	n->text = slice_make(arena_string(arena, text), text.n);
	return n;
}

void
node_push(struct node *list, const struct node *item)
{
	list->items[list->count++] = (struct node *)(uintptr_t)item;
}

void
node_put(struct arena *arena, struct node *mapping, const char *key, const struct node *value)
{
	mapping->pairs[mapping->count++] =
	    (struct node_pair){ node_scalar(arena, slice_of(key), value->line),
				(struct node *)(uintptr_t)value };
}
