/*
 * config_check_cascade: which services hear of deleted users, and whether that can be.
 */

#include "config_check.h"

#include "lib/map.h"

#include <stdio.h>

static void
add_service(struct config_cascade *c, struct map *seen, const char *upstream)
{
	void **place;

	if (!upstream || !*upstream)
		return;
	place = map_put(seen, slice_of(upstream));
	if (!*place)
		c->services[c->services_count++] = upstream;
	*place = c;
}

static void
find_services(struct config_reader *r)
{
	struct config_cascade *cascade = &r->c->cascade;
	struct map seen = MAP_INIT;
	size_t most = 0;

	for (size_t i = 0; i < r->c->routes_count; i++)
		most += 1 + r->c->routes[i].action.arms_count;
	cascade->services = arena_calloc(&r->c->arena, (most + 1) * sizeof *cascade->services);
	for (size_t i = 0; i < r->c->routes_count; i++) {
		const struct config_route *route = &r->c->routes[i];
		bool leads = (route->upstream && *route->upstream) || route->action.arms_count > 0;
		char key[48];

		snprintf(key, sizeof key, "routes[%zu].cascade", i);
		if (route->cascade && !leads)
			mistakes_add(&r->mistakes, false, route->place.line, key,
				     "nobody is behind the route: the gateway answers itself; "
				     "remove it");
		if (!route->cascade)
			continue;
		add_service(cascade, &seen, route->upstream);
		for (size_t k = 0; k < route->action.arms_count; k++)
			add_service(cascade, &seen, route->action.arms[k].upstream);
	}
	map_deinit(&seen, NULL);
}

static void
check_header(struct config_reader *r)
{
	static const char *const taken[] = { "host",       "content-length",  "transfer-encoding",
					     "connection", "user-agent",      "upgrade",
					     "expect",     "idempotency-key", "te",
					     "trailer",    "http2-settings",  "keep-alive" };
	const char *name = r->c->cascade.header;

	for (size_t i = 0; name && i < sizeof taken / sizeof taken[0]; i++) {
		if (slice_ieq(slice_of(name), slice_of(taken[i])))
			mistakes_add(
			    &r->mistakes, false, config_line(r, "cascade.header"), "cascade.header",
			    "the header %s has a meaning of its own; choose another", name);
	}
}

void
config_check_cascade(struct config_reader *r)
{
	const struct config_cascade *c = &r->c->cascade;
	int line = config_line(r, "cascade");
	bool sources = (c->channel && *c->channel) || (c->stream && *c->stream);

	find_services(r);
	check_header(r);
	if (c->services_count > 256)
		mistakes_add(&r->mistakes, false, line, "cascade",
			     "more than 256 services cannot be told; give some of them one "
			     "upstream");
	if (c->retry > c->retry_max)
		mistakes_add(&r->mistakes, true, line, "cascade.retry",
			     "it is longer than cascade.retry_max, which no pause exceeds");
	if (c->enabled && !r->c->redis.configured)
		mistakes_add(&r->mistakes, false, line, "cascade.enabled",
			     "deletions are announced in Redis, but there is none; give "
			     "redis.address");
	if (c->enabled && !sources)
		mistakes_add(&r->mistakes, false, line, "cascade",
			     "neither a channel nor a stream is left to hear of deletions; name "
			     "one");
	if (c->enabled && c->services_count == 0)
		mistakes_add(&r->mistakes, true, line, "cascade.enabled",
			     "no route has cascade: true, so that nobody is told; add it where "
			     "services keep data of users");
	if (!c->enabled && c->services_count > 0)
		mistakes_add(&r->mistakes, true, line, "cascade",
			     "routes have cascade: true, which has no effect without "
			     "cascade.enabled: true");
}
