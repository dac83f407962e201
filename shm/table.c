/*
 * The questions that a worker asks of a verified table. Nothing here writes, allocates or fails.
 */

#include "table.h"

#include "fold.h"
#include "hash.h"

/* Bytes of a name (RFC 1035 section 2.3.4); longer ones are under no wildcard. */
#define HOST_MAX 255

const struct table_global *
table_global(const struct segment *rules)
{
	return seg_at(rules, RULES_GLOBAL, 0, sizeof(struct table_global));
}

const struct table_route *
table_route(const struct segment *rules, uint32_t i)
{
	return seg_at(rules, RULES_ROUTES, i, sizeof(struct table_route));
}

const struct table_policy *
table_policy(const struct segment *rules, uint32_t i)
{
	return seg_at(rules, RULES_POLICIES, i, sizeof(struct table_policy));
}

const struct table_upstream *
table_upstream(const struct segment *endpoints, uint32_t i)
{
	return seg_at(endpoints, ENDPOINTS_UPSTREAMS, i, sizeof(struct table_upstream));
}

const struct table_endpoint *
table_endpoint(const struct segment *endpoints, uint32_t i)
{
	return seg_at(endpoints, ENDPOINTS_ENDPOINTS, i, sizeof(struct table_endpoint));
}

const struct table_address *
table_address(const struct segment *endpoints, uint32_t i)
{
	return seg_at(endpoints, ENDPOINTS_ADDRESSES, i, sizeof(struct table_address));
}

const struct table_key_material *
table_key_material(const struct segment *keys, uint32_t i)
{
	return seg_at(keys, KEYS_KEYS, i, sizeof(struct table_key_material));
}

/* The root of a host's trie, or TRIE_NONE. */
static uint32_t
host_root(const struct segment *rules, uint32_t kind, struct slice name)
{
	const struct table_host *hosts = seg_at(rules, RULES_HOSTS, 0, sizeof *hosts);
	uint32_t count = seg_count(rules, RULES_HOSTS), hash, i;

	if (!hosts)
		return TRIE_NONE;
	hash = hash_bytes(kind, name);
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

/* Does a route of a node on the way apply, given that the walk stands there? */
static bool
route_applies(const struct table_route *r, const struct trie_walk *w, struct slice path)
{
	bool slash = path.n > 0 && path.p[path.n - 1] == '/';

	if (!(r->flags & ROUTE_EXACT))
		return true;
	if (!trie_walk_ended(w))
		return false;
	/* "/" is a path that ends in a slash and has none to spare. */
	return w->rest.n == path.n || slash == !!(r->flags & ROUTE_EXACT_SLASH);
}

/* The deepest route of one trie that applies, if it is longer than what was found before. */
static void
trie_match(const struct segment *rules, uint32_t root, struct slice path, struct table_match *best)
{
	struct table_match found = { .route = TRIE_NONE };
	const struct table_route *r;
	struct trie_walk w;

	if (trie_walk_init(&w, rules, RULES_NODES, RULES_EDGES, root, path))
		return;
	do {
		for (uint32_t i = trie_walk_entry(&w); (r = table_route(rules, i)) != NULL;
		     i = r->next) {
			if (route_applies(r, &w, path)) {
				found = (struct table_match){ .route = i, .r = r, .rest = w.rest };
				break;
			}
		}
	} while (trie_walk_step(&w));
	if (found.r && (!best->r || found.rest.n < best->rest.n))
		*best = found;
}

static void
host_match(const struct segment *rules, uint32_t kind, struct slice host, struct slice path,
	   struct table_match *best)
{
	uint32_t root = host_root(rules, kind, host);

	if (root != TRIE_NONE)
		trie_match(rules, root, path, best);
}

/* "*.example.org" stands for any depth below example.org; the longest of them with a matching path
 * wins. */
static void
wildcard_match(const struct segment *rules, bool port, const struct table_key *key,
	       struct table_match *best)
{
	struct slice host = key->host, with_port = key->host_port;

	if (host.n > HOST_MAX)
		return;
	for (size_t i = 1; i < host.n && !best->r; i++) {
		if (host.p[i] != '.')
			continue;
		if (port && with_port.n > host.n)
			host_match(rules, HOST_WILDCARD,
				   slice_make(with_port.p + i, with_port.n - i), key->path, best);
		host_match(rules, HOST_WILDCARD, slice_make(host.p + i, host.n - i), key->path,
			   best);
	}
}

void
table_find(const struct segment *rules, const struct table_key *key, struct table_match *out)
{
	const struct table_global *g = table_global(rules);

	*out = (struct table_match){ .route = TRIE_NONE };
	if (!g)
		return;
	if (g->hosts_verbatim)
		host_match(rules, HOST_VERBATIM, key->host_raw, key->path, out);
	if (g->hosts_port && key->host_port.n != key->host.n)
		host_match(rules, HOST_NAME, key->host_port, key->path, out);
	host_match(rules, HOST_NAME, key->host, key->path, out);
	if (!out->r && g->hosts_wildcard)
		wildcard_match(rules, g->hosts_port, key, out);
	if (!out->r)
		trie_match(rules, g->root_any, key->path, out);
}

/* What the entries of one node say: GATE_PROTECT, GATE_EXCEPT, or 0 when none applies. */
static uint32_t
gate_verdict(const struct segment *rules, uint32_t i, uint32_t method, bool ended)
{
	const struct table_gate *gate;
	uint32_t verdict = 0;

	for (; (gate = seg_at(rules, RULES_GATES, i, sizeof *gate)) != NULL; i = gate->next) {
		if (gate->methods && !(gate->methods & method))
			continue;
		if ((gate->flags & GATE_EXACT) && !ended)
			continue;
		verdict |= gate->flags & (GATE_PROTECT | GATE_EXCEPT);
	}
	return verdict & GATE_EXCEPT ? GATE_EXCEPT : verdict;
}

bool
table_gate_protects(const struct segment *rules, enum table_method method, struct slice path)
{
	const struct table_global *g = table_global(rules);
	uint32_t verdict = 0;
	struct trie_walk w;

	if (!g || trie_walk_init(&w, rules, RULES_GATE_NODES, RULES_GATE_EDGES, g->gate_root, path))
		return false;
	do {
		uint32_t entry = trie_walk_entry(&w);
		uint32_t here = gate_verdict(rules, entry, 1u << method, trie_walk_ended(&w));

		if (here)
			verdict = here;
	} while (trie_walk_step(&w));
	return verdict == GATE_PROTECT;
}

struct slice
table_page(const struct segment *rules, int status)
{
	const struct table_page *page;

	for (uint32_t i = 0; (page = seg_at(rules, RULES_PAGES, i, sizeof *page)) != NULL; i++) {
		if (page->status == (uint32_t)status)
			return seg_string(rules, page->html);
	}
	return SLICE("");
}

static bool
strip_matches(struct slice stripped, bool prefix, struct slice name)
{
	if (prefix ? name.n < stripped.n : name.n != stripped.n)
		return false;
	for (size_t i = 0; i < stripped.n; i++) {
		if (fold_char(name.p[i]) != stripped.p[i])
			return false;
	}
	return true;
}

bool
table_strips(const struct segment *rules, struct slice name)
{
	const struct table_global *g = table_global(rules);
	const struct table_strip *strip;

	/* Most names end here: nothing that is stripped has their first letter and their length. */
	if (!g || name.n == 0 || !(g->strip_lengths[fold_class(name.p[0])] & fold_length(name.n)))
		return false;
	for (uint32_t i = 0; (strip = seg_at(rules, RULES_STRIP, i, sizeof *strip)) != NULL; i++) {
		if (strip_matches(seg_string(rules, strip->name), strip->prefix, name))
			return true;
	}
	return false;
}

static bool
cidr_holds(const struct table_cidr *c, const uint8_t address[16])
{
	uint32_t bits = c->bits < 128 ? c->bits : 128, whole = bits / 8;

	if (memcmp(c->address, address, whole) != 0)
		return false;
	return bits % 8 == 0 || ((c->address[whole] ^ address[whole]) >> (8 - bits % 8)) == 0;
}

bool
table_trusts(const struct segment *rules, const uint8_t address[16])
{
	const struct table_cidr *c;

	for (uint32_t i = 0; (c = seg_at(rules, RULES_TRUSTED, i, sizeof *c)) != NULL; i++) {
		if (cidr_holds(c, address))
			return true;
	}
	return false;
}
