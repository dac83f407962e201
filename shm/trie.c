#include "trie.h"

#include "hash.h"
#include "lib/xalloc.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define COPY UINT32_MAX /* the path is not among the strings yet */

/* Takes the next segment off the path; false at its end. */
static bool
path_next(struct slice *rest, struct slice *text)
{
	const char *end;

	if (rest->n == 0 || rest->p[0] != '/')
		return false;
	while (rest->n > 0 && rest->p[0] == '/') {
		rest->p++;
		rest->n--;
	}
	if (rest->n == 0)
		return false;
	end = memchr(rest->p, '/', rest->n);
	*text = slice_make(rest->p, end ? (size_t)(end - rest->p) : rest->n);
	rest->p += text->n;
	rest->n -= text->n;
	return true;
}

void
trie_builder_init(struct trie_builder *t, struct seg_builder *seg, unsigned nodes_section,
		  unsigned edges_section)
{
	*t = (struct trie_builder){ .seg = seg, .nodes = nodes_section, .edges = edges_section };
}

void
trie_builder_deinit(struct trie_builder *t)
{
	free(t->slots);
	t->slots = NULL;
	t->cap = t->count = 0;
}

static uint32_t
node_add(struct trie_builder *t, uint32_t parent, struct seg_ref text)
{
	struct trie_node node = { .parent = parent, .text = text, .entry = TRIE_NONE };

	return seg_builder_add(t->seg, t->nodes, &node, sizeof node);
}

uint32_t
trie_builder_root(struct trie_builder *t)
{
	return node_add(t, TRIE_NONE, (struct seg_ref){ 0, 0 });
}

struct trie_node *
trie_builder_node(struct trie_builder *t, uint32_t node)
{
	return (struct trie_node *)t->seg->sections[t->nodes].p + node;
}

static void
slots_grow(struct trie_builder *t)
{
	uint32_t cap = t->cap ? t->cap * 2 : 64;
	struct trie_edge *slots = xmalloc(cap * sizeof *slots);

	for (uint32_t i = 0; i < cap; i++)
		slots[i] = (struct trie_edge){ 0, TRIE_NONE };
	for (uint32_t i = 0; i < t->cap; i++) {
		uint32_t k = t->slots[i].hash & (cap - 1);

		if (t->slots[i].node == TRIE_NONE)
			continue;
		while (slots[k].node != TRIE_NONE)
			k = (k + 1) & (cap - 1);
		slots[k] = t->slots[i];
	}
	free(t->slots);
	t->slots = slots;
	t->cap = cap;
}

static bool
node_is(struct trie_builder *t, uint32_t i, uint32_t parent, struct slice text)
{
	const struct trie_node *node = trie_builder_node(t, i);
	const char *strings = t->seg->sections[0].p;

	return node->parent == parent &&
	       slice_eq(slice_make(strings + node->text.offset, node->text.size), text);
}

/* The child of a node by its segment, made where missing. `at`: where the segment stands among the
 * strings, or COPY. */
static uint32_t
child(struct trie_builder *t, uint32_t parent, uint32_t hash, struct slice text, uint32_t at)
{
	struct seg_ref ref = { at, (uint32_t)text.n };
	uint32_t i;

	if (t->count >= t->cap / 4 * 3)
		slots_grow(t);
	for (i = hash & (t->cap - 1); t->slots[i].node != TRIE_NONE; i = (i + 1) & (t->cap - 1)) {
		if (t->slots[i].hash == hash && node_is(t, t->slots[i].node, parent, text))
			return t->slots[i].node;
	}
	if (at == COPY)
		ref = seg_builder_string(t->seg, text);
	t->slots[i] = (struct trie_edge){ hash, node_add(t, parent, ref) };
	t->count++;
	return t->slots[i].node;
}

static uint32_t
descend(struct trie_builder *t, uint32_t node, struct slice path, uint32_t at)
{
	struct slice rest = path, text;
	uint32_t hash = node;

	assert(path.n == 0 || path.p[0] == '/');
	while (path_next(&rest, &text)) {
		hash = hash_bytes(hash, text);
		node = child(t, node, hash, text,
			     at == COPY ? COPY : at + (uint32_t)(text.p - path.p));
	}
	return node;
}

uint32_t
trie_builder_path(struct trie_builder *t, uint32_t root, struct slice path)
{
	return descend(t, root, path, COPY);
}

uint32_t
trie_builder_path_ref(struct trie_builder *t, uint32_t root, struct seg_ref path)
{
	/* No string is added on the way down, so the strings do not move. */
	return descend(t, root, slice_make(t->seg->sections[0].p + path.offset, path.size),
		       path.offset);
}

void
trie_builder_finish(struct trie_builder *t)
{
	/* Two thirds full: two probes to find an edge, five to miss one, on average. */
	uint32_t count = t->count + t->count / 2 + 1;
	const struct trie_edge none = { 0, TRIE_NONE };
	struct trie_edge *edges;

	for (uint32_t i = 0; i < count; i++)
		seg_builder_add(t->seg, t->edges, &none, sizeof none);
	edges = (struct trie_edge *)t->seg->sections[t->edges].p;
	for (uint32_t i = 0; i < t->cap; i++) {
		uint32_t k = hash_slot(t->slots[i].hash, count);

		if (t->slots[i].node == TRIE_NONE)
			continue;
		while (edges[k].node != TRIE_NONE)
			k = k + 1 < count ? k + 1 : 0;
		edges[k] = t->slots[i];
	}
	trie_builder_deinit(t);
}

int
trie_verify(const struct segment *seg, unsigned nodes, unsigned edges, uint32_t entries)
{
	uint32_t nodes_n = seg_count(seg, nodes), edges_n = seg_count(seg, edges);
	const struct trie_node *node = seg_at(seg, nodes, 0, sizeof *node);
	const struct trie_edge *edge = seg_at(seg, edges, 0, sizeof *edge);
	bool room = false;

	if ((nodes_n && !node) || (edges_n && !edge))
		return -EBADMSG;
	for (uint32_t i = 0; i < nodes_n; i++) {
		if (node[i].entry != TRIE_NONE && node[i].entry >= entries)
			return -EBADMSG;
		if (seg_string(seg, node[i].text).n != node[i].text.size)
			return -EBADMSG;
	}
	for (uint32_t i = 0; i < edges_n; i++) {
		if (edge[i].node == TRIE_NONE)
			room = true;
		else if (edge[i].node >= nodes_n)
			return -EBADMSG;
	}
	return room || edges_n == 0 ? 0 : -EBADMSG;
}

/* Finds out what the step after w->behind will be, and has the memory that it needs fetched.
 * `hash`: of the step before. */
static void
walk_look_ahead(struct trie_walk *w, uint32_t hash)
{
	uint32_t slot;

	if (!path_next(&w->behind, &w->text)) {
		w->text.p = NULL;
		return;
	}
	w->hash = hash_bytes(hash, w->text);
	slot = hash_slot(w->hash, seg_count(w->seg, w->edges));
	__builtin_prefetch(seg_at(w->seg, w->edges, slot, sizeof(struct trie_edge)));
}

int
trie_walk_init(struct trie_walk *w, const struct segment *seg, unsigned nodes, unsigned edges,
	       uint32_t root, struct slice path)
{
	w->seg = seg;
	w->nodes = nodes;
	w->edges = edges;
	w->node = root;
	w->rest = w->behind = path;
	w->text = slice_make(NULL, 0);
	if (root >= seg_count(seg, nodes))
		return -1;
	walk_look_ahead(w, root);
	return 0;
}

static uint32_t
edge_find(const struct trie_walk *w, uint32_t hash, struct slice text)
{
	uint32_t count = seg_count(w->seg, w->edges);
	const struct trie_edge *edges = seg_at(w->seg, w->edges, 0, sizeof *edges);
	uint32_t i = hash_slot(hash, count);

	if (!edges)
		return TRIE_NONE;
	for (uint32_t n = 0; n < count && edges[i].node != TRIE_NONE; n++) {
		const struct trie_node *node;

		if (edges[i].hash == hash) {
			node = seg_at(w->seg, w->nodes, edges[i].node, sizeof *node);
			if (node && node->parent == w->node &&
			    slice_eq(seg_string(w->seg, node->text), text))
				return edges[i].node;
		}
		i = i + 1 < count ? i + 1 : 0;
	}
	return TRIE_NONE;
}

bool
trie_walk_step(struct trie_walk *w)
{
	struct slice text = w->text, rest = w->behind;
	uint32_t hash, node;

	if (!text.p)
		return false;
	hash = w->hash;
	walk_look_ahead(w, hash);
	node = edge_find(w, hash, text);
	if (node == TRIE_NONE) {
		w->text.p = NULL;
		return false;
	}
	w->node = node;
	w->rest = rest;
	return true;
}

bool
trie_walk_ended(const struct trie_walk *w)
{
	for (size_t i = 0; i < w->rest.n; i++) {
		if (w->rest.p[i] != '/')
			return false;
	}
	return true;
}

uint32_t
trie_walk_entry(const struct trie_walk *w)
{
	const struct trie_node *node = seg_at(w->seg, w->nodes, w->node, sizeof *node);

	return node ? node->entry : TRIE_NONE;
}
