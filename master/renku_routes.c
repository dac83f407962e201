/*
 * renku_routes: the routes that Renku's gateway has built in, to the services that its
 * configuration names, with what it tells them of who asks. What its UI asks below /ui-server is
 * what it would ask without.
 */

#include "renku_own.h"

#define UI "/ui-server"

static const struct {
	const char *name, *path;
} services[] = {
	{ "data", "revproxy.renkuServices.dataService" },
	{ "keycloak", "revproxy.renkuServices.keycloak" },
	{ "ui", "revproxy.renkuServices.uiServer" },
	{ "renku", "revproxy.renkuBaseURL" },
	{ "redirects", "redirects.gitlab.renkuBaseURL" },
};

enum told { TOLD_NOTHING, TOLD_RENKU, TOLD_ALL };

static const struct {
	const char *path, *upstream, *replace;
	bool exact, host; /* Host is the service's own */
	enum told told;
} routes[] = {
	{ "/api/data", "data", NULL, false, false, TOLD_ALL },
	{ "/api/notebooks", "data", "/api/data/notebooks", false, false, TOLD_ALL },
	{ "/api/kc", "keycloak", "/", false, true, TOLD_RENKU },
	{ UI "/api/data", "data", "/api/data", false, false, TOLD_ALL },
	{ UI "/api/notebooks", "data", "/api/data/notebooks", false, false, TOLD_ALL },
	{ UI "/api/kc", "keycloak", "/", false, true, TOLD_RENKU },
	{ UI "/ws", "ui", NULL, false, false, TOLD_RENKU },
	{ UI "/api/allows-iframe", "ui", NULL, false, false, TOLD_NOTHING },
	{ "/", "renku", NULL, true, true, TOLD_NOTHING },
};

static const struct {
	const char *header, *value, *provider, *form;
} credentials[] = {
	{ "Authorization", "session_token", NULL, "bearer" }, /* of TOLD_RENKU this one alone */
	{ "Renku-Auth-Refresh-Token", "refresh_token", "renku", NULL },
	{ "Renku-Auth-Anon-Id", "anonymous_id", NULL, NULL },
	{ "Gitlab-Access-Token", "access_token", "gitlab", NULL },
	{ "Gitlab-Access-Token-Expires-At", "expires_at", "gitlab", NULL },
};

struct slice
renku_origin(struct renku *k, const char *path, struct slice *host)
{
	struct slice text = renku_text(k, path), rest;
	size_t scheme = slice_starts(text, SLICE("https://"))  ? 8
			: slice_starts(text, SLICE("http://")) ? 7
							       : 0;

	*host = SLICE("");
	if (scheme > 0)
		*host = slice_cut(slice_make(text.p + scheme, text.n - scheme), '/', &rest);
	if (host->n > 0)
		return slice_make(text.p, scheme + host->n);
	if (text.n > 0)
		renku_tell(k, false, foreign_at(k->said, path), path,
			   "it is no URL; write https://HOST or http://HOST:PORT");
	return SLICE("");
}

/* ---- upstreams ---- */

static void
put_upstreams(struct renku *k)
{
	const struct node *own = node_get(k->out, SLICE("upstreams"));
	size_t count = sizeof services / sizeof services[0];
	struct arena *a = k->r->env.arena;
	struct node *out = node_new(a, NODE_MAPPING, k->line, count), *one, *endpoints;

	if (own) {
		renku_tell(k, false, own, "upstreams",
			   "the services are those of revproxy; remove it");
		return;
	}
	for (size_t i = 0; i < count; i++) {
		const struct node *said = foreign_at(k->said, services[i].path);

		if (!said || said->kind != NODE_SCALAR ||
		    (i == count - 1 && !renku_true(k, "redirects.gitlab.enabled")))
			continue;
		endpoints = node_new(a, NODE_LIST, said->line, 1);
		node_push(endpoints, said);
		one = node_new(a, NODE_MAPPING, said->line, 1);
		node_put(a, one, "endpoints", endpoints);
		node_put(a, out, services[i].name, one);
	}
	node_put(a, k->out, "upstreams", out);
}

/* ---- what services are told ---- */

static const struct node *
told(struct renku *k, enum told what)
{
	struct arena *a = k->r->env.arena;
	size_t count = what == TOLD_RENKU ? 1 : sizeof credentials / sizeof credentials[0];
	struct node *out = node_new(a, NODE_LIST, k->line, count);
	bool gitlab = foreign_at(k->said, "login.providers.gitlab") != NULL;

	for (size_t i = 0; i < count; i++) {
		struct node *one = node_new(a, NODE_MAPPING, k->line, 4);
		const char *provider = credentials[i].provider;

		if (provider && strcmp(provider, "gitlab") == 0 && !gitlab)
			continue;
		foreign_put(k->r, one, "header", slice_of(credentials[i].header), k->line);
		foreign_put(k->r, one, "value", slice_of(credentials[i].value), k->line);
		if (provider)
			foreign_put(k->r, one, "provider", slice_of(provider), k->line);
		if (credentials[i].form)
			foreign_put(k->r, one, "form", slice_of(credentials[i].form), k->line);
		node_push(out, one);
	}
	return out;
}

/* server.allowOrigin, as routes[].cors; NULL: there is none. */
static const struct node *
cors(struct renku *k)
{
	const struct node *origins = foreign_at(k->said, "server.allowOrigin");
	static const char *const all[] = { "GET", "HEAD", "PUT", "PATCH", "POST", "DELETE" };
	struct arena *a = k->r->env.arena;
	struct node *out, *methods;

	if (!origins || (origins->kind == NODE_LIST && origins->count == 0) ||
	    (origins->kind == NODE_SCALAR && origins->text.n == 0))
		return NULL;
	out = node_new(a, NODE_MAPPING, origins->line, 3);
	methods = node_new(a, NODE_LIST, origins->line, sizeof all / sizeof all[0]);
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		node_push(methods, node_scalar(a, slice_of(all[i]), origins->line));
	node_put(a, out, "origins", origins);
	node_put(a, out, "methods", methods);
	foreign_put(k->r, out, "headers", SLICE("*"), origins->line);
	return out;
}

/* ---- routes ---- */

static struct node *
route_at(struct renku *k, const char *path, size_t room)
{
	struct node *out = node_new(k->r->env.arena, NODE_MAPPING, k->line, room + 1);

	foreign_put(k->r, out, "path", slice_of(path), k->line);
	return out;
}

/* Nobody may read the keys of users. */
static void
push_denied(struct renku *k, struct node *all, const char *path)
{
	struct node *out = route_at(k, path, 1), *respond;

	respond = node_new(k->r->env.arena, NODE_MAPPING, k->line, 1);
	foreign_put(k->r, respond, "status", SLICE("404"), k->line);
	node_put(k->r->env.arena, out, "respond", respond);
	node_push(all, out);
}

static void
push_built_in(struct renku *k, struct node *all, size_t i, const struct node *cors_of)
{
	struct arena *a = k->r->env.arena;
	struct node *out = route_at(k, routes[i].path, 7);

	foreign_put(k->r, out, "upstream", slice_of(routes[i].upstream), k->line);
	if (routes[i].exact)
		foreign_put(k->r, out, "exact", SLICE("true"), k->line);
	if (routes[i].replace)
		foreign_put(k->r, out, "replace_prefix", slice_of(routes[i].replace), k->line);
	if (routes[i].host)
		foreign_put(k->r, out, "host_header", SLICE("upstream"), k->line);
	if (routes[i].told != TOLD_NOTHING) {
		foreign_put(k->r, out, "auth", SLICE("optional"), k->line);
		node_put(a, out, "credentials", told(k, routes[i].told));
	}
	if (cors_of)
		node_put(a, out, "cors", cors_of);
	node_push(all, out);
}

/* What the UI asks of login below its own path. */
static void
push_login(struct renku *k, struct node *all, const char *path)
{
	struct slice base = renku_text(k, "login.loginRoutesBasePath");
	struct node *out = route_at(k, path, 1), *redirect;
	struct buf BUF_CLEAN to = { 0 };

	buf_addf(&to, "%.*s$rest$query", SLICE_F(base.n ? base : SLICE("/api/auth")));
	redirect = node_new(k->r->env.arena, NODE_MAPPING, k->line, 2);
	foreign_put(k->r, redirect, "to", buf_slice(&to), k->line);
	foreign_put(k->r, redirect, "status", SLICE("307"), k->line);
	node_put(k->r->env.arena, out, "redirect", redirect);
	node_push(all, out);
}

/* Where projects have gone. */
static void
push_store(struct renku *k, struct node *all, const char *path)
{
	const struct node *ttl = foreign_at(k->said, "redirects.gitlab.entryTtlSeconds");
	struct slice host = renku_text(k, "redirects.gitlab.redirectedHost");
	struct node *out = route_at(k, path, 1), *store;
	struct buf BUF_CLEAN source = { 0 };

	buf_addf(&source, "https://%.*s$rest",
		 SLICE_F(host.n ? host : SLICE("gitlab.renkulab.io")));
	store = node_new(k->r->env.arena, NODE_MAPPING, k->line, 3);
	foreign_put(k->r, store, "upstream", SLICE("redirects"), k->line);
	foreign_put(k->r, store, "source", buf_slice(&source), k->line);
	if (ttl && ttl->kind == NODE_SCALAR && ttl->text.n > 0 && !slice_eq(ttl->text, SLICE("0")))
		node_put(k->r->env.arena, store, "ttl", ttl);
	node_put(k->r->env.arena, out, "redirect_store", store);
	node_push(all, out);
}

void
renku_routes(struct renku *k)
{
	const struct node *own = node_get(k->out, SLICE("routes")), *cors_of = cors(k);
	size_t count = sizeof routes / sizeof routes[0];
	struct arena *a = k->r->env.arena;
	struct node *all = node_new(a, NODE_LIST, k->line, count + 8);

	if (own) {
		renku_tell(k, false, own, "routes",
			   "a file of Renku's gateway has its routes; remove them, or write "
			   "compatibility: renku and our own settings alone");
		return;
	}
	put_upstreams(k);
	push_denied(k, all, "/api/data/user/secret_key");
	push_denied(k, all, UI "/api/data/user/secret_key");
	push_login(k, all, UI "/auth");
	push_login(k, all, UI "/api/auth");
	if (renku_true(k, "redirects.gitlab.enabled")) {
		push_store(k, all, "/api/gitlab-redirect");
		push_store(k, all, UI "/api/gitlab-redirect");
	}
	for (size_t i = 0; i < count; i++)
		push_built_in(k, all, i, cors_of);
	node_put(a, k->out, "routes", all);
}
