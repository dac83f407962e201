/*
 * config_check_hub: whom a hub may ask. Each of them becomes an upstream that no route leads to, so
 * that its name is resolved and its TLS made like those of any other.
 */

#include "config_check.h"

#include "config_floor.h"
#include "hub_names.h"

#include "lib/absolute.h"

#include <stdlib.h>

#define DOMAINS "NAAVRE_ALLOWED_DOMAINS"
#define VERIFY "VRE_API_VERIFY_SSL"

struct check {
	struct config_reader *r;
	const char *key;
	int line;
};

static void mistake(const struct check *k, bool warning, const char *below, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static void
mistake(const struct check *k, bool warning, const char *below, const char *fmt, ...)
{
	struct buf BUF_CLEAN key = { 0 };
	va_list args;

	buf_addf(&key, "%s.hub%s%s", k->key, *below ? "." : "", below);
	buf_addc(&key, '\0');
	va_start(args, fmt);
	mistakes_vadd(&k->r->mistakes, warning, k->line, key.p, fmt, args);
	va_end(args);
}

/* As NaaVRE reads it: nothing is trimmed, and an empty name is none. */
static void
read_domains(const struct check *k, struct config_hub *hub)
{
	struct slice rest = slice_of(getenv(DOMAINS));
	struct arena *arena = &k->r->c->arena;
	size_t most = 1;

	if (!rest.p) {
		mistake(k, true, "allow",
			"the environment variable " DOMAINS " is not set, so that no request will "
			"be allowed; set it, or give allow");
		return;
	}
	for (size_t i = 0; i < rest.n; i++)
		most += rest.p[i] == ',';
	hub->allow = arena_calloc(arena, most * sizeof *hub->allow);
	while (rest.p) {
		struct slice name = slice_cut(rest, ',', &rest);

		if (name.n > 0)
			hub->allow[hub->allow_count++] = arena_string(arena, name);
	}
}

static void
read_environment(const struct check *k, const struct node *n, struct config_hub *hub)
{
	const char *verify = getenv(VERIFY);

	if (k->r->c->profile != PROFILE_NAAVRE)
		return;
	if (!node_get(n, SLICE("allow")))
		read_domains(k, hub);
	if (verify && slice_ieq(slice_of(verify), SLICE("false")))
		mistake(k, false, "targets",
			"the environment variable " VERIFY
			" asks for TLS without verification, by which anybody between could read "
			"the tokens; unset it, and give the file of the roots as ca of each "
			"service in targets");
}

static void
check_allow(const struct check *k, const struct config_hub *hub)
{
	struct hub_name name;

	if (hub->allow_count == 0 && k->r->c->profile != PROFILE_NAAVRE)
		mistake(k, false, "allow", "it is missing; name the hosts that may be asked");
	for (size_t i = 0; i < hub->allow_count; i++) {
		const char *text = hub->allow[i];

		if (strcmp(text, "*") == 0)
			mistake(k, true, "allow",
				"* lets whoever shows a good token have it sent to any host; name "
				"the hosts");
		else if (!hub_name_parse(&k->r->c->arena, text, &name))
			mistake(k, false, "allow",
				"\"%s\" is no host; write host, or host:port, without https:// "
				"and without a path",
				text);
	}
}

static void
check_targets(const struct check *k, const struct config_hub *hub)
{
	for (size_t i = 0; i < hub->targets_count; i++) {
		const struct config_hub_target *t = &hub->targets[i];
		bool found = false;

		for (size_t a = 0; a < hub->allow_count; a++)
			found |= t->host && strcmp(hub->allow[a], t->host) == 0;
		if (t->host && !found)
			mistake(k, false, "targets",
				"%s is not in allow, so that nothing is different of it; add it "
				"there as it is written here",
				t->host);
	}
}

static void
check_credential(const struct check *k, const struct config_hub *hub)
{
	const struct config_login *l = &k->r->c->login;
	bool found = !*hub->credential;

	for (size_t i = 0; i < l->providers_count; i++)
		found |= l->providers[i].name && strcmp(l->providers[i].name, hub->credential) == 0;
	if (!found)
		mistake(k, false, "credential",
			"there is no provider %s in login.providers; name one of them",
			hub->credential);
}

/* Whose token would be sent, if anybody could ask? */
static void
check_auth(const struct check *k, const struct config_route *route)
{
	const char *gated = route->path ? config_floor_gate(k->r->c, route) : NULL;

	if (route->action.auth != AUTH_REQUIRED && !gated)
		mistake(k, false, "",
			"a hub asks in the name of whoever shows a good token; add auth: required "
			"to the route");
}

void
config_check_hub(struct config_reader *r, const struct node *n, const char *key,
		 struct config_route *route)
{
	const struct node *own = n ? node_get(n, SLICE("hub")) : NULL;
	const struct check k = { r, key, own ? own->line : route->place.line };
	struct config_hub *hub = &route->action.hub;

	hub->given = own && own->kind == NODE_MAPPING;
	if (!hub->given)
		return;
	read_environment(&k, own, hub);
	check_allow(&k, hub);
	check_targets(&k, hub);
	check_credential(&k, hub);
	check_auth(&k, route);
	if (route->exact)
		mistake(&k, false, "",
			"what is asked for are paths below the route's; remove exact from it");
}

/* ---- upstreams ---- */

struct made {
	struct config *c;
	struct config_upstream *all;
	size_t count;
};

static void
add_upstream(struct made *m, const struct config_route *route, const char *text, bool https)
{
	const struct config_hub_target *t = hub_names_target(&route->action.hub, text);
	struct config *c = m->c;
	struct config_upstream *u = &m->all[m->count];
	struct hub_name name;

	if (!hub_name_parse(&c->arena, text, &name))
		return;
	*u = (struct config_upstream){
		.name = hub_names_upstream(&c->arena, &route->action.hub, text, https),
		.endpoints = arena_calloc(&c->arena, sizeof *u->endpoints),
		.endpoints_count = 1,
		.health = c->health,
		.balance = c->balance,
		.fallback = "off",
		.all_down_fail = c->all_down_fail,
		/* Neither a certificate of ours nor what is true of others. */
		.tls = { .ca = c->upstream_tls.ca,
			 .server_name = "",
			 .certificate = "",
			 .key = "" },
		.place = t ? t->place : route->place,
	};
	for (size_t i = 0; i < m->count; i++) {
		if (strcmp(m->all[i].name, u->name) == 0)
			return;
	}
	u->health.enabled = false;
	if (t && t->ca)
		u->tls.ca = t->ca;
	u->endpoints[0] = (struct config_endpoint){
		.address = { .text = u->name, .host = name.host },
		.base = "",
		.tls = https,
		.weight = 1,
		.place = u->place,
	};
	u->endpoints[0].address.port = name.port ? name.port : https ? 443 : 80;
	m->count++;
}

void
config_hub_upstreams(struct config *c)
{
	struct made m = { .c = c };
	size_t most = 0;

	for (size_t i = 0; i < c->routes_count; i++)
		most += c->routes[i].action.hub.given ? 2 * c->routes[i].action.hub.allow_count : 0;
	if (most == 0 || !c->upstream_tls.ca) /* what is wrong with that has been told */
		return;
	m.all = arena_calloc(&c->arena, (c->upstreams_count + most) * sizeof *m.all);
	if (c->upstreams_count > 0)
		memcpy(m.all, c->upstreams, c->upstreams_count * sizeof *m.all);
	m.count = c->upstreams_count;
	for (size_t i = 0; i < c->routes_count; i++) {
		const struct config_hub *hub = &c->routes[i].action.hub;

		for (size_t a = 0; hub->given && a < hub->allow_count; a++) {
			add_upstream(&m, &c->routes[i], hub->allow[a], true);
			if (hub->allow_http)
				add_upstream(&m, &c->routes[i], hub->allow[a], false);
		}
	}
	c->upstreams = m.all;
	c->upstreams_count = m.count;
}
