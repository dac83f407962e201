#pragma once

/*
 * trie: paths by segment, for route look-up and for the gate. Nodes are joined by edges (parent
 * node, segment text) in one open-addressing hash, so a step costs one probe however many children
 * a node has, and a look-up costs as many steps as the path has segments that lead somewhere.
 * Several tries (one a host) share the same two sections. An edge's hash comes from its segment and
 * the hash of the edge before it, the first one's from the root's number: so a walk knows where to
 * look next before it has read where it stands, and fetches the one while it waits for the other.
 *
 * A path is "/a/b": empty segments do not exist in it (canonical form). A node carries a chain of
 * entries; what an entry means is the caller's.
 *
 * In an overlay a node of the base keeps its number. That it has another chain, or that something
 * below it has, is said by a third section, a hash of heads; there is one for the root of each trie
 * that the overlay touches, so that the others cost one probe more and are walked in the base.
 */

#include "segment.h"

#define TRIE_NONE 0xffffffffu

struct trie_node {
	uint32_t parent;
	uint32_t text;  /* where the segment that leads here begins among the strings; it ends
			   before a slash */
	uint32_t entry; /* first entry of the chain, or TRIE_NONE */
};

struct trie_head { /* a slot of the hash; node == TRIE_NONE: free */
	uint32_t node;
	uint32_t entry; /* of the node, in the place of what the base says */
};

struct trie_edge { /* a slot of the hash; node == TRIE_NONE: free */
	uint32_t hash;
	uint32_t node;
};

/* Building: nodes are added in any order; finish writes both sections. */
struct trie_builder {
	struct seg_builder *seg;
	unsigned nodes, edges, heads; /* section numbers */
	struct trie_edge *slots;      /* growing edge table while building */
	uint32_t count;               /* edges in it */
	uint32_t cap;                 /* a power of two */
	struct trie_head *changed;    /* heads, the same way */
	uint32_t changed_count, changed_cap;
};

/* `heads`: 0 for tries that no overlay extends. */
void trie_builder_init(struct trie_builder *t, struct seg_builder *seg, unsigned nodes_section,
		       unsigned edges_section, unsigned heads_section);
void trie_builder_deinit(struct trie_builder *t);
/* A new, empty trie's root node. */
uint32_t trie_builder_root(struct trie_builder *t);
/* The node of `path` below root, made where missing; the segments of new nodes are stored as
 * strings. */
uint32_t trie_builder_path(struct trie_builder *t, uint32_t root, struct slice path);
/* Is this the path that is stored there, with a slash at its end or behind it? */
bool trie_builder_has(const struct trie_builder *t, uint32_t at, struct slice path);
/* The same for a path that is a stored string already, with a slash at its end or behind it: new
 * nodes refer to it and store nothing. */
uint32_t trie_builder_path_ref(struct trie_builder *t, uint32_t root, struct seg_ref path);
/* The head of a node's chain, to be read and set; valid until the next call. In an overlay a node
 * of the base has that of the base at first. */
uint32_t *trie_builder_entry(struct trie_builder *t, uint32_t node);
/* Writes the edges; nothing can be added any more. */
void trie_builder_finish(struct trie_builder *t);

/* For the verifier: are all indexes inside, and has the hash a free slot, so that every search
 * ends? `entries` is how many entries there are. 0 or -EBADMSG. */
int trie_verify(const struct segment *seg, unsigned nodes, unsigned edges, unsigned heads,
		uint32_t entries);

/* Looking up. Walk: start at the root, step by step; NULL text never leads anywhere. */
struct trie_walk {
	const struct segment *seg, *bottom; /* the layer that is walked, and the one below it */
	unsigned nodes, edges, heads;
	uint32_t node;
	struct slice rest; /* of the path, still to walk; starts with '/' or is empty */
	/* The step that comes next: its segment (p == NULL: none), what is behind it, and its hash.
	 */
	struct slice text, behind;
	uint32_t hash;
};

/* The layer to walk a trie in: `seg`, or its base if the overlay does not touch the trie. */
const struct segment *trie_layer(const struct segment *seg, unsigned nodes, unsigned heads,
				 uint32_t root);
/* The entry chain's head of a node, or TRIE_NONE. */
uint32_t trie_entry(const struct segment *seg, unsigned nodes, unsigned heads, uint32_t node);
/* 0, or -1 when root is no node. The walk stands at the root (node == root). */
int trie_walk_init(struct trie_walk *w, const struct segment *seg, unsigned nodes, unsigned edges,
		   unsigned heads, uint32_t root, struct slice path);
/* One segment further. False when there is none left or none leads on; w->rest then is what was not
 * matched. */
bool trie_walk_step(struct trie_walk *w);
/* Is the path walked to its end, but for a slash? */
bool trie_walk_ended(const struct trie_walk *w);
/* The entry chain's head of the node the walk stands at, or TRIE_NONE. */
uint32_t trie_walk_entry(const struct trie_walk *w);
