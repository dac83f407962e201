/*
 * One upstream of the directory, from what it was read as.
 */

#include "directory_own.h"

#include "lib/xalloc.h"
#include "own.h"
#include "rules_backend.h"
#include "seek.h"
#include "shm/table.h"

#include <stdlib.h>

#define FEW 16

static const char *
copy(struct directory_maker *b, const char *text)
{
	return text ? arena_string(b->arena, slice_of(text)) : NULL;
}

static uint16_t
port_of(const struct config_address *a)
{
	return a->port ? a->port : 80;
}

/* "host:port", "[v6]:port", "https://" before them, "unix:/path"; host in lower case. */
static const char *
authority(struct directory_maker *b, const struct config_address *a, bool tls)
{
	struct buf text BUF_CLEAN = { 0 };
	bool v6;

	if (a->unix_path) {
		buf_addf(&text, "unix:%s", a->unix_path);
		return arena_string(b->arena, buf_slice(&text));
	}
	v6 = strchr(a->host, ':') && a->host[0] != '[';
	if (tls)
		buf_adds(&text, SLICE("https://"));
	if (v6)
		buf_addc(&text, '[');
	buf_adds(&text, slice_of(a->host));
	buf_adds(&text, v6 ? SLICE("]:") : SLICE(":"));
	buf_addf(&text, "%u", port_of(a));
	for (size_t i = 0; i < text.n; i++)
		text.p[i] = ascii_lower(text.p[i]);
	return arena_string(b->arena, buf_slice(&text));
}

static void
warn_unverified(struct directory_maker *b, const struct directory_upstream *u)
{
	if (u->speaks_tls && u->tls.insecure_skip_verify)
		buf_addf(b->warnings,
			 "upstream %s: insecure_skip_verify: whoever answers in the place of its "
			 "https endpoints is taken for them\n",
			 u->name);
}

/* The port of https goes without saying (RFC 9110 section 4.2.2), and some take it for another
 * name. */
static const char *
host_of(struct directory_maker *b, const char *authority, bool tls)
{
	struct slice host;

	if (!tls)
		return authority;
	host = slice_of(authority + strlen("https://"));
	if (host.n > 4 && memcmp(host.p + host.n - 4, ":443", 4) == 0)
		host.n -= 4;
	return arena_string(b->arena, host);
}

/* One that is asked for other keys, or believed by other roots, may be dead where another is not.
 */
static uint32_t
slot_of(struct directory_maker *b, const struct directory_upstream *u,
	const struct directory_endpoint *e)
{
	struct buf identity BUF_CLEAN = { 0 };

	if (!e->tls)
		return slots_get(b->slots->endpoints, slice_of(e->authority));
	buf_addf(&identity, "%s %s %s %s %s %d", e->authority, u->tls.ca, u->tls.certificate,
		 u->tls.key, u->tls.server_name, u->tls.insecure_skip_verify);
	for (size_t i = 0; i < u->tls.pins_count; i++)
		buf_addf(&identity, " %s", u->tls.pins[i]);
	return slots_get(b->slots->endpoints, buf_slice(&identity));
}

/* Was this endpoint of the upstream seen before? Few are compared with each. */
static bool
listed(struct directory_maker *b, const struct directory_upstream *u,
       const struct directory_endpoint *e, size_t most)
{
	struct buf identity BUF_CLEAN = { 0 };
	void **seen;

	for (size_t i = 0; most <= FEW && i < u->endpoints_count; i++) {
		if (strcmp(u->endpoints[i].authority, e->authority) == 0 &&
		    strcmp(u->endpoints[i].base, e->base) == 0)
			return true;
	}
	if (most <= FEW)
		return false;
	buf_adds(&identity, slice_of(e->authority));
	buf_adds(&identity, slice_of(e->base));
	seen = map_put(&b->seen, buf_slice(&identity));
	if (*seen)
		return true;
	*seen = b;
	return false;
}

static void
add_endpoint(struct directory_maker *b, struct directory_upstream *u,
	     const struct config_endpoint *from, double score, size_t most)
{
	struct directory_endpoint e = {
		.authority = authority(b, &from->address, from->tls),
		.tls = from->tls,
		.address = {
			.text = copy(b, from->address.text),
			.host = copy(b, from->address.host),
			.port = from->address.unix_path ? 0 : port_of(&from->address),
			.unix_path = copy(b, from->address.unix_path),
		},
		.base = copy(b, from->base ? from->base : ""),
		.weight = from->weight ? from->weight : 1,
		.score = score,
	};

	e.host = host_of(b, e.authority, e.tls);
	if (own_is(b->own, &from->address)) {
		buf_addf(b->warnings,
			 "upstream %s: endpoint %s is a listener of this gateway; left out\n",
			 u->name, e.authority);
		u->own[u->own_count++] = e.authority;
		return;
	}
	if (listed(b, u, &e, most))
		return;
	e.slot = slot_of(b, u, &e);
	u->speaks_tls |= e.tls;
	u->endpoints[u->endpoints_count++] = e;
}

static struct directory_upstream *
upstream_new(struct directory_maker *b, const char *name, enum rules_source source,
	     size_t endpoints)
{
	struct directory_upstream *u = xcalloc(1, sizeof *u);
	struct buf identity BUF_CLEAN = { 0 };

	b->arena = &u->arena;
	map_deinit(&b->seen, NULL);
	buf_addf(&identity, "%s:%s", rules_source_name(source), name);
	u->name = copy(b, name);
	u->source = source;
	u->index = slots_get(b->slots->upstreams, buf_slice(&identity));
	u->slot = slots_get(b->slots->seen_upstreams, slice_of(name)); /* as metrics call it */
	if (u->index == 0)
		buf_addf(b->warnings, "upstream %s: there are too many upstreams; it answers 503\n",
			 name);
	u->own = arena_calloc(b->arena, (endpoints ? endpoints : 1) * sizeof *u->own);
	u->endpoints = arena_calloc(b->arena, (endpoints ? endpoints : 1) * sizeof *u->endpoints);
	return u;
}

void
directory_upstream_free(struct directory_upstream *u)
{
	if (!u)
		return;
	arena_deinit(&u->arena);
	free(u);
}

static void
copy_balance(struct directory_maker *b, struct directory_upstream *u,
	     const struct config_balance *from)
{
	u->balance = *from;
	u->balance.hash_by = copy(b, from->hash_by);
}

static struct config_sticky
copy_sticky(struct directory_maker *b, const struct config_sticky *from)
{
	struct config_sticky s = *from;

	s.cookie = copy(b, from->cookie);
	s.path = copy(b, from->path);
	return s;
}

/* What a rule was read without is what nothing is asked for by. */
static const char *
copy_or_none(struct directory_maker *b, const char *text)
{
	return text ? copy(b, text) : "";
}

static void
copy_tls(struct directory_maker *b, struct directory_upstream *u,
	 const struct config_upstream_tls *from)
{
	const char **pins = arena_calloc(b->arena, (from->pins_count + 1) * sizeof(const char *));

	u->tls = (struct config_upstream_tls){
		.ca = copy_or_none(b, from->ca),
		.server_name = copy_or_none(b, from->server_name),
		.insecure_skip_verify = from->insecure_skip_verify,
		.certificate = copy_or_none(b, from->certificate),
		.key = copy_or_none(b, from->key),
		.pins = pins,
		.pins_count = from->pins_count,
	};
	for (size_t i = 0; i < from->pins_count; i++)
		pins[i] = copy(b, from->pins[i]);
}

struct directory_upstream *
directory_make(struct directory_maker *b, const struct config_upstream *from,
	       enum rules_source source)
{
	struct directory_upstream *u = upstream_new(b, from->name, source, from->endpoints_count);

	u->health = from->health;
	u->health.path = copy(b, from->health.path);
	copy_balance(b, u, &from->balance);
	u->sticky = copy_sticky(b, &from->sticky);
	u->fallback = copy(b, from->fallback ? from->fallback : "");
	u->all_down_fail = from->all_down_fail;
	u->proxy_protocol = from->proxy_protocol;
	copy_tls(b, u, &from->tls);
	for (size_t i = 0; i < from->endpoints_count; i++)
		add_endpoint(b, u, &from->endpoints[i], 0, from->endpoints_count);
	warn_unverified(b, u);
	return u;
}

/* A cookie is set by the first plugin that reads one. */
static void
add_plugins(struct directory_maker *b, struct directory_upstream *u,
	    const struct config_redis *redis)
{
	struct config_plugin *plugins =
	    arena_calloc(b->arena, (redis->plugins_count + 1) * sizeof *plugins);

	for (size_t i = 0; i < redis->plugins_count; i++) {
		plugins[i] = redis->plugins[i];
		plugins[i].stickiness = copy_sticky(b, &plugins[i].stickiness);
		if (!u->sticky.cookie || !*u->sticky.cookie)
			u->sticky = plugins[i].stickiness;
	}
	if (u->sticky.redx) { /* as redx sends it */
		u->sticky.same_site = SAME_SITE_NONE;
		u->sticky.secure = STICKY_SECURE_ON;
	}
	u->plugins = plugins;
	u->plugins_count = redis->plugins_count;
}

/* What is no number is none. */
static const double *
max_score(struct directory_maker *b, const struct rules_backend *from)
{
	for (size_t i = 0; i < from->config_count; i++) {
		double *value;

		if (strcmp(from->config[2 * i], "_max_score") != 0)
			continue;
		value = arena_calloc(b->arena, sizeof *value);
		return rules_score_parse(slice_of(from->config[2 * i + 1]), value) ? NULL : value;
	}
	return NULL;
}

struct directory_upstream *
directory_make_redx(struct directory_maker *b, const struct rules_backend *from)
{
	const struct config *c = b->c;
	struct directory_upstream *u =
	    upstream_new(b, from->name, SOURCE_REDX, from->servers_count);

	u->health = c->health;
	u->health.path = copy(b, c->health.path);
	copy_balance(b, u, &c->balance);
	add_plugins(b, u, &c->redis);
	u->max_score = max_score(b, from);
	u->all_down_fail = c->all_down_fail;
	copy_tls(b, u, &c->upstream_tls);
	for (size_t i = 0; i < from->servers_count; i++)
		add_endpoint(b, u, &from->servers[i].endpoint, from->servers[i].score,
			     from->servers_count);
	warn_unverified(b, u);
	return u;
}

struct directory_upstream *
directory_make_target(struct directory_maker *b, const struct config_route *route)
{
	const struct config *c = b->c;
	struct config_endpoint endpoint = route->target;
	const struct config_upstream u = {
		.name = route->upstream,
		.endpoints = &endpoint,
		.endpoints_count = 1,
		.health = c->health,
		.balance = c->balance,
		.fallback = c->fallback,
		.all_down_fail = c->all_down_fail,
		.tls = c->upstream_tls,
	};

	endpoint.weight = 1;
	return directory_make(b, &u, SOURCE_RULE);
}

#define SESSIONS "(sessions)"

struct directory_upstream *
directory_make_sessions(struct directory_maker *b, const struct seek_servers *found)
{
	const struct config_sessions *s = &b->c->login.redis;
	const struct seek_servers given = { { &s->address }, 1 };
	struct config_endpoint endpoints[SEEK_NODES];
	struct config_upstream u = {
		.name = SESSIONS,
		.endpoints = endpoints,
		.balance = { .strategy = BALANCE_ROUND_ROBIN, .hash_by = "address" },
		.fallback = "off",
		.tls = s->tls,
	};
	struct directory_upstream *own;

	if (!s->seek.places_count)
		found = &given;
	for (size_t i = 0; found && i < found->count; i++)
		endpoints[i] = (struct config_endpoint){
			.address = *found->at[i], .base = "", .tls = s->secure, .weight = 1
		};
	u.endpoints_count = found ? found->count : 0;
	own = directory_make(b, &u, SOURCE_FILE);
	own->hidden = true;
	return own;
}
