#include "config_check.h"

#include "hash_by.h"

#include <stdio.h>

#define SECRET_ADVISED 16 /* bytes */

static void
check_plugins(struct config_reader *r)
{
	const struct config_redis *redis = &r->c->redis;

	for (size_t i = 0; i < redis->plugins_count; i++) {
		const struct config_plugin *p = &redis->plugins[i];
		int named = (p->name != PLUGIN_NAME_NONE) + (p->score != SCORE_NONE) +
			    (p->weighted_score != SCORE_NONE) +
			    (p->stickiness.cookie && *p->stickiness.cookie);
		char key[48];

		snprintf(key, sizeof key, "redis.plugins[%zu]", i);
		if (named != 1)
			mistakes_add(&r->mistakes, false, p->place.line, key,
				     "%s; write random, {score: least}, {weighted_score: most} or "
				     "{stickiness: {cookie: NAME}}",
				     named ? "it is several plugins at once" : "it is no plugin");
	}
}

/* A claim is known only where the gate takes it out of the token. */
void
config_check_hash(struct config_reader *r, const struct config_balance *b, int line,
		  const char *key)
{
	const struct config_gate *g = &r->c->gate;
	struct hash_by_text by;

	if (b->strategy != BALANCE_HASH || !b->hash_by ||
	    !hash_by_parse(slice_of(b->hash_by), &by) || by.by != HASH_BY_CLAIM)
		return;
	for (size_t i = 0; i < g->claims_count; i++) {
		if (g->claims[i].claim && slice_eq(slice_of(g->claims[i].claim), by.name))
			return;
	}
	mistakes_add(&r->mistakes, false, line, key,
		     "the claim %.*s is not among gate.claims; add it there", SLICE_F(by.name));
}

static void
check_sticky(struct config_reader *r, const struct config_upstream *u)
{
	struct buf BUF_CLEAN key = { 0 };

	if (!u->sticky.cookie || !*u->sticky.cookie || u->sticky.same_site != SAME_SITE_NONE ||
	    u->sticky.secure == STICKY_SECURE_ON)
		return;
	buf_addf(&key, "upstreams.%s.sticky.samesite", u->name);
	buf_addc(&key, '\0');
	mistakes_add(
	    &r->mistakes, true, u->place.line, key.p,
	    "browsers take a cookie with SameSite=None only if it is Secure as well; write "
	    "secure: true");
}

static void
check_secret(struct config_reader *r)
{
	const struct config_secret *s = &r->c->sticky_secret;

	if (s->bytes && s->n < SECRET_ADVISED)
		mistakes_add(
		    &r->mistakes, s->n > 0, config_line(r, "sticky_secret"), "sticky_secret",
		    "the secret has %zu bytes; use at least %d random ones", s->n, SECRET_ADVISED);
}

void
config_check_balance(struct config_reader *r)
{
	check_plugins(r);
	check_secret(r);
	config_check_hash(r, &r->c->balance, config_line(r, "hash_by"), "hash_by");
	for (size_t i = 0; i < r->c->upstreams_count; i++) {
		const struct config_upstream *u = &r->c->upstreams[i];
		struct buf BUF_CLEAN key = { 0 };

		if (!u->name)
			continue;
		buf_addf(&key, "upstreams.%s.hash_by", u->name);
		buf_addc(&key, '\0');
		config_check_hash(r, &u->balance, u->place.line, key.p);
		check_sticky(r, u);
	}
}
