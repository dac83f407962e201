#pragma once

/*
 * directory_own: what directory.c makes its upstreams by.
 */

#include "directory.h"

struct own;

struct directory_maker {
	const struct config *c;
	struct directory_slots *slots;
	struct own *own;
	struct buf *warnings;
	/* Of the upstream that is being made: where its texts are, and its endpoints. */
	struct arena *arena;
	struct map seen;
};

/* Each with its slots, and in no directory yet. Of the file, or of a rule: */
struct directory_upstream *directory_make(struct directory_maker *b,
					  const struct config_upstream *from,
					  enum rules_source source);
struct directory_upstream *directory_make_redx(struct directory_maker *b,
					       const struct rules_backend *from);
/* What the target of a rule leads to: an upstream that is named after it, for all rules with it. */
struct directory_upstream *directory_make_target(struct directory_maker *b,
						 const struct config_route *route);
/* Where they are, or where they were found: one server, or all nodes of a cluster. */
struct directory_upstream *directory_make_sessions(struct directory_maker *b,
						   const struct seek_servers *found);
void directory_upstream_free(struct directory_upstream *u);
