#include "ashine_own.h"

#include "lib/map.h"
#include "lib/xalloc.h"

#include <stdlib.h>

static const struct setting_word lists[] = { { "non-authenticated", 0 },
					     { "authenticated", 0 },
					     { 0 } };
static const struct setting_word service_keys[] = {
	{ "name", 0 }, { "path", 0 }, { "route", 0 }, { "target", 0 }, { 0 }
};
static const struct setting_word flat_keys[] = {
	{ "name", 0 },          { "path", 0 },          { "route", 0 }, { "target", 0 },
	{ "authenticated", 0 }, { "allowedGroups", 0 }, { 0 },
};

struct service {
	const struct node *at, *target;
	const struct node *groups; /* NULL: all of them */
	struct slice path;         /* without a slash at its end */
	const struct node *path_at;
	bool authenticated;
};

struct services {
	struct config_reader *r;
	const struct node *cors;
	struct service *all; /* in the order in which a-shine tries them */
	size_t count;
	struct map names;
	struct node *routes;
};

static void
mistake(struct services *s, const struct node *at, const char *where, const char *text)
{
	mistakes_add(&s->r->mistakes, false, at->line, where, "%s", text);
}

/* ---- one service ---- */

/* `path`, which its documents say, or `route`, which it reads. NULL: told. */
static const struct node *
path_of(struct services *s, const struct node *n, const char *where)
{
	const struct node *path = foreign_get(n, "path"), *route = foreign_get(n, "route");
	const struct node *at = path ? path : route;

	if (at && (at->kind != NODE_SCALAR || at->text.n == 0))
		at = NULL;
	if (!at) {
		mistake(s, n, where,
			"the service has no path; give path: /NAME (a-shine would send every "
			"request to it)");
		return NULL;
	}
	if (path && route && (route->kind != NODE_SCALAR || !slice_eq(path->text, route->text))) {
		mistake(s, route, where,
			"path and route are two names for one; remove one of "
			"the two");
		return NULL;
	}
	if (memchr(at->text.p, '{', at->text.n)) {
		mistake(s, at, where, "patterns in a path are not supported; name the path");
		return NULL;
	}
	return at;
}

static bool
is_true(struct services *s, const struct node *n, const char *where)
{
	if (!n || (n->kind == NODE_SCALAR && slice_ieq(n->text, SLICE("false"))))
		return false;
	if (n->kind != NODE_SCALAR || !slice_ieq(n->text, SLICE("true")))
		mistake(s, n, where, "authenticated is true or false");
	return true;
}

/* The one that has this path already, and the one that a-shine would have sent it to. */
static bool
find_conflicts(struct services *s, const struct service *service, const char *where)
{
	const struct service *first = NULL;

	for (size_t i = 0; i < s->count; i++) {
		const struct service *before = &s->all[i];

		if (slice_eq(before->path, service->path)) {
			mistakes_add(&s->r->mistakes, false, service->path_at->line, where,
				     "%.*s is the path of the service in line %d already; remove "
				     "one of the two",
				     SLICE_F(service->path), before->at->line);
			return true;
		}
		if (!first && slice_starts(service->path, before->path) &&
		    (before->path.n == 1 || service->path.p[before->path.n] == '/'))
			first = before;
	}
	if (first)
		mistakes_add(&s->r->mistakes, true, service->path_at->line, where,
			     "a-shine sends what is below %.*s to the service in line %d, which "
			     "comes before; here the longest path wins, so that it comes to this "
			     "one",
			     SLICE_F(service->path), first->at->line);
	return false;
}

static void
add_service(struct services *s, const struct node *n, const char *where, bool flat,
	    bool authenticated)
{
	const struct node *path, *target = foreign_get(n, "target"),
				 *groups = foreign_get(n, "allowedGroups");
	struct service service = { .at = n, .target = target };

	if (!foreign_keys(s->r, n, WHOSE, where, flat ? flat_keys : service_keys))
		return;
	path = path_of(s, n, where);
	if (!target)
		mistake(s, n, where, "the service has no target; give target: http://HOST:PORT");
	if (flat)
		authenticated = is_true(s, foreign_get(n, "authenticated"), where);
	if (groups && !authenticated)
		mistake(s, groups, where,
			"without authenticated: true nobody is known here, and so is no group; "
			"add it, or remove allowedGroups");
	if (!path || !target)
		return;
	service.path = path->text;
	if (service.path.n > 1 && service.path.p[service.path.n - 1] == '/')
		service.path.n--;
	service.path_at = path;
	service.authenticated = authenticated;
	service.groups = groups && (groups->kind != NODE_LIST || groups->count > 0) ? groups : NULL;
	if (find_conflicts(s, &service, where))
		return;
	s->all = xrealloc(s->all, (s->count + 1) * sizeof *s->all);
	s->all[s->count++] = service;
}

static void
add_list(struct services *s, const struct node *list, const char *where, bool flat,
	 bool authenticated)
{
	if (!list)
		return;
	if (list->kind != NODE_LIST) {
		mistake(s, list, where,
			"a list belongs here; write one service a line behind \"- \"");
		return;
	}
	for (size_t i = 0; i < list->count; i++) {
		struct buf BUF_CLEAN key = { 0 };

		buf_addf(&key, "%s[%zu]", where, i);
		buf_addc(&key, '\0');
		add_service(s, list->items[i], key.p, flat, authenticated);
	}
}

/* ---- as routes of ours ---- */

/* "User management" is User-management; without a name that is its own, path and host are it. */
static const struct node *
name_of(struct services *s, const struct node *given)
{
	struct buf BUF_CLEAN text = { 0 };
	void **place;

	if (!given || given->kind != NODE_SCALAR || given->text.n == 0 || given->text.n > 128)
		return NULL;
	for (size_t i = 0; i < given->text.n; i++) {
		char c = given->text.p[i], lower = ascii_lower(c);
		bool fit = (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
			   c == '_';

		buf_addc(&text, fit ? c : '-');
	}
	place = map_put(&s->names, buf_slice(&text));
	if (*place)
		return NULL;
	*place = s;
	return node_scalar(&s->r->c->arena, buf_slice(&text), given->line);
}

static void
put_text(struct services *s, struct node *mapping, const char *key, struct slice text, int line)
{
	node_put(&s->r->c->arena, mapping, key, node_scalar(&s->r->c->arena, text, line));
}

static void
put_route(struct services *s, const struct service *service)
{
	struct arena *a = &s->r->c->arena;
	struct node *route = node_new(a, NODE_MAPPING, service->at->line, 9);
	const struct node *name = name_of(s, foreign_get(service->at, "name"));

	if (name)
		node_put(a, route, "name", name);
	put_text(s, route, "path", service->path, service->path_at->line);
	node_put(a, route, "target", service->target);
	put_text(s, route, "strip_prefix", SLICE("true"), service->at->line);
	if (s->cors)
		node_put(a, route, "cors", s->cors);
	if (service->authenticated) {
		put_text(s, route, "auth", SLICE("required"), service->at->line);
		put_text(s, route, "cascade", SLICE("true"), service->at->line);
	}
	if (service->groups) {
		struct node *who = node_new(a, NODE_MAPPING, service->groups->line, 1);

		node_put(a, who, "groups", service->groups);
		node_put(a, route, "authorize", who);
	}
	node_push(s->routes, route);
}

/* The path itself is none of the service's: /user/ is, /user is answered 404. */
static void
put_bare(struct services *s, const struct service *service)
{
	int line = service->at->line;
	struct arena *a = &s->r->c->arena;
	struct node *route = node_new(a, NODE_MAPPING, line, 3);
	struct node *respond = node_new(a, NODE_MAPPING, line, 2);

	if (service->path.n == 1)
		return;
	put_text(s, respond, "status", SLICE("404"), line);
	put_text(s, respond, "body", SLICE("404 page not found\n"), line);
	put_text(s, route, "path", service->path, service->path_at->line);
	put_text(s, route, "exact", SLICE("true"), line);
	node_put(a, route, "respond", respond);
	node_push(s->routes, route);
}

struct node *
ashine_services(struct config_reader *r, const struct node *services, const struct node *cors,
		bool *authenticated)
{
	struct services s = { .r = r, .cors = cors, .names = MAP_INIT };

	if (services && services->kind == NODE_LIST) {
		add_list(&s, services, "gateway.services", true, false);
	} else if (services && foreign_keys(r, services, WHOSE, "gateway.services", lists)) {
		add_list(&s, foreign_get(services, "non-authenticated"),
			 "gateway.services.non-authenticated", false, false);
		add_list(&s, foreign_get(services, "authenticated"),
			 "gateway.services.authenticated", false, true);
	}
	s.routes = node_new(&r->c->arena, NODE_LIST, services ? services->line : 0, 2 * s.count);
	for (size_t i = 0; i < s.count; i++) {
		put_route(&s, &s.all[i]);
		put_bare(&s, &s.all[i]);
		*authenticated |= s.all[i].authenticated;
	}
	map_deinit(&s.names, NULL);
	free(s.all);
	return s.routes;
}
