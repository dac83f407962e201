#include "trie.h"

#include "hash.h"
#include "trie_step.h"

#include <errno.h>

bool
trie_path_next(struct slice *rest, struct slice *text)
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

static bool
nodes_ok(const struct segment *seg, unsigned nodes, uint32_t entries)
{
	uint32_t n = seg_own_count(seg, nodes), strings = seg_count(seg, 0);
	const struct trie_node *node = seg_own(seg, nodes, 0, sizeof *node);

	if (n && !node)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		if (node[i].entry != TRIE_NONE && node[i].entry >= entries)
			return false;
		if (node[i].text > strings)
			return false;
	}
	return true;
}

/* Those of an overlay are for nodes of its base. */
static bool
heads_ok(const struct segment *seg, unsigned nodes, unsigned heads, uint32_t entries)
{
	uint32_t n = heads ? seg_own_count(seg, heads) : 0, below = seg_base_count(seg, nodes);
	const struct trie_head *head = n ? seg_own(seg, heads, 0, sizeof *head) : NULL;
	bool room = false;

	if (n && !head)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		if (head[i].node == TRIE_NONE)
			room = true;
		else if (head[i].node >= below)
			return false;
		if (head[i].entry != TRIE_NONE && head[i].entry >= entries)
			return false;
	}
	return room || n == 0;
}

int
trie_verify(const struct segment *seg, unsigned nodes, unsigned edges, unsigned heads,
	    uint32_t entries)
{
	uint32_t n = seg_own_count(seg, edges), below = seg_base_count(seg, nodes);
	const struct trie_edge *edge = seg_own(seg, edges, 0, sizeof *edge);
	bool room = false;

	if ((n && !edge) || !nodes_ok(seg, nodes, entries) || !heads_ok(seg, nodes, heads, entries))
		return -EBADMSG;
	for (uint32_t i = 0; i < n; i++) {
		if (edge[i].node == TRIE_NONE)
			room = true;
		else if (edge[i].node < below || edge[i].node >= seg_count(seg, nodes))
			return -EBADMSG;
	}
	return room || n == 0 ? 0 : -EBADMSG;
}

/* ---- looking up ---- */

/* What an overlay says of a node of its base; NULL: nothing. */
static const struct trie_head *
head_find(const struct segment *seg, unsigned heads, uint32_t node)
{
	uint32_t count = seg_own_count(seg, heads), i = hash_slot(hash_number(node), count);
	const struct trie_head *head = seg_own(seg, heads, 0, sizeof *head);

	if (!head)
		return NULL;
	for (uint32_t n = 0; n < count && head[i].node != TRIE_NONE; n++) {
		if (head[i].node == node)
			return &head[i];
		i = i + 1 < count ? i + 1 : 0;
	}
	return NULL;
}

const struct segment *
trie_layer(const struct segment *seg, unsigned nodes, unsigned heads, uint32_t root)
{
	if (seg->base && root < seg_own_count(seg->base, nodes) && !head_find(seg, heads, root))
		return seg->base;
	return seg;
}

uint32_t
trie_entry(const struct segment *seg, unsigned nodes, unsigned heads, uint32_t node)
{
	const struct trie_node *at = seg_at(seg, nodes, node, sizeof *at);
	const struct trie_head *head;

	if (!at)
		return TRIE_NONE;
	if (seg->base && node < seg_own_count(seg->base, nodes)) {
		head = head_find(seg, heads, node);
		if (head)
			return head->entry;
	}
	return at->entry;
}

/* Finds out what the step after w->behind will be, and has the memory that it needs fetched.
 * `hash`: of the step before. */
static void
walk_look_ahead(struct trie_walk *w, uint32_t hash)
{
	uint32_t slot;

	if (!trie_path_next(&w->behind, &w->text)) {
		w->text.p = NULL;
		return;
	}
	w->hash = hash_bytes(hash, w->text);
	slot = hash_slot(w->hash, seg_own_count(w->bottom, w->edges));
	__builtin_prefetch(seg_own(w->bottom, w->edges, slot, sizeof(struct trie_edge)));
}

int
trie_walk_init(struct trie_walk *w, const struct segment *seg, unsigned nodes, unsigned edges,
	       unsigned heads, uint32_t root, struct slice path)
{
	w->seg = seg;
	w->bottom = seg->base ? seg->base : seg;
	w->nodes = nodes;
	w->edges = edges;
	w->heads = heads;
	w->node = root;
	w->rest = w->behind = path;
	w->text = slice_make(NULL, 0);
	if (root >= seg_count(seg, nodes))
		return -1;
	walk_look_ahead(w, root);
	return 0;
}

uint32_t
trie_edge_find(const struct segment *layer, const struct trie_walk *w, uint32_t hash,
	       struct slice text)
{
	uint32_t count = seg_own_count(layer, w->edges);
	const struct trie_edge *edges = seg_own(layer, w->edges, 0, sizeof *edges);
	uint32_t i = hash_slot(hash, count);

	if (!edges)
		return TRIE_NONE;
	for (uint32_t n = 0; n < count && edges[i].node != TRIE_NONE; n++) {
		const struct trie_node *node;

		if (edges[i].hash == hash) {
			node = seg_at(w->seg, w->nodes, edges[i].node, sizeof *node);
			if (node && node->parent == w->node &&
			    trie_text_is(seg_string(w->seg, trie_text(node->text, text)), text))
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
	node = trie_edge_find(w->bottom, w, hash, text);
	if (node == TRIE_NONE && w->bottom != w->seg)
		node = trie_edge_find(w->seg, w, hash, text);
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
	return trie_entry(w->seg, w->nodes, w->heads, w->node);
}
