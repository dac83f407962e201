#include "compile_authorise.h"

#include "authorise.h"
#include "issuer_names.h"

/* While one is written. */
struct writing {
	struct table_builder *b;
	const struct config *config;
	bool lacks;
};

/* ---- one clause ---- */

static void
add_fact(struct writing *w, struct table_clause *c, const char *path)
{
	uint32_t fact = table_builder_fact(w->b, slice_of(path));

	if (fact == TRIE_NONE || c->facts_count == CLAUSE_FACTS) {
		c->kind = CLAUSE_UNKNOWN;
		w->lacks = true;
		return;
	}
	c->facts[c->facts_count++] = fact;
}

static void
add_facts(struct writing *w, struct table_clause *c, const char *const *paths, size_t count)
{
	for (size_t i = 0; i < count; i++)
		add_fact(w, c, paths[i]);
}

static void
add_values(struct writing *w, struct table_clause *c, const struct authorise *a)
{
	struct seg_builder *seg = &w->b->seg;

	c->count = (uint32_t)a->values_count;
	c->first =
	    seg_builder_count(seg, a->kind == AUTHORISE_ADDRESSES ? RULES_NETWORKS : RULES_VALUES);
	for (size_t i = 0; i < a->values_count; i++) {
		struct seg_ref ref;
		struct table_cidr cidr;

		if (a->kind != AUTHORISE_ADDRESSES) {
			ref = seg_builder_string(seg, slice_of(a->values[i]));
			seg_builder_add(seg, RULES_VALUES, &ref, sizeof ref);
		} else if (compile_cidr(a->values[i], &cidr) == 0) {
			seg_builder_add(seg, RULES_NETWORKS, &cidr, sizeof cidr);
		} else {
			c->count--;
		}
	}
}

/* A HEAD may be asked wherever a GET may (RFC 9110 section 9.3.2). */
static uint32_t
methods_of(uint32_t bits)
{
	return bits | (bits & 1u << METHOD_GET ? 1u << METHOD_HEAD : 0);
}

static void
fill(struct writing *w, struct table_clause *c, const struct authorise *a)
{
	static const char *const scopes[] = { "scope", "scp" };
	const struct config_gate *g = &w->config->gate;
	const char *unknown;

	c->bits = a->kind == AUTHORISE_METHODS ? methods_of(a->bits) : a->bits;
	switch (a->kind) {
	case AUTHORISE_SCOPES:
		c->kind = CLAUSE_SCOPES;
		add_facts(w, c, scopes, 2);
		break;
	case AUTHORISE_ROLES:
		c->kind = CLAUSE_CLAIM;
		add_facts(w, c, g->role_claims, g->role_claims_count);
		break;
	case AUTHORISE_GROUPS:
		c->kind = a->values_count > 0 ? CLAUSE_CLAIM : CLAUSE_IDENTITY;
		if (a->values_count > 0)
			add_facts(w, c, g->group_claims, g->group_claims_count);
		break;
	case AUTHORISE_CLAIM:
		c->kind = CLAUSE_CLAIM;
		add_fact(w, c, a->name);
		break;
	case AUTHORISE_ISSUERS:
		c->kind = CLAUSE_ISSUER;
		if (config_issuers_mask(g, a->values, a->values_count, &unknown) & ISSUERS_API_KEYS)
			c->bits = CLAUSE_KIND_API_KEY;
		if (unknown)
			c->kind = CLAUSE_UNKNOWN;
		break;
	case AUTHORISE_KINDS:
		c->kind = CLAUSE_KIND;
		break;
	case AUTHORISE_METHODS:
		c->kind = CLAUSE_METHODS;
		break;
	case AUTHORISE_ADDRESSES:
		c->kind = CLAUSE_ADDRESSES;
		break;
	case AUTHORISE_CERTIFICATE:
		c->kind = CLAUSE_CERTIFICATE;
		break;
	case AUTHORISE_ALL:
	case AUTHORISE_ANY:
	case AUTHORISE_NOT:
	case AUTHORISE_NEVER:
		c->kind = CLAUSE_UNKNOWN;
		break;
	}
}

static void
write_clause(struct writing *w, const struct authorise *a, bool negated, uint32_t holds,
	     uint32_t fails)
{
	struct table_clause c = { .negated = negated, .holds = holds, .fails = fails };
	struct buf BUF_CLEAN text = { 0 };

	fill(w, &c, a);
	add_values(w, &c, a);
	if (negated)
		buf_adds(&text, SLICE("not "));
	authorise_text(a, &text);
	c.text = seg_builder_string(&w->b->seg, buf_slice(&text));
	seg_builder_add(&w->b->seg, RULES_CLAUSES, &c, sizeof c);
}

/* ---- the tree ---- */

/* What is negated stands in the clauses in the end, and any and all change places above it. */
static void
write_tree(struct writing *w, const struct authorise *a, bool negated, uint32_t holds,
	   uint32_t fails)
{
	bool all = (a->kind == AUTHORISE_ALL) != negated;

	if (a->kind == AUTHORISE_NOT) {
		write_tree(w, a->children, !negated, holds, fails);
		return;
	}
	if (a->kind > AUTHORISE_NOT) {
		write_clause(w, a, negated, holds, fails);
		return;
	}
	for (size_t i = 0; i < a->children_count; i++) {
		const struct authorise *child = &a->children[i];
		uint32_t next =
		    seg_builder_count(&w->b->seg, RULES_CLAUSES) + authorise_size(child);
		bool last = i + 1 == a->children_count;

		write_tree(w, child, negated, last || !all ? holds : next,
			   last || all ? fails : next);
	}
}

uint32_t
compile_authorise(struct table_builder *b, const struct config *c, const struct authorise *a,
		  bool *lacks)
{
	struct writing w = { .b = b, .config = c };
	struct table_authorise row;

	if (!a)
		return 0;
	row = (struct table_authorise){
		.first = seg_builder_count(&b->seg, RULES_CLAUSES),
		.count = authorise_size(a),
		.flags = a->shadow ? AUTHORISE_SHADOW : 0,
	};
	write_tree(&w, a, false, CLAUSE_PASS, CLAUSE_REFUSE);
	*lacks |= w.lacks;
	return seg_builder_add(&b->seg, RULES_AUTHORISE, &row, sizeof row) + 1;
}
