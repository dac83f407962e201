#include "config_check.h"

#include "compile_conditions.h"
#include "config_check_action.h"
#include "config_check_conditions.h"
#include "config_check_route.h"
#include "config_floor.h"
#include "lib/jwt.h"
#include "lib/map.h"
#include "upstream_tls.h"

#include <stdio.h>

void
config_endpoint_identity(const struct config_endpoint *e, struct buf *out)
{
	bool v6 = e->address.host && strchr(e->address.host, ':');

	if (e->address.unix_path) {
		buf_adds(out, slice_of(e->address.text));
		return;
	}
	/* Once for each of very many rules, and printf takes as long as all the rest. */
	buf_adds(out, slice_of(e->tls ? "https://" : ""));
	buf_adds(out, slice_of(v6 ? "[" : ""));
	buf_adds(out, slice_of(e->address.host));
	buf_adds(out, slice_of(v6 ? "]:" : ":"));
	buf_add_u64(out, e->address.port);
	buf_adds(out, slice_of(e->base));
}

static void
check_endpoints(struct config_reader *r, const struct config_upstream *u, const char *prefix)
{
	struct map seen = MAP_INIT;

	for (size_t i = 0; i < u->endpoints_count; i++) {
		struct buf BUF_CLEAN identity = { 0 }, key = { 0 };
		const struct config_endpoint *e = &u->endpoints[i];
		void **place;

		if (!e->address.text)
			continue;
		config_endpoint_identity(e, &identity);
		buf_addf(&key, "%s.endpoints[%zu]", prefix, i);
		buf_addc(&key, '\0');
		place = map_put(&seen, buf_slice(&identity));
		if (*place)
			mistakes_add(&r->mistakes, false, e->place.line, key.p,
				     "%s is an endpoint of this upstream already; remove it, or "
				     "use weight for a larger share",
				     e->address.text);
		*place = (void *)(uintptr_t)e;
	}
	map_deinit(&seen, NULL);
}

static bool
speaks_tls(const struct config_upstream *u)
{
	for (size_t i = 0; i < u->endpoints_count; i++) {
		if (u->endpoints[i].tls)
			return true;
	}
	return false;
}

static void
check_tls(struct config_reader *r, const struct config_upstream *u, const char *key)
{
	struct buf BUF_CLEAN below = { 0 };
	int line = u->place.line;
	size_t n;

	buf_addf(&below, "%s.tls", key);
	n = below.n;
	buf_adds(&below, slice_make(".insecure_skip_verify", sizeof ".insecure_skip_verify"));
	if (u->tls.insecure_skip_verify && speaks_tls(u))
		mistakes_add(
		    &r->mistakes, true, line, below.p,
		    "whoever answers in the place of an https endpoint is taken for it, and "
		    "can read and change all that passes; give tls.ca instead");
	below.n = n;
	buf_adds(&below, slice_make(".pin_sha256", sizeof ".pin_sha256"));
	config_check_pins(r, &u->tls, line, below.p);
}

void
config_check_pins(struct config_reader *r, const struct config_upstream_tls *t, int line,
		  const char *key)
{
	uint8_t pin[32];

	for (size_t i = 0; i < t->pins_count; i++) {
		if (!upstream_tls_pin(t->pins[i], pin))
			mistakes_add(
			    &r->mistakes, false, line, key,
			    "\"%s\" is no SHA-256 in base64; write what this says: openssl "
			    "x509 -in CERTIFICATE -pubkey -noout | openssl pkey -pubin "
			    "-outform der | openssl dgst -sha256 -binary | base64",
			    t->pins[i]);
	}
}

void
config_check_upstream(struct config_reader *r, const struct config_upstream *u, const char *key)
{
	struct buf BUF_CLEAN below = { 0 };

	buf_addf(&below, "%s.endpoints", key);
	buf_addc(&below, '\0');
	/* An empty list; that there is none at all was told when it was read. */
	if (u->endpoints_count == 0 && u->endpoints)
		mistakes_add(&r->mistakes, false, u->place.line, below.p,
			     "there is no endpoint; name at least one, such as \"127.0.0.1:9001\"");
	check_endpoints(r, u, key);
	check_tls(r, u, key);
}

void
config_check_upstreams(struct config_reader *r)
{
	for (size_t i = 0; i < r->c->upstreams_count; i++) {
		const struct config_upstream *u = &r->c->upstreams[i];
		struct buf BUF_CLEAN key = { 0 };

		if (!u->name)
			continue;
		buf_addf(&key, "upstreams.%s", u->name);
		buf_addc(&key, '\0');
		config_check_upstream(r, u, key.p);
	}
}

/* Upstreams by name, those of targets included; their values are struct config_upstream. */
struct routing {
	struct config_reader *r;
	struct map upstreams, names, matches;
	struct map used;
	struct config_upstream *made; /* of targets */
	size_t made_count;
};

/* An upstream of its own, shared by all routes with this target. The name has a colon, which no
 * upstream of the file has. */
static void
make_upstream(struct routing *g, struct config_route *route)
{
	struct config *c = g->r->c;
	struct buf BUF_CLEAN name = { 0 };
	struct config_upstream *u;
	void **place;

	config_endpoint_identity(&route->target, &name);
	place = map_put(&g->upstreams, buf_slice(&name));
	if (!*place) {
		u = &g->made[g->made_count++];
		*u = (struct config_upstream){
			.name = arena_string(&c->arena, buf_slice(&name)),
			.endpoints = arena_calloc(&c->arena, sizeof *u->endpoints),
			.endpoints_count = 1,
			.health = c->health,
			.balance = c->balance,
			.fallback = c->fallback,
			.all_down_fail = c->all_down_fail,
			.tls = c->upstream_tls,
			.place = route->place,
		};
		u->endpoints[0] = route->target;
		u->endpoints[0].weight = 1;
		u->endpoints[0].place = route->place;
		*place = u;
	}
	route->upstream = ((struct config_upstream *)*place)->name;
}

/* What the file says of route i; NULL: nothing. */
static const struct node *
written(const struct routing *g, size_t i)
{
	const struct node *routes = node_get(g->r->root, SLICE("routes"));

	return routes && routes->kind == NODE_LIST && i < routes->count ? routes->items[i] : NULL;
}

static void
unknown_upstream(struct routing *g, const char *name, int line, const char *key)
{
	struct config *c = g->r->c;
	struct setting_word *words =
	    arena_calloc(&c->arena, (c->upstreams_count + 1) * sizeof *words);
	struct buf BUF_CLEAN hint = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < c->upstreams_count; i++) {
		if (c->upstreams[i].name)
			words[n++].word = c->upstreams[i].name;
	}
	setting_suggest_word(words, slice_of(name), &hint);
	if (hint.n == 0)
		buf_adds(&hint, SLICE("; name it there, or write target: host:port"));
	mistakes_add(&g->r->mistakes, false, line, key,
		     "there is no upstream \"%s\" in upstreams%.*s", name, SLICE_F(hint));
}

static void
use_upstream(struct routing *g, const char *name, int line, const char *key)
{
	if (!name || !*name)
		return;
	if (!map_get(&g->upstreams, slice_of(name)))
		unknown_upstream(g, name, line, key);
	*map_put(&g->used, slice_of(name)) = g;
}

static void
resolve_upstream(struct routing *g, struct config_route *route, const struct route_check *k)
{
	const struct node *upstream = node_get(k->node, SLICE("upstream"));
	struct buf BUF_CLEAN key = { 0 };

	buf_addf(&key, "%s.upstream", k->key);
	buf_addc(&key, '\0');
	if (!config_check_leads(k))
		;
	else if (route->target.address.text)
		make_upstream(g, route);
	else
		use_upstream(g, route->upstream, upstream ? upstream->line : k->line, key.p);
	if (route->upstream && *route->upstream)
		*map_put(&g->used, slice_of(route->upstream)) = g;
}

/* Something that one of the algorithms can verify a token with? */
static bool
has_keys(const struct config *c)
{
	const struct config_gate *g = &c->gate;

	return g->issuers_count + c->login.providers_count > 0 ||
	       (g->sources & TOKEN_FROM_API_KEY) ||
	       (g->secret.bytes && (g->algorithms & JWT_ALGS_SECRET)) ||
	       (g->public_key.bytes && (g->algorithms & JWT_ALGS_PUBLIC));
}

static void
check_action(struct routing *g, struct config_route *route, size_t i)
{
	const struct config *c = g->r->c;
	char key[48], below[96];
	struct action_check a = {
		.mistakes = &g->r->mistakes,
		.arena = &g->r->c->arena,
		.key = key,
		.line = route->place.line,
		.claims = c->gate.claims,
		.claims_count = c->gate.claims_count,
		.has_keys = has_keys(c),
		.gate = &c->gate,
		.gated = route->path ? config_floor_gate(c, route) : NULL,
	};

	snprintf(key, sizeof key, "routes[%zu]", i);
	config_check_action(&a, route);
	for (size_t k = 0; k < route->action.arms_count; k++) {
		snprintf(below, sizeof below, "%s.split[%zu].upstream", key, k);
		use_upstream(g, route->action.arms[k].upstream, route->action.arms[k].place.line,
			     below);
	}
	snprintf(below, sizeof below, "%s.mirror.upstream", key);
	use_upstream(g, route->action.mirror, route->place.line, below);
	snprintf(below, sizeof below, "%s.redirect_store.upstream", key);
	use_upstream(g, route->action.store.upstream, route->place.line, below);
}

/* A fallback is an upstream of the file. */
static void
resolve_fallback(struct routing *g, const char *name, int line, const char *key)
{
	if (name && strcmp(name, "off") != 0)
		use_upstream(g, name, line, key);
}

/* That of an upstream may be the global one, which is told once. */
static void
resolve_fallbacks(struct routing *g)
{
	const struct config *c = g->r->c;

	resolve_fallback(g, c->fallback, config_line(g->r, "fallback"), "fallback");
	for (size_t i = 0; i < c->upstreams_count; i++) {
		const struct config_upstream *u = &c->upstreams[i];
		struct buf BUF_CLEAN key = { 0 };

		buf_addf(&key, "upstreams.%s.fallback", u->name ? u->name : "");
		buf_addc(&key, '\0');
		if (u->fallback && c->fallback && strcmp(u->fallback, c->fallback) != 0)
			resolve_fallback(g, u->fallback, u->place.line, key.p);
	}
	for (size_t i = 0; i < c->routes_count; i++) {
		char key[48];

		snprintf(key, sizeof key, "routes[%zu].fallback", i);
		resolve_fallback(g, c->routes[i].fallback, c->routes[i].place.line, key);
	}
}

static void
check_unique(struct routing *g, struct config_route *route, size_t i)
{
	struct buf BUF_CLEAN match = { 0 };
	struct mistakes *m = &g->r->mistakes;
	char key[48];
	void **place;

	snprintf(key, sizeof key, "routes[%zu]", i);
	buf_addf(&match, "%s%s%s\n", route->host, route->path, route->exact ? "=" : "");
	compile_conditions_key(route, &match);
	place = map_put(&g->matches, buf_slice(&match));
	if (*place)
		mistakes_add(m, false, route->place.line, key,
			     "the route in line %d has the same host and path%s, so that this one "
			     "would never match; remove one of the two",
			     ((struct config_route *)*place)->place.line,
			     compile_conditions_count(route) ? " and conditions" : "");
	*place = route;
	if (!*route->name)
		return;
	place = map_put(&g->names, slice_of(route->name));
	if (*place)
		mistakes_add(m, false, route->place.line, key,
			     "the route in line %d is named %s already; choose another name",
			     ((struct config_route *)*place)->place.line, route->name);
	*place = route;
}

/* Upstreams of the file and of targets become one array. */
static void
join_upstreams(struct routing *g)
{
	struct config *c = g->r->c;
	struct config_upstream *all;

	if (g->made_count == 0)
		return;
	all = arena_alloc(&c->arena, (c->upstreams_count + g->made_count) * sizeof *all);
	if (c->upstreams_count > 0)
		memcpy(all, c->upstreams, c->upstreams_count * sizeof *all);
	memcpy(all + c->upstreams_count, g->made, g->made_count * sizeof *all);
	c->upstreams = all;
	c->upstreams_count += g->made_count;
}

static void
warn_unused(struct routing *g)
{
	struct config *c = g->r->c;

	for (size_t i = 0; i < c->upstreams_count; i++) {
		struct buf BUF_CLEAN key = { 0 };
		const struct config_upstream *u = &c->upstreams[i];

		if (!u->name || map_get(&g->used, slice_of(u->name)))
			continue;
		buf_addf(&key, "upstreams.%s", u->name);
		buf_addc(&key, '\0');
		mistakes_add(&g->r->mistakes, true, u->place.line, key.p,
			     "no route uses this upstream; add one, or remove it");
	}
	/* Of what is refused it is not known which routes it would have. */
	if (c->routes_count == 0 && !c->redis.configured && g->r->mistakes.errors == 0)
		mistakes_add(
		    &g->r->mistakes, true, config_line(g->r, "routes"), "routes",
		    "there are no routes and no Redis, so every request is answered %u; add routes",
		    c->no_route_status);
}

void
config_check_routes(struct config_reader *r)
{
	struct config *c = r->c;
	struct routing g = { .r = r };

	g.made = arena_alloc(&c->arena, (c->routes_count + 1) * sizeof *g.made);
	for (size_t i = 0; i < c->upstreams_count; i++) {
		if (c->upstreams[i].name)
			*map_put(&g.upstreams, slice_of(c->upstreams[i].name)) = &c->upstreams[i];
	}
	for (size_t i = 0; i < c->routes_count; i++) {
		struct config_route *route = &c->routes[i];
		char key[48];
		struct route_check k = { &r->mistakes, written(&g, i), key, route->place.line };

		snprintf(key, sizeof key, "routes[%zu]", i);
		config_check_trim(&c->arena, route);
		resolve_upstream(&g, route, &k);
		config_check_sections(&k);
		check_action(&g, route, i);
		config_check_hub(r, k.node, key, route);
		config_check_conditions(&r->mistakes, key, route->place.line, route);
		if (route->path && route->host && route->name)
			check_unique(&g, route, i);
	}
	resolve_fallbacks(&g);
	warn_unused(&g);
	join_upstreams(&g);
	config_hub_upstreams(c);
	map_deinit(&g.upstreams, NULL);
	map_deinit(&g.names, NULL);
	map_deinit(&g.matches, NULL);
	map_deinit(&g.used, NULL);
}
