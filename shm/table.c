/*
 * The questions that a worker asks of a verified table. Nothing here writes, allocates or fails.
 */

#include "table.h"

#include "fold.h"
#include "hash.h"

const struct table_global *
table_global(const struct segment *rules)
{
	return seg_own(rules, RULES_GLOBAL, 0, sizeof(struct table_global));
}

const struct table_route *
table_route(const struct segment *rules, uint32_t i)
{
	return seg_at(rules, RULES_ROUTES, i, sizeof(struct table_route));
}

const struct table_shape *
table_shape(const struct segment *rules, const struct table_route *r)
{
	return seg_at(rules, RULES_SHAPES, r->shape, sizeof(struct table_shape));
}

struct slice
table_route_id(const struct segment *rules, const struct table_route *r)
{
	return seg_string(rules, (struct seg_ref){ r->text, r->id_size });
}

struct slice
table_route_host(const struct segment *rules, const struct table_route *r)
{
	return seg_string(rules, (struct seg_ref){ r->text + r->host_at, r->host_size });
}

struct slice
table_route_path(const struct segment *rules, const struct table_route *r)
{
	return seg_string(rules, (struct seg_ref){ r->text + r->path_at, r->path_size });
}

bool
table_route_stands(const struct segment *rules, uint32_t i)
{
	uint32_t low = 0, high = seg_own_count(rules, RULES_GONE);
	const uint32_t *gone = seg_own(rules, RULES_GONE, 0, sizeof *gone);

	while (gone && low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (gone[middle] == i)
			return false;
		if (gone[middle] < i)
			low = middle + 1;
		else
			high = middle;
	}
	return true;
}

const struct table_policy *
table_policy(const struct segment *rules, uint32_t i)
{
	return seg_at(rules, RULES_POLICIES, i, sizeof(struct table_policy));
}

struct slice
table_fact(const struct segment *rules, uint32_t i)
{
	const struct seg_ref *ref = seg_at(rules, RULES_FACTS, i, sizeof *ref);

	return ref ? seg_string(rules, *ref) : SLICE("");
}

const struct table_condition *
table_condition(const struct segment *rules, uint32_t i)
{
	return seg_at(rules, RULES_CONDITIONS, i, sizeof(struct table_condition));
}

const struct table_action *
table_action(const struct segment *rules, uint32_t i)
{
	return seg_at(rules, RULES_ACTIONS, i, sizeof(struct table_action));
}

const struct table_store *
table_store(const struct segment *rules, uint32_t i)
{
	return seg_at(rules, RULES_STORES, i, sizeof(struct table_store));
}

/* Where the overlay has an upstream; TRIE_NONE: it is the base's. */
static uint32_t
moved_row(const struct segment *endpoints, uint32_t index)
{
	uint32_t count = seg_own_count(endpoints, ENDPOINTS_MOVED);
	const struct table_moved *moved = seg_own(endpoints, ENDPOINTS_MOVED, 0, sizeof *moved);
	uint32_t i = hash_slot(hash_number(index), count);

	if (!moved)
		return TRIE_NONE;
	for (uint32_t n = 0; n < count && moved[i].row != TRIE_NONE; n++) {
		if (moved[i].index == index)
			return moved[i].row;
		i = i + 1 < count ? i + 1 : 0;
	}
	return TRIE_NONE;
}

const struct table_upstream *
table_upstream(const struct segment *endpoints, uint32_t i)
{
	uint32_t row = i;

	if (endpoints->base) {
		row = moved_row(endpoints, i);
		if (row == TRIE_NONE)
			return seg_own(endpoints->base, ENDPOINTS_UPSTREAMS, i,
				       sizeof(struct table_upstream));
	}
	return seg_at(endpoints, ENDPOINTS_UPSTREAMS, row, sizeof(struct table_upstream));
}

uint32_t
table_upstreams(const struct segment *endpoints)
{
	uint32_t end = seg_own_count(endpoints, ENDPOINTS_UPSTREAMS);
	const struct table_moved *moved;

	if (!endpoints->base)
		return end;
	end = seg_own_count(endpoints->base, ENDPOINTS_UPSTREAMS);
	for (uint32_t i = 0;
	     (moved = seg_own(endpoints, ENDPOINTS_MOVED, i, sizeof *moved)) != NULL; i++) {
		if (moved->row != TRIE_NONE && moved->index >= end)
			end = moved->index + 1;
	}
	return end;
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

const struct table_plugin *
table_plugin(const struct segment *endpoints, uint32_t i)
{
	return seg_at(endpoints, ENDPOINTS_PLUGINS, i, sizeof(struct table_plugin));
}

const struct table_sticky *
table_sticky(const struct segment *endpoints, uint32_t i)
{
	return seg_at(endpoints, ENDPOINTS_STICKY, i, sizeof(struct table_sticky));
}

const struct table_key_material *
table_key_material(const struct segment *keys, uint32_t i)
{
	return seg_at(keys, KEYS_KEYS, i, sizeof(struct table_key_material));
}

/* The deepest entries on the way, of the file and of the store. */
struct gate_walk {
	const struct table_gate *file, *store;
	size_t file_at, store_at; /* bytes of the path that they stand for */
	bool delegated;           /* the file leaves this part to the store */
};

static bool
gate_applies(const struct table_gate *gate, uint32_t method, bool ended)
{
	return (!gate->methods || gate->methods & method) && (!(gate->flags & GATE_EXACT) || ended);
}

/* The entries of one node: an exception beats a protection. */
static void
gate_node(const struct segment *rules, uint32_t i, uint32_t method, const struct trie_walk *w,
	  size_t at, struct gate_walk *out)
{
	const struct table_gate *gate, *file = NULL, *store = NULL;
	bool ended = trie_walk_ended(w);

	for (; (gate = seg_at(rules, RULES_GATES, i, sizeof *gate)) != NULL; i = gate->next) {
		const struct table_gate **own = gate->flags & GATE_STORE ? &store : &file;

		out->delegated |= (gate->flags & GATE_DELEGATE) != 0;
		if (!(gate->flags & (GATE_DELEGATE | GATE_ROUTE | GATE_FLOOR | GATE_ISSUERS)) &&
		    gate_applies(gate, method, ended) && (!*own || gate->flags & GATE_EXCEPT))
			*own = gate;
	}
	if (file) {
		out->file = file;
		out->file_at = at;
	}
	if (store) {
		out->store = store;
		out->store_at = at;
	}
}

static bool
gate_closes(const struct table_gate *gate)
{
	return gate && !(gate->flags & GATE_EXCEPT);
}

/* No overlay changes the gate. */
static int
gate_walk_init(struct trie_walk *w, const struct segment *rules, struct slice path)
{
	const struct table_global *g = table_global(rules);

	if (rules->base)
		rules = rules->base;
	return g ? trie_walk_init(w, rules, RULES_GATE_NODES, RULES_GATE_EDGES, 0, g->gate_root,
				  path)
		 : -1;
}

static struct gate_walk
gate_walk(const struct segment *rules, enum table_method method, struct slice path)
{
	struct gate_walk found = { 0 };
	struct trie_walk w;

	if (gate_walk_init(&w, rules, path))
		return found;
	do {
		gate_node(rules, trie_walk_entry(&w), 1u << method, &w, path.n - w.rest.n, &found);
	} while (trie_walk_step(&w));
	return found;
}

bool
table_gate_is_floor(const struct segment *rules, enum table_method method, struct slice path)
{
	struct gate_walk found = gate_walk(rules, method, path);

	return gate_closes(found.file) && !found.delegated;
}

static bool
ends_with(struct slice s, struct slice end)
{
	return s.n > end.n && memcmp(s.p + s.n - end.n, end.p, end.n) == 0;
}

static bool
gate_host_is(struct slice host, const struct table_key *key)
{
	if (host.n == 0)
		return true;
	if (host.p[0] != '*')
		return slice_eq(host, key->host) || slice_eq(host, key->host_port);
	host = slice_make(host.p + 1, host.n - 1);
	return ends_with(key->host, host) || ends_with(key->host_port, host);
}

const struct table_gate *
table_route_floor(const struct segment *rules, const struct table_key *key, struct slice *at)
{
	const struct table_gate *gate, *floor = NULL;
	struct trie_walk w;

	if (gate_walk_init(&w, rules, key->path))
		return NULL;
	do {
		for (uint32_t i = trie_walk_entry(&w);
		     (gate = seg_at(rules, RULES_GATES, i, sizeof *gate)) != NULL; i = gate->next) {
			if (gate->flags & GATE_DELEGATE)
				return NULL;
			if (floor || !(gate->flags & GATE_ROUTE) ||
			    !gate_applies(gate, 1u << key->method, trie_walk_ended(&w)) ||
			    !gate_host_is(seg_string(rules, gate->host), key))
				continue;
			floor = gate;
			*at = slice_make(key->path.p, key->path.n - w.rest.n);
		}
	} while (trie_walk_step(&w));
	return floor;
}

/* Whom the routes of the file at one node accept. */
static bool
gate_node_issuers(const struct segment *rules, const struct table_key *key,
		  const struct trie_walk *w, uint64_t *issuers)
{
	const struct table_gate *gate;
	uint64_t here = UINT64_MAX;
	bool any = false;

	for (uint32_t i = trie_walk_entry(w);
	     (gate = seg_at(rules, RULES_GATES, i, sizeof *gate)) != NULL; i = gate->next) {
		if (gate->flags & GATE_DELEGATE)
			return false;
		if (!(gate->flags & GATE_ISSUERS) ||
		    !gate_applies(gate, 1u << key->method, trie_walk_ended(w)) ||
		    !gate_host_is(seg_string(rules, gate->host), key))
			continue;
		here &= gate->issuers;
		any = true;
	}
	if (any)
		*issuers = here;
	return true;
}

/* Those of the deepest one, which is the one that would have its turn. */
static uint64_t
floor_issuers(const struct segment *rules, const struct table_key *key)
{
	uint64_t issuers = UINT64_MAX;
	struct trie_walk w;

	if (gate_walk_init(&w, rules, key->path))
		return issuers;
	do {
		if (!gate_node_issuers(rules, key, &w, &issuers))
			return UINT64_MAX;
	} while (trie_walk_step(&w));
	return issuers;
}

/* The entry of the gate that decides for this path and method, NULL when none does. *at: the part
 * of the path that it stands for. */
static const struct table_gate *
table_gate_find(const struct segment *rules, enum table_method method, struct slice path,
		struct slice *at)
{
	struct gate_walk found = gate_walk(rules, method, path);
	bool by_store;

	/* The store closes what it will, and opens what the file has not closed or has delegated.
	 */
	by_store = found.store &&
		   (gate_closes(found.store) || !gate_closes(found.file) || found.delegated);
	*at = slice_make(path.p, by_store ? found.store_at : found.file_at);
	return by_store ? found.store : found.file;
}

bool
table_gate_protects(const struct segment *rules, enum table_method method, struct slice path)
{
	struct slice at;
	const struct table_gate *gate = table_gate_find(rules, method, path, &at);

	return gate && (gate->flags & (GATE_PROTECT | GATE_EXCEPT)) == GATE_PROTECT;
}

/* Whose entries ask: bits of GATE_FLOOR (routes of the file, which the store's do not get round),
 * GATE_PROTECT (the file's) and GATE_STORE. */
static uint32_t
who_authorises(const struct gate_walk *w, uint32_t flags)
{
	uint32_t whose = flags & ROUTE_FLOOR && !w->delegated ? GATE_FLOOR : 0;

	/* A route that is open is not asked for a token either, unless the file insists. */
	if (flags & ROUTE_OPEN && (!gate_closes(w->file) || w->delegated))
		return whose;
	if (gate_closes(w->file) && !(w->delegated && w->store))
		whose |= GATE_PROTECT;
	return gate_closes(w->store) ? whose | GATE_STORE : whose;
}

static bool
gate_asks(const struct segment *rules, const struct table_gate *gate, uint32_t whose,
	  const struct table_key *key)
{
	if (gate->flags & GATE_FLOOR)
		return whose & GATE_FLOOR && gate_host_is(seg_string(rules, gate->host), key);
	return whose & (gate->flags & GATE_STORE ? GATE_STORE : GATE_PROTECT);
}

void
table_gate_authorises(const struct segment *rules, const struct table_key *key, uint32_t flags,
		      table_authorise_fn *each, void *userdata)
{
	struct gate_walk found = gate_walk(rules, key->method, key->path);
	uint32_t whose = who_authorises(&found, flags);
	const struct table_gate *gate;
	struct trie_walk w;

	if (whose == 0 || gate_walk_init(&w, rules, key->path))
		return;
	do {
		for (uint32_t i = trie_walk_entry(&w);
		     (gate = seg_at(rules, RULES_GATES, i, sizeof *gate)) != NULL; i = gate->next) {
			if (gate->authorise && gate_asks(rules, gate, whose, key) &&
			    gate_applies(gate, 1u << key->method, trie_walk_ended(&w)))
				each(userdata, gate->authorise, gate,
				     slice_make(key->path.p, key->path.n - w.rest.n));
		}
	} while (trie_walk_step(&w));
}

struct table_protection
table_route_protection(const struct segment *rules, const struct table_key *key, uint32_t flags)
{
	struct table_protection p = { .needed = true, .issuers = UINT64_MAX };

	if (flags & ROUTE_FLOOR)
		p.issuers = floor_issuers(rules, key);
	p.by_route = (flags & ROUTE_AUTH) != 0;
	if (p.by_route)
		return p;
	/* No route of the store answers without a token where one of the file would ask for it. */
	if (flags & ROUTE_FLOOR && (p.gate = table_route_floor(rules, key, &p.at)) != NULL)
		return p;
	p.gate = table_gate_find(rules, key->method, key->path, &p.at);
	p.needed = gate_closes(p.gate);
	if (p.needed && flags & ROUTE_OPEN && !table_gate_is_floor(rules, key->method, key->path))
		p = (struct table_protection){ .by_route = true, .issuers = p.issuers };
	return p;
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

bool
table_cidr_holds(const struct table_cidr *c, const uint8_t address[16])
{
	uint32_t bits = c->bits < 128 ? c->bits : 128, whole = bits / 8;

	if (memcmp(c->address, address, whole) != 0)
		return false;
	return bits % 8 == 0 || ((c->address[whole] ^ address[whole]) >> (8 - bits % 8)) == 0;
}

static bool
is_among(const struct segment *rules, unsigned section, const uint8_t address[16])
{
	const struct table_cidr *c;

	for (uint32_t i = 0; (c = seg_at(rules, section, i, sizeof *c)) != NULL; i++) {
		if (table_cidr_holds(c, address))
			return true;
	}
	return false;
}

bool
table_trusts(const struct segment *rules, const uint8_t address[16])
{
	return is_among(rules, RULES_TRUSTED, address);
}

bool
table_traces(const struct segment *rules, const uint8_t address[16])
{
	return is_among(rules, RULES_TRACED, address);
}
