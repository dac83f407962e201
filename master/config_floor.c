#include "config_floor.h"

#include "config.h"

#include <strings.h>

bool
config_opens(const struct config_route *route)
{
	return route->action.auth == AUTH_NONE || route->action.auth == AUTH_OPTIONAL;
}

/* Is all of the route below the entry (or, where only the entry's own path counts, the same)? */
static bool
is_covered(const struct config_route *route, const struct config_gate_entry *e)
{
	struct slice path = slice_of(route->path), prefix = slice_of(e->path);
	size_t n = prefix.n == 1 ? 0 : prefix.n; /* "/" */

	return slice_starts(path, prefix) && (path.n == n || path.p[n] == '/') &&
	       (!e->exact || (route->exact && path.n == prefix.n));
}

/* The longest path of these by which all of the route is covered; of exceptions only those count
 * that are for all methods. NULL: none. */
static const char *
covered_by(const struct config_gate_entry *entries, size_t count, bool except,
	   const struct config_route *route, const char *best)
{
	for (size_t i = 0; i < count; i++) {
		const struct config_gate_entry *e = &entries[i];

		if (e->path && (!except || e->methods == 0) && is_covered(route, e) &&
		    (!best || strlen(best) < strlen(e->path)))
			best = e->path;
	}
	return best;
}

const char *
config_floor_gate(const struct config *c, const struct config_route *route)
{
	const struct config_gate *g = &c->gate;
	const char *by = covered_by(g->protect, g->protect_count, false, route, NULL);
	const char *open = covered_by(g->except, g->except_count, true, route, NULL);

	for (size_t i = 0; i < c->policies_count; i++) {
		const struct config_policy *p = &c->policies[i];

		by = covered_by(p->protect, p->protect_count, false, route, by);
		open = covered_by(p->except, p->except_count, true, route, open);
	}
	return by && open && strlen(open) >= strlen(by) ? NULL : by;
}

/* Are all hosts of the route hosts of `of`? */
static bool
hosts_are(const struct config_route *route, const struct config_route *of)
{
	const char *host = route->host ? route->host : "", *all = of->host ? of->host : "";
	size_t n = strlen(host), suffix = strlen(all);

	if (!*all || strcasecmp(host, all) == 0)
		return true;
	return *all == '*' && n >= suffix && strcasecmp(host + n - (suffix - 1), all + 1) == 0;
}

/* The longest one by which a route of the file needs a token for all of this one. */
static const char *
by_route(const struct config *c, const struct config_route *route, const char *best)
{
	for (size_t i = 0; i < c->routes_count; i++) {
		const struct config_route *of = &c->routes[i];
		const struct config_gate_entry e = { .path = of->path, .exact = of->exact };

		if (of->path && of->action.auth == AUTH_REQUIRED && hosts_are(route, of))
			best = covered_by(&e, 1, false, route, best);
	}
	return best;
}

const char *
config_floor_route(const struct config *c, const struct config_route *route)
{
	for (size_t i = 0; i < c->gate.delegate_count; i++) {
		const struct config_gate_entry e = { .path = c->gate.delegate[i].path };

		if (is_covered(route, &e))
			return NULL;
	}
	return by_route(c, route, config_floor_gate(c, route));
}

const char *
config_floor_policy(const struct config *c, const struct config_policy *policy)
{
	for (size_t i = 0; i < policy->except_count; i++) {
		const struct config_gate_entry *e = &policy->except[i];
		const struct config_route all = { .path = e->path, .exact = e->exact };
		const char *by = e->path ? config_floor_gate(c, &all) : NULL;

		if (by && config_floor_route(c, &all))
			return by;
	}
	return NULL;
}
