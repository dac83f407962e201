/*
 * Fills the rules segment. Knows what the look-ups need (hashes, chains, the filter of stripped
 * names), and nothing of where rules come from.
 */

#include "table.h"

#include "fold.h"
#include "hash.h"
#include "table_host.h"
#include "lib/xalloc.h"

#include <stdlib.h>

#define HOW (ROUTE_EXACT | ROUTE_EXACT_SLASH)

void
table_builder_init(struct table_builder *b)
{
	*b = (struct table_builder){ .root_any = TRIE_NONE,
				     .gate_root = TRIE_NONE,
				     .global.fallback = TRIE_NONE,
				     .global.is_auth_route = TRIE_NONE };
	seg_builder_init(&b->seg);
	trie_builder_init(&b->routes, &b->seg, RULES_NODES, RULES_EDGES, RULES_HEADS);
	trie_builder_init(&b->gates, &b->seg, RULES_GATE_NODES, RULES_GATE_EDGES, 0);
	seg_builder_add(&b->seg, RULES_ACTIONS, &(struct table_action){ 0 },
			sizeof(struct table_action));
}

void
table_builder_init_over(struct table_builder *b, const struct segment *base)
{
	const struct table_global *g = table_global(base);

	*b = (struct table_builder){ .global = *g,
				     .root_any = g->root_any,
				     .gate_root = g->gate_root,
				     .verbatim = g->hosts_verbatim,
				     .port = g->hosts_port,
				     .wildcard = g->hosts_wildcard };
	seg_builder_init(&b->seg);
	seg_builder_extend(&b->seg, base);
	trie_builder_init(&b->routes, &b->seg, RULES_NODES, RULES_EDGES, RULES_HEADS);
	trie_builder_init(&b->gates, &b->seg, RULES_GATE_NODES, RULES_GATE_EDGES, 0);
}

void
table_builder_deinit(struct table_builder *b)
{
	trie_builder_deinit(&b->routes);
	trie_builder_deinit(&b->gates);
	seg_builder_deinit(&b->seg);
	map_deinit(&b->shapes, NULL);
	map_deinit(&b->texts, NULL);
	buf_deinit(&b->scratch);
	free(b->hosts);
	b->hosts = NULL;
}

/* ---- what is stored once ---- */

struct seg_ref
table_builder_text(struct table_builder *b, struct slice s)
{
	struct seg_ref ref = { 0, (uint32_t)s.n };
	void **at;

	if (s.n == 0)
		return ref;
	at = map_put(&b->texts, s);
	if (!*at)
		*at = (void *)((uintptr_t)seg_builder_string(&b->seg, s).offset + 1);
	ref.offset = (uint32_t)((uintptr_t)*at - 1);
	return ref;
}

uint32_t
table_builder_shape(struct table_builder *b, const struct table_shape *shape)
{
	void **at = map_put(&b->shapes, slice_make((const char *)shape, sizeof *shape));

	if (!*at)
		*at = (void *)((uintptr_t)seg_builder_add(&b->seg, RULES_SHAPES, shape,
							  sizeof *shape) +
			       1);
	return (uint32_t)((uintptr_t)*at - 1);
}

/* ---- facts ---- */

uint32_t
table_builder_fact(struct table_builder *b, struct slice path)
{
	const struct segment *base = b->seg.base;
	uint32_t n = seg_builder_count(&b->seg, RULES_FACTS);
	struct seg_ref ref;

	for (uint32_t i = 0; i < n; i++) {
		const struct seg_ref *own = base ? NULL : seg_builder_own(&b->seg, RULES_FACTS, i);

		if (slice_eq(own ? seg_builder_text(&b->seg, *own) : table_fact(base, i), path))
			return i;
	}
	if (base || n >= FACTS_MAX)
		return TRIE_NONE;
	ref = seg_builder_string(&b->seg, path);
	return seg_builder_add(&b->seg, RULES_FACTS, &ref, sizeof ref);
}

/* ---- routes ---- */

static bool
ends_with(struct slice s, struct slice end)
{
	return s.n >= end.n && (end.n == 0 || memcmp(s.p + s.n - end.n, end.p, end.n) == 0);
}

/* Where `s` stands at the end of the first `n` bytes of the text, or now behind it. */
static uint16_t
text_place(struct buf *text, size_t n, struct slice s)
{
	if (ends_with(slice_make(text->p, n), s))
		return (uint16_t)(n - s.n);
	buf_adds(text, s);
	return (uint16_t)(text->n - s.n);
}

/* The host is looked for before the path, which is at the end of the id, but for a slash. */
void
table_builder_texts(struct table_builder *b, struct table_route *route, struct slice id,
		    struct slice host, struct slice path)
{
	struct buf *text = &b->scratch;
	size_t end = id.n;

	text->n = 0;
	buf_adds(text, id);
	if (!ends_with(id, path) && end > 0 && id.p[end - 1] == '/')
		end--;
	route->path_at = text_place(text, end, path);
	/* What the trie takes for a segment ends before a slash. */
	if (text->n > 0 && text->p[text->n - 1] != '/')
		buf_addc(text, '/');
	route->host_at = text_place(text, route->path_at < id.n ? route->path_at : id.n, host);
	b->seg.full |= text->n > UINT16_MAX;
	route->id_size = (uint16_t)id.n;
	route->host_size = (uint16_t)host.n;
	route->path_size = (uint16_t)path.n;
	route->text = seg_builder_string(&b->seg, buf_slice(text)).offset;
}

/* Those that are the builder's own. */
static void *
elements(struct table_builder *b, unsigned section)
{
	return b->seg.sections[section].p;
}

static void
hosts_place(struct table_host *hosts, uint32_t count, const struct table_host *h)
{
	uint32_t i = hash_slot(h->hash, count);

	while (hosts[i].root != TRIE_NONE)
		i = i + 1 < count ? i + 1 : 0;
	hosts[i] = *h;
}

static void
hosts_grow(struct table_builder *b)
{
	uint32_t cap = b->hosts_cap ? b->hosts_cap * 2 : 16;
	struct table_host *hosts = xcalloc(cap, sizeof *hosts);

	for (uint32_t i = 0; i < cap; i++)
		hosts[i].root = TRIE_NONE;
	for (uint32_t i = 0; i < b->hosts_cap; i++) {
		if (b->hosts[i].root != TRIE_NONE)
			hosts_place(hosts, cap, &b->hosts[i]);
	}
	free(b->hosts);
	b->hosts = hosts;
	b->hosts_cap = cap;
}

/* The root of a host's trie, made where missing. */
static uint32_t
host_root(struct table_builder *b, uint32_t kind, struct slice name)
{
	uint32_t hash = hash_bytes(kind, name), i;
	uint32_t root = b->seg.base ? table_host_root(b->seg.base, kind, hash, name) : TRIE_NONE;
	struct table_host *h;

	if (root != TRIE_NONE)
		return root;
	if (b->hosts_count >= b->hosts_cap / 2)
		hosts_grow(b);
	for (i = hash_slot(hash, b->hosts_cap);; i = i + 1 < b->hosts_cap ? i + 1 : 0) {
		h = &b->hosts[i];
		if (h->root == TRIE_NONE)
			break;
		if (h->hash == hash && h->kind == kind &&
		    slice_eq(seg_builder_text(&b->seg, h->name), name))
			return h->root;
	}
	h->hash = hash;
	h->kind = kind;
	h->name = seg_builder_string(&b->seg, name);
	h->root = trie_builder_root(&b->routes);
	b->hosts_count++;
	return h->root;
}

/* Is there a port behind the name or the bracketed address? */
static bool
host_names_port(struct slice host)
{
	const char *bracket = memrchr(host.p, ']', host.n);
	const char *from = bracket ? bracket : host.p;

	return memchr(from, ':', host.n - (size_t)(from - host.p)) != NULL;
}

static uint32_t
root_for(struct table_builder *b, struct slice host, bool verbatim)
{
	bool wildcard = !verbatim && slice_starts(host, SLICE("*."));

	if (host.n == 0) {
		if (b->root_any == TRIE_NONE)
			b->root_any = trie_builder_root(&b->routes);
		return b->root_any;
	}
	if (verbatim) {
		b->verbatim = true;
		return host_root(b, HOST_VERBATIM, host);
	}
	b->port |= host_names_port(host);
	b->wildcard |= wildcard;
	if (wildcard)
		return host_root(b, HOST_WILDCARD, slice_make(host.p + 1, host.n - 1));
	return host_root(b, HOST_NAME, host);
}

/* Where a node's chain begins, without what the base has in it. */
static uint32_t *
chain_of(struct table_builder *b, uint32_t node)
{
	const struct segment *base = b->seg.base;
	uint32_t *link = trie_builder_entry(&b->routes, node);

	while (base && *link < seg_own_count(base, RULES_ROUTES)) {
		seg_builder_add(&b->seg, RULES_GONE, link, sizeof *link);
		*link = table_route(base, *link)->next;
	}
	return link;
}

/* Of one of the builder's own routes. */
static const struct table_shape *
own_shape(struct table_builder *b, const struct table_route *route)
{
	return seg_builder_own(&b->seg, RULES_SHAPES, route->shape);
}

/* Puts a route behind those of its node. One that applies exactly where an earlier one without
 * conditions does is left out: no request would ever come to it. */
static void
route_link(struct table_builder *b, uint32_t node, uint32_t i)
{
	const struct table_route *route = seg_builder_own(&b->seg, RULES_ROUTES, i);
	uint32_t how = own_shape(b, route)->flags & HOW, *link = chain_of(b, node);
	struct table_route *before;

	for (; *link != TRIE_NONE; link = &before->next) {
		const struct table_shape *shape;

		before = seg_builder_own(&b->seg, RULES_ROUTES, *link);
		shape = own_shape(b, before);
		if ((shape->flags & HOW) == how && shape->conditions_count == 0)
			return;
	}
	*link = i;
}

void
table_builder_clear(struct table_builder *b, uint32_t node)
{
	chain_of(b, node);
}

uint32_t
table_builder_route(struct table_builder *b, struct slice host, bool verbatim, struct slice path,
		    const struct table_route *route)
{
	struct seg_ref stored = { route->text + route->path_at, (uint32_t)path.n };
	struct table_route copy = *route;
	uint32_t root = root_for(b, host, verbatim), node, i;

	if (path.n <= route->path_size && trie_builder_has(&b->routes, stored.offset, path))
		node = trie_builder_path_ref(&b->routes, root, stored);
	else
		node = trie_builder_path(&b->routes, root, path);
	copy.next = TRIE_NONE;
	i = seg_builder_add(&b->seg, RULES_ROUTES, &copy, sizeof copy);
	b->node = node;
	if (!b->seg.full)
		route_link(b, node, i);
	return i;
}

uint32_t
table_builder_gate(struct table_builder *b, struct slice path, const struct table_gate *gate)
{
	struct table_gate copy = *gate, *before;
	uint32_t node, i, *link;

	if (b->gate_root == TRIE_NONE)
		b->gate_root = trie_builder_root(&b->gates);
	node = trie_builder_path(&b->gates, b->gate_root, path);
	copy.next = TRIE_NONE;
	i = seg_builder_add(&b->seg, RULES_GATES, &copy, sizeof copy);
	if (b->seg.full)
		return i;
	link = trie_builder_entry(&b->gates, node);
	while (*link != TRIE_NONE) {
		before = seg_builder_own(&b->seg, RULES_GATES, *link);
		link = &before->next;
	}
	*link = i;
	return i;
}

static void
strip_filter(struct table_builder *b)
{
	uint32_t count = (uint32_t)(b->seg.sections[RULES_STRIP].n / sizeof(struct table_strip));
	const struct table_strip *strip = elements(b, RULES_STRIP);

	for (uint32_t i = 0; i < count; i++) {
		struct slice name = seg_builder_text(&b->seg, strip[i].name);

		if (name.n)
			b->global.strip_lengths[fold_class(name.p[0])] |=
			    fold_lengths(name.n, strip[i].prefix);
	}
}

static void
hosts_write(struct table_builder *b)
{
	/* Two thirds full, so that a free slot is never far. */
	uint32_t count = b->hosts_count ? b->hosts_count + b->hosts_count / 2 + 1 : 0;
	const struct table_host none = { .root = TRIE_NONE };
	struct table_host *hosts;

	for (uint32_t i = 0; i < count; i++)
		seg_builder_add(&b->seg, RULES_HOSTS, &none, sizeof none);
	hosts = elements(b, RULES_HOSTS);
	for (uint32_t i = 0; i < b->hosts_cap; i++) {
		if (b->hosts[i].root != TRIE_NONE)
			hosts_place(hosts, count, &b->hosts[i]);
	}
}

static bool
asks_for_methods(struct table_builder *b)
{
	const struct table_condition *c = elements(b, RULES_CONDITIONS);
	size_t count = b->seg.sections[RULES_CONDITIONS].n / sizeof *c;

	for (size_t i = 0; i < count; i++) {
		if (c[i].kind == CONDITION_METHODS)
			return true;
	}
	return false;
}

static int
compare_numbers(const void *x, const void *y)
{
	uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;

	return (a > b) - (a < b);
}

static void
gone_sort(struct table_builder *b)
{
	struct buf *gone = &b->seg.sections[RULES_GONE];

	if (gone->n)
		qsort(gone->p, gone->n / sizeof(uint32_t), sizeof(uint32_t), compare_numbers);
}

void
table_moved_write(struct seg_builder *b, const uint32_t *indices, uint32_t count)
{
	const struct table_moved none = { 0, TRIE_NONE };
	uint32_t below = seg_own_count(b->base, ENDPOINTS_UPSTREAMS), slots = 2 * count + 1, at;
	struct table_moved *moved;

	for (uint32_t i = 0; i < slots; i++)
		seg_builder_add(b, ENDPOINTS_MOVED, &none, sizeof none);
	moved = (struct table_moved *)b->sections[ENDPOINTS_MOVED].p;
	for (uint32_t i = 0; i < count; i++) {
		at = hash_slot(hash_number(indices[i]), slots);
		while (moved[at].row != TRIE_NONE)
			at = at + 1 < slots ? at + 1 : 0;
		moved[at] = (struct table_moved){ indices[i], below + i };
	}
}

int
table_builder_finish(struct table_builder *b, uint64_t generation, struct segment **out)
{
	b->global.root_any = b->root_any;
	b->global.gate_root = b->gate_root;
	b->global.hosts_verbatim = b->verbatim;
	b->global.hosts_port = b->port;
	b->global.hosts_wildcard = b->wildcard;
	b->global.methods |= asks_for_methods(b);
	strip_filter(b);
	gone_sort(b);
	seg_builder_add(&b->seg, RULES_GLOBAL, &b->global, sizeof b->global);
	hosts_write(b);
	trie_builder_finish(&b->routes);
	if (!b->seg.base) /* an overlay has no gate */
		trie_builder_finish(&b->gates);
	return seg_builder_finish(&b->seg, SEGMENT_RULES, generation, out);
}
