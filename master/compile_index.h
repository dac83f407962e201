#pragma once

/*
 * compile_index: what a compilation of all rules leaves for those of some of them: where each route
 * applies, and what it was made from. Places whose routes may touch one another (host without case,
 * path) are one group, known by a hash: groups that share a number are compiled together, which
 * costs time and changes nothing.
 */

#include "rules.h"

struct compile_route;

struct compile_place { /* of one route */
	uint32_t group;
	uint32_t node;  /* of the table, TRIE_NONE for one that is in no chain */
	const char *id; /* the report's */
	bool refused;   /* it answers 503, or is wrong beside what else there is */
	const struct compile_route *file; /* its line, if it is one of the file; else NULL */
};

struct compile_link { /* the group has a route that was made from this */
	uint32_t what, group;
};

struct compile_index {
	struct compile_place *places; /* by group; those of a group in the order of its chains */
	size_t places_count;
	struct compile_link *links;
	size_t links_count, links_cap;
	bool sorted;    /* the links */
	uint32_t group; /* of the route that is being made */
	bool floors;    /* some route of the file needs a token, or names issuers */
};

struct compile_index *compile_index_new(void);
void compile_index_free(struct compile_index *x); /* NULL is allowed */
/* What a route is made from: the rule that says it, by its id; an upstream. */
uint32_t compile_what_id(struct slice id);
uint32_t compile_what_upstream(enum rules_source source, struct slice name);
/* The route that is being made is made from this. */
void compile_index_note(struct compile_index *x, uint32_t what);
/* The links of `what`, *count of them. */
const struct compile_link *compile_index_links(struct compile_index *x, uint32_t what,
					       size_t *count);
/* The places of a group, *count of them. */
const struct compile_place *compile_index_places(const struct compile_index *x, uint32_t group,
						 size_t *count);
