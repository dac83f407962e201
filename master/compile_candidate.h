#pragma once

/*
 * compile_candidate: every route is first made a candidate: where it applies (host, path, how, and
 * what it asks of a request) and what it would do. Sorted by where they apply and then by who wins,
 * they are the chain of their place; one that asks for no more than an earlier one is shadowed by
 * it. Between compile_routes.c, compile_redx.c and compile_order.c.
 */

#include "compile_index.h"
#include "compile_routes.h"
#include "dialect.h"

#include "lib/map.h"

struct candidate {
	struct compile_route *line;
	struct dialect_match at;
	uint32_t how; /* ROUTE_EXACT, ROUTE_EXACT_SLASH */
	int32_t priority;
	uint32_t flags, upstream, policy, action, fallback, authorise;
	struct slice written; /* the path, for logs and stripping: begins with at.path */
	const char *add_prefix, *set_host;
	const struct config_route *route; /* its conditions are asked; NULL: there are none */
	uint32_t asks;                    /* how many conditions it was meant to have */
	struct slice key;                 /* of those conditions (compile_conditions_key) */
};

struct place {          /* where one applies; see compile_order.c */
	uint32_t group; /* compile_group */
	uint32_t node;  /* that it was written to, else TRIE_NONE */
	uint32_t row;   /* that it became */
	struct candidate *candidate;
};

struct limit_run { /* of RULES_LIMITED */
	uint32_t index[LIMITS_MAX], count;
};

struct work {
	const struct compile_input *in;
	struct table_builder *b;
	struct arena *arena; /* of the lines */
	struct compile_route *lines;
	size_t lines_count;
	struct candidate *candidates; /* of the group whose turn it is, or of all that are made */
	size_t count;
	struct place *places; /* of them, sorted by compile_order */
	size_t places_cap;
	struct placed_policy {
		struct table_policy policy;
		uint32_t index; /* in RULES_POLICIES */
	} * policies;
	uint32_t policies_count;
	bool floors;        /* some route of the file needs a token, authorises, or names issuers */
	bool issuers;       /* it does the last */
	bool lacks;         /* there was no place for a claim that a route asks about */
	struct map unnamed; /* routes of the file, by their place: how many */
	struct map limited; /* runs of RULES_LIMITED that are there: 1 + where */
	struct map asked;   /* runs of RULES_CONDITIONS that are there, by key: count, where */
	struct limit_run limit_all;
	bool overfull; /* rules ask for more claims than there is room for; an overlay has none */
};

/* A line of the report and a candidate that it belongs to; both zero but for this. */
struct candidate *compile_next(struct work *w);
const char *compile_text(struct work *w, struct slice s);
/* The line's reason is both texts together. */
void compile_reason(struct work *w, struct candidate *c, const char *what, const char *why);
/* It answers 503. */
void compile_refuse(struct work *w, struct candidate *c, const char *what, const char *why);
/* The upstream that answers where `upstream` (NULL: none) cannot, or NULL. `route`: what the route
 * says of it, NULL for nothing. */
const struct directory_upstream *compile_fallback(const struct compile_input *in, const char *route,
						  const struct directory_upstream *upstream);
/* 0: none. */
uint32_t compile_index(const struct directory_upstream *u);
/* Of an upstream, for the route that is being made: it is made from it, there or not. */
const struct directory_upstream *compile_find(const struct compile_input *in,
					      enum rules_source source, struct slice name);
/* Where the candidate applies is known: what is found for it from now on is noted with it. */
void compile_placed(struct work *w, const struct candidate *c);
/* Of a route of the file or a rule: where it applies, and nothing else. */
void compile_place_of(struct work *w, struct candidate *c, const struct config_route *r);
/* The same with what it asks and does; not where it leads. */
void compile_route_of(struct work *w, struct candidate *c, const struct config_route *r);
/* Leads it there; `u` NULL: the route has none, or it is not there. */
void compile_leads(struct work *w, struct candidate *c, const struct config_route *r,
		   const struct directory_upstream *u);
/* One of the file; "" for `id`: it gets one. */
void compile_file(struct work *w, const struct config_route *r, const char *id);
/* compile_native.c: a native rule that is in force. */
void compile_native(struct work *w, const struct rules_native *n);
/* One that is refused and has no last good version. */
void compile_native_refused(struct work *w, const struct rules_refusal *f, struct slice name);
/* The upstream that a native rule names: "backend:X" is redx's; else a rule's goes before one of
 * the file. NULL: there is none, or it is refused. */
const struct directory_upstream *compile_native_upstream(const struct compile_input *in,
							 const char *name);
/* compile_redx.c: one of redx that is in force. */
void compile_frontend(struct work *w, const struct rules_frontend *f);
/* One that is refused and has no last good version. */
void compile_frontend_refused(struct work *w, struct slice url, const struct rules_refusal *f);
/* Where a frontend applies; false: nowhere. */
bool compile_frontend_at(struct work *w, struct slice url, struct dialect_match *at);
/* compile_limits.c: those that have a name, and those that limit all routes; first of all. */
void compile_limits(struct work *w);
/* Those of a route (`id`), NULL: of all. NULL; or what cannot be had. */
const char *compile_limited(struct work *w, const struct config_route *r, const char *id,
			    struct table_policy *p);
/* Does it have limits that no other route has? */
bool compile_limits_own(const struct config_route *r);
/* compile_groups.c: all rules of the store, and those of the file that were made, group by group.
 */
void compile_groups(struct work *w, struct compile_report *report);
/* compile_order.c: sorts the candidates, tells who is shadowed, writes the others. */
void compile_order(struct work *w);
void work_deinit(struct work *w);
/* Candidates that touch one another have the same. */
uint32_t compile_group(const struct candidate *c);
