/*
 * Some of the rules, as an overlay: the groups of routes that a change touches are made anew, by
 * the same code as all of them, and nothing else. What is refused is left to who makes all.
 */

#include "compile_candidate.h"

#include "lib/xalloc.h"

#include <stdlib.h>

#define GROUPS_MIN 16  /* so many may be touched in any table, */
#define GROUPS_PART 16 /* and no larger part of what there is, nor COMPILE_OVER_MAX */
#define LINES 4        /* in a group, on average; most have one */

#define FRONTEND SLICE("frontend:")
#define BACKEND SLICE("backend:")

struct over {
	struct work w;
	const struct compile_report *base;
	const struct segment *table; /* that it is of */
	struct compile_report *report;
	const struct compile_touched *touched;
	struct compile_index *index; /* of the base */
	uint32_t *groups;            /* touched; sorted and each once in the end */
	size_t count, cap, limit;
	size_t room; /* for further candidates */
	bool whole;  /* it is too much, or nothing that this can do */
};

/* ---- which groups ---- */

static void
add_group(struct over *o, uint32_t group)
{
	/* One stands here as often as something leads to it. */
	if (o->count >= 8 * o->limit) {
		o->whole = true;
		return;
	}
	if (o->count == o->cap) {
		o->cap = o->cap ? 2 * o->cap : 32;
		o->groups = xrealloc(o->groups, o->cap * sizeof *o->groups);
	}
	o->groups[o->count++] = group;
}

static void
add_made_from(struct over *o, uint32_t what)
{
	size_t count;
	const struct compile_link *link = compile_index_links(o->index, what, &count);

	for (size_t i = 0; i < count && !o->whole; i++)
		add_group(o, link[i].group);
}

/* Until it is made again, it is gone. */
static void
add_id(struct over *o, const char *prefix, struct slice name)
{
	struct compile_report *lines = o->report;
	struct buf id BUF_CLEAN = { 0 };

	buf_addf(&id, "%s:%.*s", prefix, SLICE_F(name));
	add_made_from(o, compile_what_id(buf_slice(&id)));
	lines->gone[lines->gone_count++] = compile_text(&o->w, buf_slice(&id));
}

/* Where no route matches the upstream of the configuration answers; all routes know it. */
static bool
is_fallback(const struct over *o, struct slice name)
{
	const char *fallback = o->w.in->config->fallback;

	return fallback && slice_eq(slice_of(fallback), name);
}

/* An upstream that is wrong beside the configuration takes its routes with it. */
static bool
is_faulty(const struct over *o, struct slice name)
{
	struct rules_native *n = rules_native_find(o->w.in->rules, NATIVE_UPSTREAM, name);

	return n && rules_native_fault(n, o->w.in->config);
}

/* What was made from what the key stood for; of an upstream only if it moved. */
static void
add_key(struct over *o, struct slice key)
{
	enum native_kind kind;
	struct slice name;

	if (rules_refusal_find(o->w.in->rules, key)) {
		o->whole = true;
	} else if (slice_starts(key, FRONTEND)) {
		add_id(o, "redis", slice_make(key.p + FRONTEND.n, key.n - FRONTEND.n));
	} else if (slice_starts(key, BACKEND)) {
		o->whole |= is_fallback(o, key);
	} else if (rules_native_key(key, &kind, &name) && kind == NATIVE_ROUTE) {
		add_id(o, "rule", name);
	} else if (rules_native_key(key, &kind, &name) && kind == NATIVE_UPSTREAM) {
		o->whole |= is_fallback(o, name) || is_faulty(o, name);
	} else if (!slice_starts(key, rules_native_prefix(NATIVE_KEY))) { /* is in no rules */
		o->whole = true;
	}
}

static int
compare_groups(const void *x, const void *y)
{
	uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;

	return (a > b) - (a < b);
}

static void
groups_settle(struct over *o)
{
	size_t n = 0;

	if (o->count)
		qsort(o->groups, o->count, sizeof *o->groups, compare_groups);
	for (size_t i = 0; i < o->count; i++) {
		if (i == 0 || o->groups[i] != o->groups[n - 1])
			o->groups[n++] = o->groups[i];
	}
	o->count = n;
	o->whole |= n > o->limit;
}

/* ---- what stands in them ---- */

static bool
has_room(struct over *o)
{
	if (o->room == 0)
		o->whole = true;
	else
		o->room--;
	return !o->whole;
}

static void
make_frontend(struct over *o, struct slice url, bool must_be)
{
	const struct rules_frontend *f = rules_frontend_find(o->w.in->rules, url);

	if (f && has_room(o))
		compile_frontend(&o->w, f);
	o->whole |= must_be && !f;
}

static void
make_native(struct over *o, struct slice name, bool must_be)
{
	struct rules_native *n = rules_native_find(o->w.in->rules, NATIVE_ROUTE, name);

	if (n && has_room(o))
		compile_native(&o->w, n);
	o->whole |= must_be && !n;
}

/* The keys that changed, as they are now. */
static void
make_touched(struct over *o)
{
	const struct map *keys = o->touched->keys;

	for (size_t i = 0; i < o->touched->moved_count && !o->whole; i++)
		add_made_from(o, o->touched->moved[i].what);
	for (size_t i = 0; i < keys->count && !o->whole; i++) {
		struct slice key = map_name(&keys->entries[i]), name;
		enum native_kind kind;

		add_key(o, key);
		if (slice_starts(key, FRONTEND))
			make_frontend(o, slice_make(key.p + FRONTEND.n, key.n - FRONTEND.n), false);
		else if (rules_native_key(key, &kind, &name) && kind == NATIVE_ROUTE)
			make_native(o, name, false);
	}
	for (size_t i = 0; i < o->w.count && !o->whole; i++)
		add_group(o, compile_group(&o->w.candidates[i]));
}

static bool
is_changed(const struct over *o, struct slice kind, struct slice name)
{
	struct buf key BUF_CLEAN = { 0 };

	buf_adds(&key, kind);
	buf_adds(&key, name);
	return map_get(o->touched->keys, buf_slice(&key)) != NULL;
}

/* Of a route of the store that the base has. */
static struct slice
id_of(const struct over *o, uint32_t who)
{
	uint32_t number = who & PLACE_NUMBER;

	if ((who & PLACE_KIND) == PLACE_LINE)
		return slice_of(o->base->routes[o->base->file_count + number].id);
	return table_route_id(o->table, table_route(o->table, number));
}

/* One of the base that did not change itself. */
static void
make_place(struct over *o, uint32_t who)
{
	struct slice id = id_of(o, who), name;
	bool redis = slice_starts(id, SLICE("redis:"));

	slice_cut(id, ':', &name);
	if (redis && !is_changed(o, FRONTEND, name))
		make_frontend(o, name, true);
	else if (!redis && !is_changed(o, rules_native_prefix(NATIVE_ROUTE), name))
		make_native(o, name, true);
}

static int
compare_files(const void *x, const void *y)
{
	uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;

	return (a > b) - (a < b);
}

/* Of two of the file the first one in it wins: they keep their order, and with it their ids, since
 * all of one place are here. */
static void
make_files(struct over *o, uint32_t *files, size_t count)
{
	if (count)
		qsort(files, count, sizeof *files, compare_files);
	for (size_t i = 0; i < count && has_room(o); i++)
		compile_file(&o->w, &o->w.in->config->routes[files[i]], "");
}

/* What the base has in the groups is no more, but for what is made again. */
static void
make_groups(struct over *o)
{
	uint32_t *files = xcalloc(o->room + 1, sizeof *files);
	size_t files_count = 0, count;

	for (size_t g = 0; g < o->count && !o->whole; g++) {
		const struct compile_place *p =
		    compile_index_places(o->index, o->groups[g], &count);

		for (size_t i = 0; i < count && !o->whole; i++) {
			o->whole |= (p[i].who & PLACE_REFUSED) != 0;
			if (p[i].node != TRIE_NONE)
				table_builder_clear(o->w.b, p[i].node);
			if ((p[i].who & PLACE_KIND) != PLACE_FILE)
				make_place(o, p[i].who);
			else if (files_count < o->room)
				files[files_count++] = p[i].who & PLACE_NUMBER;
			else
				o->whole = true;
		}
	}
	make_files(o, files, files_count);
	free(files);
}

/* ---- all of it ---- */

static bool
anything_closed(const struct compile_input *in)
{
	for (size_t i = 0; i < rules_refusals(in->rules); i++) {
		if (rules_closes(rules_refusal_at(in->rules, i), in->config) != CLOSES_NO_MORE)
			return true;
	}
	return false;
}

static bool
anything_refused(const struct over *o)
{
	for (size_t i = 0; i < o->w.lines_count; i++) {
		const struct compile_route *line = &o->w.lines[i];

		if (line->state == ROUTE_IS_REFUSED || line->faulty)
			return true;
	}
	return false;
}

static void
over_init(struct over *o, struct table_builder *b, const struct compile_input *in)
{
	size_t part = o->base->index->places_count / GROUPS_PART;
	struct compile_report *lines = o->report;

	o->index = o->base->index;
	o->limit = part < GROUPS_MIN         ? GROUPS_MIN
		   : part > COMPILE_OVER_MAX ? COMPILE_OVER_MAX
					     : part;
	o->room = o->touched->keys->count + LINES * o->limit;
	o->whole = o->touched->keys->count > 2 * o->limit || anything_closed(in);
	lines->routes = arena_calloc(&lines->arena, (o->room + 1) * sizeof *lines->routes);
	lines->gone = arena_calloc(&lines->arena, (o->room + 1) * sizeof(const char *));
	o->w = (struct work){
		.in = in,
		.b = b,
		.arena = &lines->arena,
		.lines = lines->routes,
		.candidates = xcalloc(o->room + 1, sizeof(struct candidate)),
		.floors = o->base->index->floors,
	};
}

int
compile_rules_over(const struct config *c, const struct rules *rules, const struct directory *d,
		   struct directory_slots *slots, const struct compile_touched *touched,
		   const struct compile_report *report, const struct segment *base,
		   uint64_t generation, struct segment **out, struct compile_report **report_out)
{
	struct compile_report *lines = xcalloc(1, sizeof *lines);
	struct compile_input in = { c, rules, d, slots, lines->index = compile_index_new() };
	struct over o = { .touched = touched, .base = report, .table = base, .report = lines };
	struct table_builder b;
	int r = 1;

	table_builder_init_over(&b, base);
	over_init(&o, &b, &in);
	compile_limits(&o.w);
	make_touched(&o);
	if (!o.whole)
		groups_settle(&o);
	if (!o.whole)
		make_groups(&o);
	if (!o.whole)
		compile_order(&o.w);
	if (!o.whole && !o.w.lacks && !o.w.overfull && !anything_refused(&o))
		r = table_builder_finish(&b, generation, out);
	lines->routes_count = o.w.lines_count;
	table_builder_deinit(&b);
	work_deinit(&o.w);
	free(o.groups);
	if (r == 0)
		*report_out = lines;
	else
		compile_report_free(lines);
	return r;
}
