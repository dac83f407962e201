#pragma once

/*
 * compile_index: what a compilation of all rules leaves for those of some of them: where each route
 * applies, and what it was made from. Places whose routes may touch one another (host without case,
 * path) are one group, known by a hash: groups that share a number are compiled together, which
 * costs time and changes nothing.
 */

#include "rules.h"

/* Who stands at a place: a number of this kind. */
#define PLACE_KIND 0xc0000000u
#define PLACE_ROW 0u           /* in RULES_ROUTES */
#define PLACE_LINE 0x40000000u /* of the report, behind those of the file */
#define PLACE_FILE 0x80000000u /* of the configuration's routes */
/* With the kind: it answers 503, or is wrong beside what else there is. */
#define PLACE_REFUSED 0x20000000u
#define PLACE_NUMBER 0x1fffffffu

struct compile_place { /* of one route; there are as many as routes, so it is small */
	uint32_t group;
	uint32_t node; /* of the table, TRIE_NONE for one that is in no chain */
	uint32_t who;  /* PLACE_* */
};

struct compile_link { /* the group has a route that was made from this */
	uint32_t what, group;
};

struct compile_index {
	struct compile_place *places; /* by group; those of a group in the order of its chains */
	size_t places_count, places_cap;
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
/* Of the group whose turn it is, which comes behind those before it. */
void compile_index_place(struct compile_index *x, const struct compile_place *p);
/* For compile_index_links, by the first who asks: many tables are never followed by an overlay. */
void compile_index_sort(struct compile_index *x);
/* The links of `what`, *count of them. */
const struct compile_link *compile_index_links(struct compile_index *x, uint32_t what,
					       size_t *count);
/* The places of a group, *count of them. */
const struct compile_place *compile_index_places(const struct compile_index *x, uint32_t group,
						 size_t *count);
