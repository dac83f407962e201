#include "replay.h"

#include "replay_asks.h"

#include "lib/arena.h"
#include "lib/map.h"
#include "lib/uri.h"
#include "lib/xalloc.h"

#include <stdlib.h>
#include <time.h>

/* What becomes of a request. */
struct fate {
	enum { FATE_NONE, FATE_REFUSED, FATE_ROUTED } kind;
	bool protects;
	uint32_t flags; /* of those that change what the upstream gets */
	struct slice route, upstream, add_prefix, set_host;
	const struct segment *rules;
	const struct table_action *action; /* NULL: none */
	uint64_t asks;                     /* replay_asks */
	const struct table_route *by;      /* NULL: there is no route */
};

struct group {
	struct fate before, after;
	size_t count;
	const struct asked_key *example;
	struct buf asks[2]; /* as text, before and after */
};

/* ---- one request ---- */

/* What it looks at was not kept. */
static bool
holds(const struct table_key *key, uint32_t condition)
{
	*(bool *)key->userdata = true;
	return true;
}

/* What no route matches goes to the fallback, if there is one for all. */
static const struct table_route *
find_route(const struct replay_side *side, const struct table_key *key)
{
	const struct table_global *g = table_global(side->rules);
	struct table_match match;

	table_find(side->rules, key, &match);
	return match.r || !g ? match.r : table_route(side->rules, g->fallback);
}

static void
fate_of(const struct replay_side *side, const struct table_key *key, struct fate *out)
{
	const struct table_route *route = find_route(side, key);
	const struct table_shape *shape;
	const struct table_upstream *up;

	*out = (struct fate){ .kind = FATE_NONE };
	if (!route)
		return;
	shape = table_shape(side->rules, route);
	out->protects = table_route_protection(side->rules, key, shape->flags).needed;
	out->kind = shape->flags & ROUTE_REFUSED ? FATE_REFUSED : FATE_ROUTED;
	out->flags = shape->flags & (ROUTE_STRIP | ROUTE_UPSTREAM_HOST);
	out->route = table_route_id(side->rules, route);
	out->add_prefix = seg_string(side->rules, shape->add_prefix);
	out->set_host = seg_string(side->rules, shape->set_host);
	out->rules = side->rules;
	out->by = route;
	out->asks = replay_asks(side->rules, key, route);
	out->action = shape->action ? table_action(side->rules, shape->action) : NULL;
	up = table_upstream(side->endpoints, route->upstream);
	if (up)
		out->upstream = seg_string(side->endpoints, up->name);
}

static bool
are_same_arms(const struct fate *a, const struct fate *b)
{
	for (uint32_t i = 0; i < a->action->arms_count; i++) {
		const struct table_arm *x =
		    seg_at(a->rules, RULES_ARMS, a->action->arms_first + i, sizeof *x);
		const struct table_arm *y =
		    seg_at(b->rules, RULES_ARMS, b->action->arms_first + i, sizeof *y);

		if (!x || !y || x->weight != y->weight ||
		    !slice_eq(seg_string(a->rules, x->name), seg_string(b->rules, y->name)))
			return false;
	}
	return true;
}

/* As far as it says where requests go. */
static bool
is_same_action(const struct fate *a, const struct fate *b)
{
	const uint32_t answers = ACTION_REDIRECT | ACTION_RESPOND;

	if (!a->action || !b->action)
		return !a->action && !b->action;
	return (a->action->flags & answers) == (b->action->flags & answers) &&
	       a->action->status == b->action->status &&
	       a->action->arms_count == b->action->arms_count &&
	       slice_eq(seg_string(a->rules, a->action->text),
			seg_string(b->rules, b->action->text)) &&
	       are_same_arms(a, b);
}

/* By another rule it may come to the same. */
static bool
is_same(const struct fate *a, const struct fate *b)
{
	return is_same_action(a, b) && a->kind == b->kind && a->protects == b->protects &&
	       a->asks == b->asks && a->flags == b->flags && slice_eq(a->upstream, b->upstream) &&
	       slice_eq(a->add_prefix, b->add_prefix) && slice_eq(a->set_host, b->set_host);
}

/* ---- groups ---- */

static void
add_name(struct buf *b, const struct fate *f)
{
	buf_addf(b, "%d%d%llx", f->kind, f->protects, (unsigned long long)f->asks);
	buf_adds(b, f->route);
	buf_addc(b, '\0');
	buf_adds(b, f->upstream);
	buf_addc(b, '\0');
}

static void
note(struct map *groups, struct buf *name, const struct fate *before, const struct fate *after,
     const struct table_key *key, const struct asked_key *example)
{
	struct group **place;

	name->n = 0;
	add_name(name, before);
	add_name(name, after);
	place = (struct group **)map_put(groups, buf_slice(name));
	if (!*place) {
		*place = xcalloc(1, sizeof **place);
		**place = (struct group){ *before, *after, 0, example, { { 0 }, { 0 } } };
		for (int i = 0; i < 2; i++) {
			const struct fate *f = i == 0 ? before : after;

			if (f->asks)
				replay_asks_text(f->rules, key, f->by, &(*place)->asks[i]);
		}
	}
	(*place)->count++;
}

static void
group_free(void *group)
{
	struct group *g = group;

	buf_deinit(&g->asks[0]);
	buf_deinit(&g->asks[1]);
	free(g);
}

/* The largest first. */
static int
compare_groups(const void *a, const void *b)
{
	const struct group *x = ((const struct map_entry *)a)->value;
	const struct group *y = ((const struct map_entry *)b)->value;

	return (x->count < y->count) - (x->count > y->count);
}

/* ---- telling ---- */

static void
add_fate(struct buf *b, const struct fate *f, struct slice asks)
{
	static const char *const kinds[] = {
		[FATE_NONE] = "no_route",
		[FATE_REFUSED] = "rule_refused",
		[FATE_ROUTED] = "routed",
	};

	buf_addf(b, "{\"outcome\":\"%s\",\"route\":", kinds[f->kind]);
	buf_add_json(b, f->route);
	buf_adds(b, SLICE(",\"upstream\":"));
	buf_add_json(b, f->upstream);
	buf_addf(b, ",\"protected\":%s,\"authorize\":", f->protects ? "true" : "false");
	buf_add_json(b, asks);
	buf_addc(b, '}');
}

static void
add_group(struct buf *b, const struct group *g, bool example)
{
	buf_addf(b, "{\"count\":%zu,\"before\":", g->count);
	add_fate(b, &g->before, buf_slice(&g->asks[0]));
	buf_adds(b, SLICE(",\"after\":"));
	add_fate(b, &g->after, buf_slice(&g->asks[1]));
	if (example) {
		buf_adds(b, SLICE(",\"example\":{\"host\":"));
		buf_add_json(b, g->example->host);
		buf_adds(b, SLICE(",\"path\":"));
		buf_add_json(b, g->example->path);
		buf_addc(b, '}');
	}
	buf_addc(b, '}');
}

static void
add_since(struct buf *b, const struct asked_key *keys, size_t count)
{
	time_t oldest = INT32_MAX;
	char text[32];
	struct tm tm;

	for (size_t i = 0; i < count; i++)
		oldest = keys[i].second < oldest ? keys[i].second : oldest;
	gmtime_r(&oldest, &tm);
	strftime(text, sizeof text, "\"%Y-%m-%dT%H:%M:%SZ\"", &tm);
	buf_addf(b, "\"since\":%s", count ? text : "null");
}

void
replay_compare(const struct asked_key *keys, size_t count, const struct replay_side *before,
	       const struct replay_side *after, bool examples, struct buf *out)
{
	char room[2 * ASKED_HOST_MAX + 2];
	struct map groups = MAP_INIT;
	BUF_CLEAN struct buf name = { 0 };
	size_t elsewhere = 0, assumptions = 0;

	for (size_t i = 0; i < count; i++) {
		bool assumed = false;
		struct table_key key = { .path = keys[i].path,
					 .host_raw = keys[i].host,
					 .method = keys[i].method,
					 .test = holds,
					 .userdata = &assumed };
		struct fate a, b;
		struct uri_host host;

		if (keys[i].method > METHOD_OTHER || uri_host_parse(keys[i].host, room, &host) < 0)
			continue;
		key.host = host.host;
		key.host_port = host.host_port;
		fate_of(before, &key, &a);
		fate_of(after, &key, &b);
		assumptions += assumed;
		if (is_same(&a, &b))
			continue;
		elsewhere++;
		note(&groups, &name, &a, &b, &key, &keys[i]);
	}
	buf_addf(out, "\"keys\":%zu,", count);
	add_since(out, keys, count);
	buf_addf(out, ",\"assumed\":%zu,\"elsewhere\":%zu,\"groups_count\":%zu,\"groups\":[",
		 assumptions, elsewhere, groups.count);
	if (groups.count > 0)
		qsort(groups.entries, groups.count, sizeof *groups.entries, compare_groups);
	for (size_t i = 0; i < groups.count && i < REPLAY_GROUPS; i++) {
		if (i > 0)
			buf_addc(out, ',');
		add_group(out, groups.entries[i].value, examples);
	}
	buf_addc(out, ']');
	map_deinit(&groups, group_free);
}
