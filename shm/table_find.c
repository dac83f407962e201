/*
 * Which route is it? One order decides (see table.h). Most look-ups are one walk down a trie. Where
 * routes with conditions lie on the way, the walk is gone back up from the deepest of them, so that
 * a condition is only tested when nothing longer has matched.
 */

#include "table.h"

#include "hash.h"
#include "table_host.h"

/* Bytes of a name (RFC 1035 section 2.3.4); longer ones are under no wildcard. */
#define HOST_MAX 255

struct finder {
	const struct segment *rules; /* while a trie is walked: the layer that has it */
	const struct table_key *key;
	struct table_match *best;
	uint32_t *allow; /* not NULL: gathers what methods would match, and finds nothing */
	bool all;        /* every candidate is looked at, for `note` or `allow` */
	bool settled;    /* a nearer host has the match: others are only noted */
};

uint32_t
table_host_root(const struct segment *rules, uint32_t kind, uint32_t hash, struct slice name)
{
	const struct table_host *hosts = seg_own(rules, RULES_HOSTS, 0, sizeof *hosts);
	uint32_t count = seg_own_count(rules, RULES_HOSTS), i;

	if (!hosts)
		return TRIE_NONE;
	i = hash_slot(hash, count);
	for (uint32_t n = 0; n < count && hosts[i].root != TRIE_NONE; n++) {
		const struct table_host *h = &hosts[i];

		if (h->hash == hash && h->kind == kind &&
		    slice_eq(seg_string(rules, h->name), name))
			return h->root;
		i = i + 1 < count ? i + 1 : 0;
	}
	return TRIE_NONE;
}

/* Does the path that a route is for apply, given what of the path lies below its node? */
static bool
shape_applies(const struct table_shape *s, struct slice rest, struct slice path)
{
	bool slash = path.n > 0 && path.p[path.n - 1] == '/';

	if (!(s->flags & ROUTE_EXACT))
		return true;
	for (size_t i = 0; i < rest.n; i++) {
		if (rest.p[i] != '/')
			return false;
	}
	/* "/" is a path that ends in a slash and has none to spare. */
	return rest.n == path.n || slash == !!(s->flags & ROUTE_EXACT_SLASH);
}

static bool
condition_holds(const struct finder *f, uint32_t i)
{
	const struct table_condition *c = table_condition(f->rules, i);

	if (!f->key->test)
		return true;
	if (!c)
		return false;
	if (c->kind == CONDITION_METHODS)
		return f->allow || c->methods & 1u << f->key->method;
	return f->key->test(f->key, i);
}

/* The first condition that does not hold, or TRIE_NONE. */
static uint32_t
shape_fails(const struct finder *f, const struct table_shape *s)
{
	for (uint32_t n = 0; n < s->conditions_count; n++) {
		if (!condition_holds(f, s->conditions + n))
			return s->conditions + n;
	}
	return TRIE_NONE;
}

static void
allow_add(const struct finder *f, const struct table_shape *s)
{
	for (uint32_t n = 0; n < s->conditions_count; n++) {
		const struct table_condition *c = table_condition(f->rules, s->conditions + n);

		if (c && c->kind == CONDITION_METHODS)
			*f->allow |= c->methods;
	}
}

static void
note(const struct finder *f, uint32_t route, enum table_miss why, uint32_t condition)
{
	if (f->key->note)
		f->key->note(f->key, route, why, condition);
}

/* The first route of a node that matches; with f->all the others are looked at too. */
static void
chain_match(const struct finder *f, uint32_t entry, struct slice rest, struct table_match *found)
{
	const struct table_route *r;

	for (uint32_t i = entry; (r = table_route(f->rules, i)) != NULL; i = r->next) {
		const struct table_shape *s = table_shape(f->rules, r);
		uint32_t fails;

		if (!shape_applies(s, rest, f->key->path)) {
			note(f, i, MISS_EXACT, TRIE_NONE);
			continue;
		}
		fails = shape_fails(f, s);
		if (fails != TRIE_NONE) {
			note(f, i, MISS_CONDITION, fails);
		} else if (f->allow) {
			allow_add(f, s);
		} else if (f->settled || found->r) {
			note(f, i,
			     f->settled                ? MISS_HOST
			     : found->rest.n == rest.n ? MISS_ORDER
						       : MISS_PATH,
			     TRIE_NONE);
		} else {
			*found = (struct table_match){ .route = i, .r = r, .rest = rest };
			if (!f->all)
				return;
		}
	}
}

/* What of the path lies below the node above one that has `rest` below it. */
static struct slice
rest_above(struct slice path, struct slice rest)
{
	const char *p = rest.p;

	while (p > path.p && p[-1] != '/')
		p--;
	while (p > path.p && p[-1] == '/')
		p--;
	return slice_make(p, path.n - (size_t)(p - path.p));
}

/* From a node up to the root, on which `rest` is the whole path. */
static void
trie_climb(const struct finder *f, uint32_t node, struct slice rest, struct table_match *found)
{
	const struct trie_node *n;

	while ((n = seg_at(f->rules, RULES_NODES, node, sizeof *n)) != NULL) {
		chain_match(f, trie_entry(f->rules, RULES_NODES, RULES_HEADS, node), rest, found);
		if ((found->r && !f->all) || rest.n == f->key->path.n)
			return;
		rest = rest_above(f->key->path, rest);
		node = n->parent;
	}
}

/* The deepest route of one trie that matches, if it is longer than what was found before. */
static void
trie_match(const struct finder *f, uint32_t root)
{
	struct table_match found = { .route = TRIE_NONE }, *best = f->best;
	struct slice path = f->key->path, rest = path;
	uint32_t conditional = TRIE_NONE; /* the deepest node that has such a route */
	const struct table_route *r;
	struct trie_walk w;

	if (trie_walk_init(&w, f->rules, RULES_NODES, RULES_EDGES, RULES_HEADS, root, path))
		return;
	do {
		for (uint32_t i = trie_walk_entry(&w); (r = table_route(f->rules, i)) != NULL;
		     i = r->next) {
			const struct table_shape *s = table_shape(f->rules, r);

			if (!shape_applies(s, w.rest, path))
				continue;
			if (s->conditions_count) {
				conditional = w.node;
				rest = w.rest;
				continue;
			}
			found = (struct table_match){ .route = i, .r = r, .rest = w.rest };
			break;
		}
	} while (trie_walk_step(&w));
	if (f->all) {
		conditional = w.node;
		rest = w.rest;
	}
	if (f->all || (conditional != TRIE_NONE && (!found.r || rest.n <= found.rest.n))) {
		found = (struct table_match){ .route = TRIE_NONE };
		trie_climb(f, conditional, rest, &found);
	}
	if (!found.r)
		return;
	if (best->r && best->rest.n <= found.rest.n) {
		note(f, found.route, MISS_PATH, TRIE_NONE);
		return;
	}
	if (best->r)
		note(f, best->route, MISS_PATH, TRIE_NONE);
	*best = found;
}

/* Where an overlay does not touch a trie, it is walked as if there were none. */
static void
layer_match(struct finder *f, uint32_t root)
{
	const struct segment *rules = f->rules;

	if (root == TRIE_NONE)
		return;
	f->rules = trie_layer(rules, RULES_NODES, RULES_HEADS, root);
	trie_match(f, root);
	f->rules = rules;
}

static void
host_match(struct finder *f, uint32_t kind, struct slice host)
{
	const struct segment *rules = f->rules;
	uint32_t hash = hash_bytes(kind, host);
	uint32_t root = table_host_root(rules->base ? rules->base : rules, kind, hash, host);

	if (root == TRIE_NONE && rules->base)
		root = table_host_root(rules, kind, hash, host);
	if (root != TRIE_NONE)
		layer_match(f, root);
}

/* What follows is for hosts that are less near: is there anything left to ask of them? */
static bool
goes_on(struct finder *f)
{
	f->settled = f->best->r != NULL;
	return !f->settled || f->all;
}

/* "*.example.org" stands for any depth below example.org; the longest of them with a matching path
 * wins. */
static void
wildcard_match(struct finder *f, bool port)
{
	struct slice host = f->key->host, with_port = f->key->host_port;

	if (host.n > HOST_MAX)
		return;
	for (size_t i = 1; i < host.n && goes_on(f); i++) {
		if (host.p[i] != '.')
			continue;
		if (port && with_port.n > host.n)
			host_match(f, HOST_WILDCARD, slice_make(with_port.p + i, with_port.n - i));
		host_match(f, HOST_WILDCARD, slice_make(host.p + i, host.n - i));
	}
}

static void
find(struct finder *f)
{
	const struct table_global *g = table_global(f->rules);
	const struct table_key *key = f->key;

	*f->best = (struct table_match){ .route = TRIE_NONE };
	if (!g)
		return;
	if (g->hosts_verbatim)
		host_match(f, HOST_VERBATIM, key->host_raw);
	if (g->hosts_port && key->host_port.n != key->host.n)
		host_match(f, HOST_NAME, key->host_port);
	host_match(f, HOST_NAME, key->host);
	if (g->hosts_wildcard && goes_on(f))
		wildcard_match(f, g->hosts_port);
	if (goes_on(f))
		layer_match(f, g->root_any);
}

void
table_find(const struct segment *rules, const struct table_key *key, struct table_match *out)
{
	struct finder f = { .rules = rules, .key = key, .best = out, .all = key->note != NULL };

	find(&f);
}

uint32_t
table_allowed(const struct segment *rules, const struct table_key *key)
{
	const struct table_global *g = table_global(rules);
	struct table_key silent = *key;
	struct table_match none;
	uint32_t methods = 0;
	struct finder f = { rules, &silent, &none, .allow = &methods, .all = true };

	silent.note = NULL;
	if (g && g->methods)
		find(&f);
	return methods;
}
