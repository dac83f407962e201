/*
 * Building tries; those of an overlay begin with the nodes of its base.
 */

#include "trie_step.h"

#include "hash.h"
#include "lib/xalloc.h"

#include <assert.h>
#include <stdlib.h>

#define COPY UINT32_MAX /* the path is not among the strings yet */

void
trie_builder_init(struct trie_builder *t, struct seg_builder *seg, unsigned nodes_section,
		  unsigned edges_section, unsigned heads_section)
{
	*t = (struct trie_builder){
		.seg = seg,
		.nodes = nodes_section,
		.edges = edges_section,
		.heads = heads_section,
	};
}

void
trie_builder_deinit(struct trie_builder *t)
{
	free(t->slots);
	free(t->changed);
	t->slots = NULL;
	t->changed = NULL;
	t->cap = t->count = t->changed_cap = t->changed_count = 0;
}

static uint32_t
node_add(struct trie_builder *t, uint32_t parent, uint32_t text)
{
	struct trie_node node = { .parent = parent, .text = text, .entry = TRIE_NONE };

	return seg_builder_add(t->seg, t->nodes, &node, sizeof node);
}

uint32_t
trie_builder_root(struct trie_builder *t)
{
	return node_add(t, TRIE_NONE, 0);
}

static bool
is_of_base(const struct trie_builder *t, uint32_t node)
{
	return t->seg->base && node < seg_own_count(t->seg->base, t->nodes);
}

static const struct trie_node *
node_at(struct trie_builder *t, uint32_t node)
{
	return is_of_base(t, node) ? seg_own(t->seg->base, t->nodes, node, sizeof(struct trie_node))
				   : seg_builder_own(t->seg, t->nodes, node);
}

/* ---- the heads of an overlay ---- */

static struct trie_head *
head_place(struct trie_head *heads, uint32_t count, uint32_t node)
{
	uint32_t i = hash_slot(hash_number(node), count);

	while (heads[i].node != TRIE_NONE && heads[i].node != node)
		i = i + 1 < count ? i + 1 : 0;
	return &heads[i];
}

static void
heads_grow(struct trie_builder *t)
{
	uint32_t cap = t->changed_cap ? t->changed_cap * 2 : 16;
	struct trie_head *heads = xmalloc(cap * sizeof *heads);

	for (uint32_t i = 0; i < cap; i++)
		heads[i] = (struct trie_head){ TRIE_NONE, TRIE_NONE };
	for (uint32_t i = 0; i < t->changed_cap; i++) {
		if (t->changed[i].node != TRIE_NONE)
			*head_place(heads, cap, t->changed[i].node) = t->changed[i];
	}
	free(t->changed);
	t->changed = heads;
	t->changed_cap = cap;
}

static struct trie_head *
head_of(struct trie_builder *t, uint32_t node)
{
	struct trie_head *head;

	if (t->changed_count >= t->changed_cap / 2)
		heads_grow(t);
	head = head_place(t->changed, t->changed_cap, node);
	if (head->node == TRIE_NONE) {
		*head = (struct trie_head){ node, node_at(t, node)->entry };
		t->changed_count++;
	}
	return head;
}

uint32_t *
trie_builder_entry(struct trie_builder *t, uint32_t node)
{
	struct trie_node *own;
	uint32_t root = node;

	if (!t->seg->base) {
		own = seg_builder_own(t->seg, t->nodes, node);
		return &own->entry;
	}
	/* Whoever walks the trie asks for its root first. */
	while (node_at(t, root)->parent != TRIE_NONE)
		root = node_at(t, root)->parent;
	if (is_of_base(t, root))
		head_of(t, root);
	if (is_of_base(t, node))
		return &head_of(t, node)->entry;
	own = seg_builder_own(t->seg, t->nodes, node);
	return &own->entry;
}

/* ---- edges ---- */

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
	const struct trie_node *node = node_at(t, i);

	assert(node); /* one of the table's own */
	return node->parent == parent &&
	       trie_text_is(seg_builder_text(t->seg, trie_text(node->text, text)), text);
}

/* The child of a node by its segment, or TRIE_NONE; *slot: of the growing table, where it would
 * stand. */
static uint32_t
child_find(struct trie_builder *t, uint32_t parent, uint32_t hash, struct slice text,
	   uint32_t *slot)
{
	const struct trie_walk at = {
		.seg = t->seg->base, .nodes = t->nodes, .edges = t->edges, .node = parent
	};
	uint32_t i;

	if (t->count >= t->cap / 4 * 3)
		slots_grow(t);
	for (i = hash & (t->cap - 1); t->slots[i].node != TRIE_NONE; i = (i + 1) & (t->cap - 1)) {
		if (t->slots[i].hash == hash && node_is(t, t->slots[i].node, parent, text))
			return t->slots[i].node;
	}
	*slot = i;
	return is_of_base(t, parent) ? trie_edge_find(t->seg->base, &at, hash, text) : TRIE_NONE;
}

/* A segment that is stored with the slash behind it. */
static uint32_t
text_add(struct trie_builder *t, struct slice text)
{
	struct buf whole BUF_CLEAN = { 0 };

	buf_adds(&whole, text);
	buf_addc(&whole, '/');
	return seg_builder_string(t->seg, buf_slice(&whole)).offset;
}

/* The child of a node by its segment, made where missing. `at`: where the segment stands among the
 * strings, or COPY. */
static uint32_t
child(struct trie_builder *t, uint32_t parent, uint32_t hash, struct slice text, uint32_t at)
{
	uint32_t i = 0, node = child_find(t, parent, hash, text, &i);

	if (node != TRIE_NONE)
		return node;
	if (at == COPY)
		at = text_add(t, text);
	t->slots[i] = (struct trie_edge){ hash, node_add(t, parent, at) };
	t->count++;
	return t->slots[i].node;
}

static uint32_t
descend(struct trie_builder *t, uint32_t node, struct slice path, uint32_t at)
{
	struct slice rest = path, text;
	uint32_t hash = node;

	assert(path.n == 0 || path.p[0] == '/');
	while (trie_path_next(&rest, &text)) {
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

bool
trie_builder_has(const struct trie_builder *t, uint32_t at, struct slice path)
{
	while (path.n > 0 && path.p[path.n - 1] == '/')
		path.n--;
	return trie_text_is(seg_builder_text(t->seg, trie_text(at, path)), path);
}

uint32_t
trie_builder_path_ref(struct trie_builder *t, uint32_t root, struct seg_ref path)
{
	/* No string is added on the way down, so the strings do not move. */
	return descend(t, root, seg_builder_text(t->seg, path), path.offset);
}

static void
heads_write(struct trie_builder *t)
{
	/* Half full at most, so that a free slot is never far. */
	for (uint32_t i = 0; i < t->changed_cap; i++)
		seg_builder_add(t->seg, t->heads, &t->changed[i], sizeof t->changed[i]);
}

void
trie_builder_finish(struct trie_builder *t)
{
	/* Three quarters full: three probes to find an edge, nine to miss one, on average; eight
	 * lie on one line of the cache. */
	uint32_t count = t->count + t->count / 3 + 1;
	const struct trie_edge none = { 0, TRIE_NONE };
	struct trie_edge *edges;

	heads_write(t);
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
