#include "compile_issuers.h"

#include "issuer_names.h"
#include "issuers.h"

#include "lib/jwt.h"

/* ---- rules ---- */

/* Returns the index of the first. */
static uint32_t
add_texts(struct table_builder *b, const char *const *texts, size_t count)
{
	uint32_t first = 0;

	for (size_t i = 0; i < count; i++) {
		struct seg_ref ref = seg_builder_string(&b->seg, slice_of(texts[i]));
		uint32_t at = seg_builder_add(&b->seg, RULES_AUDIENCES, &ref, sizeof ref);

		first = i == 0 ? at : first;
	}
	return first;
}

static uint32_t
add_required(struct table_builder *b, const struct config_issuer *i)
{
	uint32_t first = 0;

	for (size_t k = 0; k < i->required_count; k++) {
		const struct config_required *q = &i->required[k];
		struct table_required row = {
			.claim = seg_builder_string(&b->seg, slice_of(q->claim)),
			.first = add_texts(b, q->values, q->values_count),
			.count = (uint32_t)q->values_count,
		};
		uint32_t at = seg_builder_add(&b->seg, RULES_REQUIRED, &row, sizeof row);

		first = k == 0 ? at : first;
	}
	return first;
}

void
compile_issuers(struct table_builder *b, const struct config_gate *g)
{
	for (size_t k = 0; k < g->all_count; k++) {
		const struct config_issuer *i = &g->all[k];
		struct table_issuer row = {
			.algorithms = i->algorithms,
			.leeway_s = i->leeway_s,
			.asked = config_issuers_fetched(i) ? issuers_id(i) : 0,
			.name = seg_builder_string(&b->seg, slice_of(i->name)),
			.iss = seg_builder_string(&b->seg, slice_of(i->iss)),
			.audience_first = add_texts(b, i->audience, i->audience_count),
			.audience_count = (uint32_t)i->audience_count,
			.required_first = add_required(b, i),
			.required_count = (uint32_t)i->required_count,
			.require_exp = i->require_exp,
		};

		if (i->introspection) {
			b->global.introspection =
			    seg_builder_string(&b->seg, slice_of(i->introspection));
			b->global.introspecting = (uint32_t)k;
			/* In a queue one may have to wait for another. */
			b->global.introspection_ms = 2 * i->introspection_timeout + 500;
		}
		seg_builder_add(&b->seg, RULES_ISSUERS, &row, sizeof row);
	}
}

uint64_t
compile_issuers_of(const struct config *c, const struct config_route *r)
{
	const char *unknown;

	return r ? config_issuers_mask(&c->gate, r->action.issuers, r->action.issuers_count,
				       &unknown)
		 : UINT64_MAX;
}

const char *
compile_issuers_unknown(const struct config *c, const struct config_route *r)
{
	const char *unknown;

	(void)config_issuers_mask(&c->gate, r->action.issuers, r->action.issuers_count, &unknown);
	return unknown;
}

bool
compile_issuers_named(const struct config *c)
{
	for (size_t i = 0; i < c->routes_count; i++) {
		if (c->routes[i].action.issuers_count > 0)
			return true;
	}
	return false;
}

/* ---- keys ---- */

static void
add_key(struct seg_builder *b, uint32_t issuer, struct slice bytes, struct slice kid,
	uint32_t algorithms)
{
	struct table_key_material row = {
		.issuer = issuer,
		.kind = algorithms & JWT_ALGS_SECRET ? KEY_SECRET : KEY_PUBLIC,
		.algorithms = algorithms,
		.kid = seg_builder_string(b, kid.p ? kid : SLICE("")),
		.bytes = seg_builder_string(b, bytes),
	};

	if (bytes.n > 0 && algorithms)
		seg_builder_add(b, KEYS_KEYS, &row, sizeof row);
}

static void
add_set(struct seg_builder *b, uint32_t issuer, const struct config_issuer *i,
	const struct jwks *set)
{
	for (size_t k = 0; set && k < set->count; k++) {
		const struct jwks_key *key = &set->keys[k];

		add_key(b, issuer, key->bytes, key->kid, key->algorithms & i->algorithms);
	}
}

void
compile_issuers_keys(struct seg_builder *b, const struct config_gate *g,
		     const struct issuers *known)
{
	for (uint32_t k = 0; k < g->all_count; k++) {
		const struct config_issuer *i = &g->all[k];

		add_key(b, k, slice_make(i->secret.bytes, i->secret.n), SLICE(""),
			i->algorithms & JWT_ALGS_SECRET);
		add_key(b, k, slice_make(i->public_key.bytes, i->public_key.n), SLICE(""),
			i->algorithms & JWT_ALGS_PUBLIC);
		add_set(b, k, i, issuers_keys(known, i));
	}
}

size_t
compile_issuers_size(const struct config_gate *g, const struct issuers *known)
{
	size_t n = 64;

	for (size_t k = 0; k < g->all_count; k++) {
		const struct jwks *set = issuers_keys(known, &g->all[k]);

		n += g->all[k].secret.n + g->all[k].public_key.n;
		for (size_t i = 0; set && i < set->count; i++)
			n += set->keys[i].bytes.n + set->keys[i].kid.n;
	}
	return n;
}
