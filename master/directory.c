#include "directory.h"

#include "directory_own.h"

#include "lib/xalloc.h"
#include "own.h"
#include "shm/board.h"

#include <assert.h>
#include <stdlib.h>

/* ---- what stands by the side ---- */

static int
compare(const struct directory_upstream *x, const struct directory_upstream *y)
{
	return x->source != y->source ? (int)x->source - (int)y->source : strcmp(x->name, y->name);
}

static int
compare_places(const void *a, const void *b)
{
	return compare(*(struct directory_upstream *const *)a,
		       *(struct directory_upstream *const *)b);
}

static bool
has_words(const struct directory_endpoint *e)
{
	return e->slot > 0 && e->slot < BOARD_HEALTH;
}

static void
count(struct directory *d, const struct directory_upstream *u, size_t one)
{
	d->tls_count += u->speaks_tls ? one : 0;
	for (size_t i = 0; i < u->endpoints_count; i++) {
		const struct directory_endpoint *e = &u->endpoints[i];

		d->endpoints += one;
		d->uncounted += e->slot > 0 && e->slot < BOARD_ENDPOINTS ? 0 : one;
		d->unprobed += u->health.enabled && !has_words(e) ? one : 0;
	}
}

/* Two places of one upstream stand in the order of its endpoints. */
static void
slot_put(struct directory *d, struct directory_endpoint *e)
{
	const struct directory_endpoint **at = &d->by_slot[e->slot];

	while (*at && compare((*at)->of, e->of) <= 0)
		at = (const struct directory_endpoint **)(uintptr_t) & (*at)->same;
	e->same = *at;
	*at = e;
}

static void
slot_take(struct directory *d, struct directory_endpoint *e)
{
	const struct directory_endpoint **at = &d->by_slot[e->slot];

	while (*at && *at != e)
		at = (const struct directory_endpoint **)(uintptr_t) & (*at)->same;
	if (*at)
		*at = e->same;
}

static void
index_put(struct directory *d, struct directory_upstream *u)
{
	size_t had = d->index_cap;

	while (u->index >= d->index_cap)
		d->index_cap = d->index_cap ? 2 * d->index_cap : 64;
	if (d->index_cap > had) {
		d->by_index =
		    xrealloc(d->by_index, d->index_cap * sizeof(struct directory_upstream *));
		memset(d->by_index + had, 0, (d->index_cap - had) * sizeof *d->by_index);
	}
	d->lacking |= u->index == 0;
	d->by_index[u->index] = u->index ? u : NULL;
	if (u->index >= d->index_end)
		d->index_end = u->index + 1;
	if (u->hidden)
		d->sessions = u->index;
	else
		map_set(&d->by_name[u->source], slice_of(u->name), u);
}

void
directory_unlink(struct directory *d)
{
	for (int i = 0; i < SOURCES; i++)
		map_deinit(&d->by_name[i], NULL);
	free(d->by_index);
	free(d->by_slot);
	d->by_index = NULL;
	d->by_slot = NULL;
	d->index_cap = 0;
	d->index_end = 1;
	d->tls_count = d->endpoints = d->uncounted = d->unprobed = 0;
}

/* From behind, so that each is put before those that follow: one that many upstreams have costs no
 * more than others. */
void
directory_link(struct directory *d)
{
	directory_unlink(d);
	for (int i = 0; i < SOURCES; i++)
		d->by_name[i].borrows = true;
	d->by_slot = xcalloc(BOARD_HEALTH, sizeof(struct directory_endpoint *));
	for (size_t i = d->upstreams_count; i-- > 0;) {
		struct directory_upstream *u = d->upstreams[i];

		for (size_t k = u->endpoints_count; k-- > 0;) {
			struct directory_endpoint *e = &u->endpoints[k];

			e->of = u;
			if (!has_words(e))
				continue;
			e->same = d->by_slot[e->slot];
			d->by_slot[e->slot] = e;
		}
		index_put(d, u);
		count(d, u, 1);
	}
}

/* ---- all of them ---- */

static void
append(struct directory *d, struct directory_upstream *u)
{
	if (d->upstreams_count == d->upstreams_cap) {
		d->upstreams_cap = d->upstreams_cap ? 2 * d->upstreams_cap : 64;
		d->upstreams =
		    xrealloc(d->upstreams, d->upstreams_cap * sizeof(struct directory_upstream *));
	}
	d->upstreams[d->upstreams_count++] = u;
}

/* The upstream that the target of a rule is. */
static struct directory_upstream *
make_target(struct directory_maker *b, const struct rules_native *n)
{
	struct arena arena = { 0 };
	const char *fault;
	const struct config_route *route = rules_native_route(n, b->c, &arena, &fault);
	struct directory_upstream *u;

	assert(route && route->target.address.text);
	u = directory_make_target(b, route);
	arena_deinit(&arena);
	return u;
}

/* All rules that lead to one target have one upstream. */
static void
append_targets(struct directory *d, struct directory_maker *b, const struct rules *rules)
{
	struct map made = MAP_INIT; /* by name */

	for (size_t i = 0; i < rules_natives(rules, NATIVE_ROUTE); i++) {
		const struct rules_native *n = rules_native_at(rules, NATIVE_ROUTE, i);
		const char *target = rules_native_place(n)->target;
		struct directory_upstream *u;
		void **place;

		if (!target)
			continue;
		place = map_put(&made, slice_of(target));
		if (!*place) {
			*place = make_target(b, n);
			append(d, *place);
		}
		u = *place;
		u->targets_count++;
		*map_put(&d->targets, slice_of(rules_native_name(n))) = u;
	}
	map_deinit(&made, NULL);
}

static void
append_rules(struct directory *d, struct directory_maker *b, const struct rules *rules)
{
	for (size_t i = 0; i < rules_natives(rules, NATIVE_UPSTREAM); i++) {
		const struct config_upstream *u =
		    rules_native_read(rules_native_at(rules, NATIVE_UPSTREAM, i), b->c);

		if (u)
			append(d, directory_make(b, u, SOURCE_RULE));
	}
	append_targets(d, b, rules);
	for (size_t i = 0; i < rules_backends(rules); i++)
		append(d, directory_make_redx(b, rules_backend_at(rules, i)));
}

static void
maker_deinit(struct directory_maker *b)
{
	own_free(b->own);
	map_deinit(&b->seen, NULL);
}

struct directory *
directory_build(const struct config *c, const struct rules *rules,
		const struct seek_servers *sessions, struct directory_slots *slots,
		struct buf *warnings)
{
	struct directory *d = xcalloc(1, sizeof *d);
	struct directory_maker b = { c, slots, own_new(c), warnings, NULL, MAP_INIT };

	for (size_t i = 0; i < c->upstreams_count; i++)
		append(d, directory_make(&b, &c->upstreams[i], SOURCE_FILE));
	if (c->login.configured)
		append(d, directory_make_sessions(&b, sessions));
	if (rules)
		append_rules(d, &b, rules);
	if (d->upstreams_count)
		qsort(d->upstreams, d->upstreams_count, sizeof *d->upstreams, compare_places);
	directory_link(d);
	maker_deinit(&b);
	return d;
}

void
directory_free(struct directory *d)
{
	if (!d)
		return;
	directory_unlink(d);
	for (size_t i = 0; i < d->upstreams_count; i++)
		directory_upstream_free(d->upstreams[i]);
	map_deinit(&d->targets, NULL);
	free(d->upstreams);
	free(d);
}

/* ---- some of them ---- */

struct change {
	struct directory *d;
	struct directory_maker maker;
	directory_changed *changed;
	void *userdata;
};

/* Where it stands, or is to stand. */
static size_t
place_of(const struct directory *d, const struct directory_upstream *u)
{
	size_t from = 0, to = d->upstreams_count;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (compare(d->upstreams[middle], u) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

static void
put(struct directory *d, struct directory_upstream *u)
{
	size_t at = place_of(d, u);

	append(d, u);
	memmove(d->upstreams + at + 1, d->upstreams + at,
		(d->upstreams_count - 1 - at) * sizeof *d->upstreams);
	d->upstreams[at] = u;
	for (size_t i = 0; i < u->endpoints_count; i++) {
		u->endpoints[i].of = u;
		if (has_words(&u->endpoints[i]))
			slot_put(d, &u->endpoints[i]);
	}
	index_put(d, u);
	count(d, u, 1);
}

static void
take(struct directory *d, struct directory_upstream *u)
{
	size_t at = place_of(d, u);

	count(d, u, (size_t)-1);
	for (size_t i = 0; i < u->endpoints_count; i++) {
		if (has_words(&u->endpoints[i]))
			slot_take(d, &u->endpoints[i]);
	}
	if (d->by_index[u->index] == u)
		d->by_index[u->index] = NULL;
	map_take(&d->by_name[u->source], slice_of(u->name));
	d->upstreams_count--;
	memmove(d->upstreams + at, d->upstreams + at + 1,
		(d->upstreams_count - at) * sizeof *d->upstreams);
}

static void
replace(struct change *x, struct directory_upstream *before, struct directory_upstream *next)
{
	if (before)
		take(x->d, before);
	if (next)
		put(x->d, next);
	if (before || next)
		x->changed(x->userdata, before, next);
	directory_upstream_free(before);
}

static struct directory_upstream *
found(const struct directory *d, enum rules_source source, struct slice name)
{
	return map_get(&d->by_name[source], name);
}

/* The rule's target is another one, or none, or one now. */
static void
change_target(struct change *x, struct slice name, const struct rules_native *n)
{
	const char *target = n ? rules_native_place(n)->target : NULL;
	struct directory_upstream *before = map_take(&x->d->targets, name), *next = NULL;

	if (target) {
		next = found(x->d, SOURCE_RULE, slice_of(target));
		if (!next) {
			next = make_target(&x->maker, n);
			replace(x, NULL, next);
		}
		next->targets_count++;
		*map_put(&x->d->targets, name) = next;
	}
	if (before && --before->targets_count == 0)
		replace(x, before, NULL);
}

static void
change_native(struct change *x, const struct rules *rules, enum native_kind kind, struct slice name)
{
	struct rules_native *n = rules_native_find(rules, kind, name);
	const struct config_upstream *u;

	switch (kind) {
	case NATIVE_ROUTE:
		change_target(x, name, n);
		break;
	case NATIVE_UPSTREAM:
		u = n ? rules_native_read(n, x->maker.c) : NULL;
		replace(x, found(x->d, SOURCE_RULE, name),
			u ? directory_make(&x->maker, u, SOURCE_RULE) : NULL);
		break;
	case NATIVE_POLICY:
	case NATIVE_KEY:
	case NATIVE_KINDS:
		break;
	}
}

void
directory_change(struct directory *d, const struct config *c, const struct rules *rules,
		 const struct map *keys, struct directory_slots *slots, struct buf *warnings,
		 directory_changed *changed, void *userdata)
{
	const struct slice redx = SLICE("backend:");
	struct change x = {
		d, { c, slots, own_new(c), warnings, NULL, MAP_INIT }, changed, userdata
	};

	for (size_t i = 0; i < keys->count; i++) {
		struct slice key = map_name(&keys->entries[i]), name;
		const struct rules_backend *backend;
		enum native_kind kind;

		if (slice_starts(key, redx)) {
			name = slice_make(key.p + redx.n, key.n - redx.n);
			backend = rules_backend_find(rules, name);
			replace(&x, found(d, SOURCE_REDX, name),
				backend ? directory_make_redx(&x.maker, backend) : NULL);
		} else if (rules_native_key(key, &kind, &name)) {
			change_native(&x, rules, kind, name);
		}
	}
	maker_deinit(&x.maker);
}

void
directory_use(const struct directory *d, struct directory_slots *slots)
{
	for (uint32_t i = 1; i < d->index_end; i++) {
		if (!d->by_index[i])
			continue;
		slots_use(slots->upstreams, i);
		slots_use(slots->seen_upstreams, d->by_index[i]->slot);
	}
	for (uint32_t slot = 1; slot < BOARD_HEALTH; slot++) {
		if (d->by_slot[slot])
			slots_use(slots->endpoints, slot);
	}
}

/* ---- comparing ---- */

const struct directory_upstream *
directory_find(const struct directory *d, enum rules_source source, struct slice name)
{
	return found(d, source, name);
}

static bool
has_base(const struct directory_upstream *u)
{
	bool base = false;

	for (size_t i = 0; i < u->endpoints_count; i++)
		base |= *u->endpoints[i].base != '\0';
	return base;
}

bool
directory_leads_same(const struct directory_upstream *a, const struct directory_upstream *b)
{
	return a && b && a->index == b->index && has_base(a) == has_base(b) &&
	       !a->endpoints_count == !b->endpoints_count && a->own_count + b->own_count == 0 &&
	       strcmp(a->fallback ? a->fallback : "", b->fallback ? b->fallback : "") == 0;
}

void
directory_compare(const struct directory *d, const struct directory *next,
		  void (*moved)(void *userdata, const struct directory_upstream *u), void *userdata)
{
	for (size_t i = 0; i < d->upstreams_count; i++) {
		const struct directory_upstream *u = d->upstreams[i];

		if (!u->hidden &&
		    !directory_leads_same(u, directory_find(next, u->source, slice_of(u->name))))
			moved(userdata, u);
	}
	for (size_t i = 0; i < next->upstreams_count; i++) {
		const struct directory_upstream *u = next->upstreams[i];

		if (!u->hidden &&
		    !directory_leads_same(u, directory_find(d, u->source, slice_of(u->name))))
			moved(userdata, u);
	}
}
