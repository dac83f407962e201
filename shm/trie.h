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
 */

#include "segment.h"

#define TRIE_NONE 0xffffffffu

struct trie_node {
	uint32_t parent;
	struct seg_ref text; /* the segment that leads here */
	uint32_t entry;      /* first entry of the chain, or TRIE_NONE */
};

struct trie_edge { /* a slot of the hash; node == TRIE_NONE: free */
	uint32_t hash;
	uint32_t node;
};

/* Building: nodes are added in any order; finish writes both sections. */
struct trie_builder {
	struct seg_builder *seg;
	unsigned nodes, edges;   /* section numbers */
	struct trie_edge *slots; /* growing edge table while building */
	uint32_t count;          /* edges in it */
	uint32_t cap;            /* a power of two */
};

void trie_builder_init(struct trie_builder *t, struct seg_builder *seg, unsigned nodes_section,
		       unsigned edges_section);
void trie_builder_deinit(struct trie_builder *t);
/* A new, empty trie's root node. */
uint32_t trie_builder_root(struct trie_builder *t);
/* The node of `path` below root, made where missing; the segments of new nodes are stored as
 * strings. */
uint32_t trie_builder_path(struct trie_builder *t, uint32_t root, struct slice path);
/* The same for a path that is a stored string already: new nodes refer to it and store nothing. */
uint32_t trie_builder_path_ref(struct trie_builder *t, uint32_t root, struct seg_ref path);
/* The node itself, to set `entry`; valid until the next call. */
struct trie_node *trie_builder_node(struct trie_builder *t, uint32_t node);
/* Writes the edges; nothing can be added any more. */
void trie_builder_finish(struct trie_builder *t);

/* For the verifier: are all indexes inside, and has the hash a free slot, so that every search
 * ends? `entries` is how many entries there are. 0 or -EBADMSG. */
int trie_verify(const struct segment *seg, unsigned nodes, unsigned edges, uint32_t entries);

/* Looking up. Walk: start at the root, step by step; NULL text never leads anywhere. */
struct trie_walk {
	const struct segment *seg;
	unsigned nodes, edges;
	uint32_t node;
	struct slice rest; /* of the path, still to walk; starts with '/' or is empty */
	/* The step that comes next: its segment (p == NULL: none), what is behind it, and its hash.
	 */
	struct slice text, behind;
	uint32_t hash;
};

/* 0, or -1 when root is no node. The walk stands at the root (node == root). */
int trie_walk_init(struct trie_walk *w, const struct segment *seg, unsigned nodes, unsigned edges,
		   uint32_t root, struct slice path);
/* One segment further. False when there is none left or none leads on; w->rest then is what was not
 * matched. */
bool trie_walk_step(struct trie_walk *w);
/* Is the path walked to its end, but for a slash? */
bool trie_walk_ended(const struct trie_walk *w);
/* The entry chain's head of the node the walk stands at, or TRIE_NONE. */
uint32_t trie_walk_entry(const struct trie_walk *w);
