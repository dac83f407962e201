#pragma once

/*
 * table_authorise: who may do what, as a worker asks it. A rule of authorisation is a flat program:
 * each clause asks one thing and names the clause that comes next where it holds and where it does
 * not, always one further behind, so that every run ends. `not` stands in the clauses alone: one
 * about which nothing is known fails, negated or not.
 */

#include "segment.h"

struct table_builder;
struct table_cidr;
struct table_gate;
struct table_key;

#define AUTHORISE_SHADOW 1u /* it is counted, and refuses nobody */

struct table_authorise {       /* in RULES_AUTHORISE; who refers to one has its index + 1 */
	uint32_t first, count; /* run of RULES_CLAUSES, the first one is where it begins */
	uint32_t flags;        /* AUTHORISE_* */
	uint32_t pad;
};

#define CLAUSES_MAX 64u /* of one */
#define CLAUSE_FACTS 4u /* claims that say the same thing */
#define CLAUSE_VALUES 64u

#define CLAUSE_KIND_TOKEN 1u
#define CLAUSE_KIND_API_KEY 2u

#define CLAUSE_PASS 0xfffffffeu /* in the place of the next clause: the end */
#define CLAUSE_REFUSE 0xffffffffu

enum clause_kind {
	CLAUSE_SCOPES,      /* a word of one of the facts is one of the values */
	CLAUSE_CLAIM,       /* one of the facts has one of the values; without values, any */
	CLAUSE_IDENTITY,    /* somebody asks, whoever it is */
	CLAUSE_ISSUER,      /* the issuer's name is one of the values; `bits`: as CLAUSE_KIND */
	CLAUSE_KIND,        /* `bits`: CLAUSE_KIND_* */
	CLAUSE_METHODS,     /* `bits`: 1 << enum table_method */
	CLAUSE_ADDRESSES,   /* run of RULES_NETWORKS */
	CLAUSE_CERTIFICATE, /* `bits`: enum tls_fact; as CLAUSE_CLAIM */
	CLAUSE_UNKNOWN,     /* nothing is ever known of it: it fails */
	CLAUSE_N
};

struct table_clause {
	uint32_t kind; /* enum clause_kind */
	uint32_t negated;
	uint32_t holds, fails; /* index in RULES_CLAUSES, or CLAUSE_PASS and the like */
	uint32_t bits;
	uint32_t first, count;                     /* run of RULES_VALUES or RULES_NETWORKS */
	uint32_t facts_count, facts[CLAUSE_FACTS]; /* indices in RULES_FACTS */
	struct seg_ref text;                       /* as it was written, with `not` */
};

/* NULL for an index outside, and for 0. */
const struct table_authorise *table_authorise(const struct segment *rules, uint32_t number);
const struct table_clause *table_clause(const struct segment *rules, uint32_t i);
/* Value i of the clause. */
struct slice table_clause_value(const struct segment *rules, const struct table_clause *c,
				uint32_t i);
bool table_clause_networks(const struct segment *rules, const struct table_clause *c,
			   const uint8_t address[16]);

/* What the gate asks, beside the route, of what a route with these flags matched: all entries on
 * the way that protect, one by one, with the part of the path that each stands for. */
typedef void table_authorise_fn(void *userdata, uint32_t number, const struct table_gate *gate,
				struct slice at);
void table_gate_authorises(const struct segment *rules, const struct table_key *key, uint32_t flags,
			   table_authorise_fn *each, void *userdata);

/* For table_verify.c: do they all end, and lie inside? */
bool table_authorise_ok(const struct segment *s);
