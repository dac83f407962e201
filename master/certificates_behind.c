/*
 * What TLS towards endpoints needs of files, in the sets of certificates.h.
 */

#include "certificates_own.h"

#include "issuer_names.h"

#include <unistd.h>

/* Roots that nobody asked for in so many words may be missing where nobody needs them. */
static bool
wants_roots(const struct config *c, const struct config_upstream *u)
{
	for (size_t i = 0; i < u->endpoints_count; i++) {
		if (u->endpoints[i].tls && !u->tls.insecure_skip_verify)
			return true;
	}
	return strcmp(u->tls.ca, c->upstream_tls.ca) != 0;
}

static void
load_upstream(struct certificates_loader *l, const struct config_upstream_tls *t, bool roots)
{
	if (roots)
		certificates_add_trust(l, t->ca, "");
	if (*t->certificate)
		certificates_add_pair(l, t->certificate, *t->key ? t->key : t->certificate);
}

/* Those whose keys are fetched over http need none before that changes. */
static void
load_issuers(struct certificates_loader *l, const struct config_gate *g)
{
	for (size_t i = 0; i < g->all_count; i++) {
		const struct config_issuer *issuer = &g->all[i];
		struct buf BUF_CLEAN setting = { 0 };

		if (!(config_issuers_fetched(issuer) || issuer->introspection) || !issuer->tls.ca)
			continue;
		buf_addf(&setting, "%s.%s.tls",
			 issuer->provider ? "login.providers" : "gate.issuers", issuer->name);
		buf_addc(&setting, '\0');
		l->setting = setting.p;
		l->line = issuer->place.line;
		load_upstream(l, &issuer->tls,
			      issuer->url.https || issuer->introspect.https ||
				  access(issuer->tls.ca, R_OK) == 0);
	}
}

void
certificates_load_behind(struct certificates_loader *l, const struct config *c)
{
	for (size_t i = 0; i < c->upstreams_count; i++) {
		const struct config_upstream *u = &c->upstreams[i];
		struct buf BUF_CLEAN setting = { 0 };

		if (!u->name || !u->tls.ca)
			continue;
		buf_addf(&setting, "upstreams.%s.tls", u->name);
		buf_addc(&setting, '\0');
		l->setting = setting.p;
		l->line = u->place.line;
		load_upstream(l, &u->tls, wants_roots(c, u));
	}
	load_issuers(l, &c->gate);
	l->setting = "redis.tls";
	l->line = c->redis_tls_line;
	if (c->redis.secure && c->redis.tls.ca)
		load_upstream(l, &c->redis.tls, !c->redis.tls.insecure_skip_verify);
	l->setting = "login.redis.tls";
	l->line = c->login.redis.line;
	if (c->login.configured && c->login.redis.secure && c->login.redis.tls.ca)
		load_upstream(l, &c->login.redis.tls, !c->login.redis.tls.insecure_skip_verify);
	if (!c->upstream_tls.ca)
		return;
	l->setting = "upstream_tls";
	l->line = c->upstream_tls_line;
	load_upstream(l, &c->upstream_tls,
		      c->upstream_tls_line > 0 || access(c->upstream_tls.ca, R_OK) == 0);
}
