#pragma once

/*
 * trie_step: one step down a trie, between trie.c and trie_builder.c.
 */

#include "trie.h"

/* Where a segment would stand with the slash behind it; is it the one that stands there? */
static inline struct seg_ref
trie_text(uint32_t at, struct slice text)
{
	return (struct seg_ref){ at, (uint32_t)text.n + 1 };
}

static inline bool
trie_text_is(struct slice stands, struct slice text)
{
	return stands.n > text.n && stands.p[text.n] == '/' &&
	       memcmp(stands.p, text.p, text.n) == 0;
}

/* Takes the next segment off the path; false at its end. */
bool trie_path_next(struct slice *rest, struct slice *text);
/* The child by this segment of the node that the walk stands at, as one layer has it; TRIE_NONE:
 * none. `hash`: of the step. */
uint32_t trie_edge_find(const struct segment *layer, const struct trie_walk *w, uint32_t hash,
			struct slice text);
