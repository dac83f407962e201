#pragma once

/*
 * trie_step: one step down a trie, between trie.c and trie_builder.c.
 */

#include "trie.h"

/* Takes the next segment off the path; false at its end. */
bool trie_path_next(struct slice *rest, struct slice *text);
/* The child by this segment of the node that the walk stands at, as one layer has it; TRIE_NONE:
 * none. `hash`: of the step. */
uint32_t trie_edge_find(const struct segment *layer, const struct trie_walk *w, uint32_t hash,
			struct slice text);
