#include "renku.h"

#include "renku_own.h"

struct node *
renku_without(struct arena *arena, const struct node *n, struct slice key, int line)
{
	struct node *copy = node_new(arena, NODE_MAPPING, line, (n ? n->count : 0) + 1);

	for (size_t i = 0; n && i < n->count; i++) {
		const struct node *k = n->pairs[i].key;

		if (k->kind != NODE_SCALAR || !slice_eq(k->text, key))
			copy->pairs[copy->count++] = n->pairs[i];
	}
	return copy;
}

/* Does the file say itself what is answered there? */
static bool
has_route(const struct node *routes, const char *path)
{
	for (size_t i = 0; routes && routes->kind == NODE_LIST && i < routes->count; i++) {
		const struct node *own = node_get(routes->items[i], SLICE("path"));

		if (own && own->kind == NODE_SCALAR && slice_eq(own->text, slice_of(path)))
			return true;
	}
	return false;
}

/* A page of the gateway's own: 200, with this text. */
static void
add_page(struct config_reader *r, struct node *routes, const char *path, const char *body)
{
	struct arena *a = r->env.arena;
	struct node *route, *respond = node_new(a, NODE_MAPPING, routes->line, 2);

	if (has_route(routes, path))
		return;
	node_put(a, respond, "status", node_scalar(a, SLICE("200"), routes->line));
	node_put(a, respond, "body", node_scalar(a, slice_of(body), routes->line));
	route = node_new(a, NODE_MAPPING, routes->line, 3);
	node_put(a, route, "path", node_scalar(a, slice_of(path), routes->line));
	node_put(a, route, "exact", node_scalar(a, SLICE("true"), routes->line));
	node_put(a, route, "respond", respond);
	node_push(routes, route);
}

/* What is asked whether the gateway is alive, and which one it is. */
static const struct node *
add_pages(struct config_reader *r, const struct node *root)
{
	const struct node *own = node_get(root, SLICE("routes"));
	struct arena *a = r->env.arena;
	struct node *routes, *out;

	if (own && own->kind != NODE_LIST && !node_is_null(own))
		return root; /* the reader says so */
	routes = node_new(a, NODE_LIST, own ? own->line : root->line, (own ? own->count : 0) + 2);
	for (size_t i = 0; own && i < own->count; i++)
		node_push(routes, own->items[i]);
	add_page(r, routes, "/health", "");
	add_page(r, routes, "/version", "yett " YETT_VERSION);
	out = renku_without(a, root, SLICE("routes"), root->line);
	node_put(a, out, "routes", routes);
	return out;
}

/* ---- a file of its own ---- */

/* Sections that it has and we have not. */
static bool
is_renkus(const struct node *root)
{
	return foreign_get(root, "revproxy") || foreign_get(root, "sessions") ||
	       foreign_get(root, "runningEnvironment");
}

/* Ours beside them stay. */
static void
put_own(struct renku *k, const struct node *root)
{
	static const char *const theirs[] = {
		"runningEnvironment", "debugMode", "server", "sessions", "redirects",
		"revproxy",           "login",     "redis",  "posthog",  "monitoring",
		"compatibility",
	};

	for (size_t i = 0; i < root->count; i++) {
		const struct node *key = root->pairs[i].key;
		bool own = true;

		for (size_t t = 0; t < sizeof theirs / sizeof theirs[0]; t++)
			own &=
			    key->kind != NODE_SCALAR || !slice_ieq(key->text, slice_of(theirs[t]));
		if (own)
			k->out->pairs[k->out->count++] = root->pairs[i];
	}
}

static void
put_listener(struct renku *k)
{
	struct node *listeners = node_new(k->r->env.arena, NODE_LIST, k->line, 1);
	struct slice host = renku_text(k, "server.host"), port = renku_text(k, "server.port");
	struct buf BUF_CLEAN text = { 0 };

	if (node_get(k->out, SLICE("listeners")))
		return;
	if (!slice_eq(host, SLICE("0.0.0.0")))
		buf_adds(&text, host);
	buf_addf(&text, ":%.*s", SLICE_F(port));
	node_push(listeners, node_scalar(k->r->env.arena, buf_slice(&text),
					 foreign_at(k->said, "server.port")->line));
	node_put(k->r->env.arena, k->out, "listeners", listeners);
}

/* Metrics, on a port of their own. */
static void
put_metrics(struct renku *k)
{
	struct node *admin = node_new(k->r->env.arena, NODE_MAPPING, k->line, 1);
	struct slice port = renku_text(k, "monitoring.prometheus.port");
	struct buf BUF_CLEAN text = { 0 };

	if (!renku_true(k, "monitoring.prometheus.enabled") || port.n == 0)
		return;
	if (node_get(k->out, SLICE("admin"))) {
		renku_tell(k, true, foreign_at(k->said, "monitoring.prometheus"),
			   "monitoring.prometheus",
			   "admin is given as well, and wins; write admin: {listen: ADDRESS}, and "
			   "remove it");
		return;
	}
	buf_addf(&text, ":%.*s", SLICE_F(port));
	foreign_put(k->r, admin, "listen", buf_slice(&text),
		    foreign_at(k->said, "monitoring.prometheus.port")->line);
	node_put(k->r->env.arena, k->out, "admin", admin);
}

static const struct node *
with_limits(struct renku *k)
{
	const struct node *limits = foreign_at(k->said, "server.rateLimits");
	struct node *server;

	if (!limits)
		return k->out;
	server = node_new(k->r->env.arena, NODE_MAPPING, limits->line, 1);
	node_put(k->r->env.arena, server, "rateLimits", limits);
	return renku_limits(k->r, k->out, server);
}

static const struct node *
take_over(struct config_reader *r, const struct node *root)
{
	struct renku k = { .r = r, .line = root->line };

	k.said = renku_sources(r, root);
	k.out = node_new(r->env.arena, NODE_MAPPING, root->line, root->count + 10);
	foreign_put(r, k.out, "compatibility", SLICE("renku"), root->line);
	put_own(&k, root);
	if (!renku_check(&k))
		return k.out;
	put_listener(&k);
	put_metrics(&k);
	if (renku_true(&k, "debugMode") && !node_get(k.out, SLICE("log_level")))
		foreign_put(r, k.out, "log_level", SLICE("debug"),
			    foreign_get(k.said, "debugMode")->line);
	renku_login(&k);
	renku_routes(&k);
	return add_pages(r, with_limits(&k));
}

const struct node *
renku_translate(struct config_reader *r, const struct node *root)
{
	const struct node *profile = node_get(root, SLICE("compatibility"));
	const struct node *server = node_get(root, SLICE("server"));

	if (root && root->kind == NODE_MAPPING && is_renkus(root))
		return take_over(r, root);
	if (!profile || profile->kind != NODE_SCALAR || !slice_eq(profile->text, SLICE("renku")))
		return root;
	root = add_pages(r, root);
	return server ? renku_limits(r, root, server) : root;
}
