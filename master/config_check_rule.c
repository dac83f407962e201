/*
 * config_check_rule: the checks of one entry of a store, which knows nothing of the others: whether
 * what it names exists is seen when the table is compiled.
 */

#include "config_check.h"
#include "config_check_action.h"
#include "config_check_conditions.h"
#include "config_check_limits.h"
#include "config_check_route.h"

void
config_check_rule_route(struct config_reader *r, const struct node *n, struct config_route *route)
{
	const char *key = config_key(r);
	struct route_check k = { &r->mistakes, n, key, 0 };
	struct action_check a = {
		.mistakes = &r->mistakes,
		.arena = r->env.arena,
		.key = key,
		.claims = r->c->gate.claims,
		.claims_count = r->c->gate.claims_count,
		.has_keys = true, /* without any the route answers 503 */
	};
	struct buf BUF_CLEAN name = { 0 };

	config_check_trim(r->env.arena, route);
	config_check_leads(&k);
	config_check_sections(&k);
	config_check_action(&a, route);
	config_check_conditions(&r->mistakes, key, 0, route);
	config_check_limited(&r->mistakes, r->c, r->c->serial != 0, key, 0, &route->limited);
	if (route->cascade)
		mistakes_add(&r->mistakes, false, 0, key,
			     "only the configuration file says who hears of deleted users; remove "
			     "cascade");
	/* Who can write rules must not be able to send tokens where he likes. */
	if (node_get(n, SLICE("credentials")))
		mistakes_add(&r->mistakes, false, 0, key,
			     "only the configuration file says what upstreams are told of who "
			     "asks; remove credentials");
	if (node_get(n, SLICE("cookies")))
		mistakes_add(&r->mistakes, false, 0, key,
			     "only the configuration file says which cookies go on; remove "
			     "cookies");
	route->credentials_count = 0;
	route->cookies = COOKIES_OWN_REMOVED;
	if (node_get(n, SLICE("hub")))
		mistakes_add(&r->mistakes, false, 0, key,
			     "only the configuration file says whom users' tokens are sent to; "
			     "remove hub");
	if (!route->target.address.text)
		return;
	config_endpoint_identity(&route->target, &name);
	route->upstream = arena_string(r->env.arena, buf_slice(&name));
}

void
config_check_rule_upstream(struct config_reader *r, const struct config_upstream *u)
{
	struct buf BUF_CLEAN key = { 0 };

	config_check_upstream(r, u, config_key(r));
	buf_addf(&key, "%s.hash_by", config_key(r));
	buf_addc(&key, '\0');
	if (r->c->serial) /* else there is none */
		config_check_hash(r, &u->balance, 0, key.p);
}
