/*
 * config_list_issuers: all who issue tokens in one list: what `gate` itself describes, and
 * gate.issuers.
 */

#include "config_check.h"

#include "lib/jwt.h"

/* Where the file of the configuration names it, though it may be unreadable, which is told. */
bool
config_issuer_given(const struct config_reader *r, const struct config_issuer *i, const char *what)
{
	const struct node *all = node_at(r->root, SLICE("gate.issuers"));

	return node_get(node_get(all, slice_of(i->name)), slice_of(what)) != NULL;
}

static struct config_issuer
default_issuer(const struct config_gate *g)
{
	return (struct config_issuer){
		.name = ISSUER_DEFAULT,
		.iss = g->issuer ? g->issuer : "",
		.algorithms = g->algorithms,
		.audience = g->audience,
		.audience_count = g->audience_count,
		.leeway_s = g->leeway_s,
		.require_exp = g->require_exp,
		.secret = g->secret,
		.public_key = g->public_key,
	};
}

static bool
has_keys(const struct config_issuer *i)
{
	return i->secret.bytes || i->public_key.bytes || i->jwks || i->jwks_uri || i->discovery;
}

/* --effective shows them, too. Who is only asked verifies nothing. */
static void
default_algorithms(struct config_reader *r)
{
	struct config_gate *g = &r->c->gate;

	for (size_t k = 0; k < g->issuers_count; k++) {
		struct config_issuer *i = &g->issuers[k];

		if (i->introspection && !has_keys(i))
			continue;
		if (i->name && i->algorithms == 0)
			i->algorithms =
			    config_issuer_given(r, i, "secret") ? 1u << JWT_HS256 : 1u << JWT_RS256;
	}
}

void
config_list_issuers(struct config_reader *r)
{
	struct config *c = r->c;
	struct config_gate *g = &c->gate;

	default_algorithms(r);
	g->all = arena_calloc(&c->arena,
			      (g->issuers_count + c->login.providers_count + 1) * sizeof *g->all);
	if (g->issuers_count + c->login.providers_count == 0 || g->secret.bytes ||
	    g->public_key.bytes)
		g->all[g->all_count++] = default_issuer(g);
	for (size_t i = 0; i < g->issuers_count; i++) {
		if (g->issuers[i].name && g->issuers[i].iss)
			g->all[g->all_count++] = g->issuers[i];
	}
}
