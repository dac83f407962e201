/*
 * All routes, one group after the other (compile_index.h): where each rule applies is found first,
 * and a number is kept of it; what it says is made when its group's turn comes, and forgotten when
 * the group is written. So the memory that a table takes to be compiled is what the table takes.
 * What became of a route is kept where there is something to be said of it.
 */

#include "compile_candidate.h"

#include "lib/log.h"
#include "lib/xalloc.h"

#include <stdlib.h>

#define FRONTEND SLICE("frontend:")

/* Where the rule applies: the group above, who it is below. */
#define WHO_KIND 0xc0000000u
#define WHO_FILE 0u /* the candidate that was made of it */
#define WHO_NATIVE 0x40000000u
#define WHO_FRONTEND 0x80000000u
#define WHO_REFUSAL 0xc0000000u
#define WHO_NUMBER 0x3fffffffu

struct groups {
	struct work *w;
	const struct rules *rules; /* NULL: none */
	struct compile_report *report;
	struct candidate *files; /* in the order of the file */
	struct compile_route *file_lines;
	size_t files_count;
	uint64_t *spots;
	size_t spots_count;
	size_t room; /* in the work's candidates and lines */
	struct arena arena;
	struct compile_route *kept; /* lines of the store */
	size_t kept_count, kept_cap;
	const struct rules_refusal *closing; /* closes all; NULL: nothing does */
	bool closes_by_token;
};

/* ---- lines ---- */

static const char *
keep_text(struct groups *g, const char *text)
{
	return text && *text ? arena_string(&g->report->arena, slice_of(text)) : "";
}

static bool
is_kept(const struct groups *g, const struct compile_route *line)
{
	return g->report->all || line->state != ROUTE_ACTIVE || line->faulty || *line->reason;
}

/* A line of the store, for good. */
static void
keep_line(struct groups *g, const struct compile_route *line)
{
	struct compile_route *copy;

	if (g->kept_count == g->kept_cap) {
		g->kept_cap = g->kept_cap ? 2 * g->kept_cap : 64;
		g->kept = xrealloc(g->kept, g->kept_cap * sizeof *g->kept);
	}
	copy = &g->kept[g->kept_count++];
	*copy = *line;
	copy->id = keep_text(g, line->id);
	copy->host = keep_text(g, line->host);
	copy->path = keep_text(g, line->path);
	copy->upstream = keep_text(g, line->upstream);
	copy->asks = keep_text(g, line->asks);
	copy->by = keep_text(g, line->by);
	copy->reason = keep_text(g, line->reason);
}

static void
report_finish(struct groups *g)
{
	struct compile_report *r = g->report;

	r->total = g->files_count + r->total;
	r->routes =
	    arena_calloc(&r->arena, (g->files_count + g->kept_count + 1) * sizeof *r->routes);
	for (size_t i = 0; i < g->files_count; i++) {
		if (is_kept(g, &g->file_lines[i]))
			r->routes[r->file_count++] = g->file_lines[i];
	}
	r->routes_count = r->file_count + g->kept_count;
	if (g->kept_count)
		memcpy(r->routes + r->file_count, g->kept, g->kept_count * sizeof *g->kept);
}

/* ---- when nobody can tell what is closed ---- */

/* The first rule that closes so much; NULL: there is none. */
static const struct rules_refusal *
find_closing(const struct compile_input *in, enum rules_closing closing)
{
	for (size_t i = 0; in->rules && i < rules_refusals(in->rules); i++) {
		if (rules_closes(rules_refusal_at(in->rules, i), in->config) == closing)
			return rules_refusal_at(in->rules, i);
	}
	return NULL;
}

/* A rule that cannot be read at all may have closed anything that the store's rules serve: they
 * answer 503, or ask for a token, until it is mended or deleted. */
static void
close_store(struct groups *g)
{
	const struct rules_refusal *all = g->closing;
	struct work *w = g->w;
	char quoted[160];

	if (!all && !g->closes_by_token)
		return;
	if (all)
		log_quote(slice_make(all->key, all->key_n), quoted, sizeof quoted);
	for (size_t i = 0; i < w->count; i++) {
		struct candidate *c = &w->candidates[i];

		if (c->line->source == SOURCE_FILE || c->flags & ROUTE_REFUSED)
			continue;
		if (g->closes_by_token)
			c->flags |= ROUTE_AUTH;
		if (all)
			compile_refuse(w, c,
				       "what this one may serve cannot be told before it is "
				       "mended: ",
				       quoted);
	}
}

/* ---- rules by number ---- */

static struct slice
refused_name(const struct rules_refusal *f)
{
	struct slice key = slice_make(f->key, f->key_n), name;
	enum native_kind kind;

	if (slice_starts(key, FRONTEND))
		return slice_make(key.p + FRONTEND.n, key.n - FRONTEND.n);
	(void)rules_native_key(key, &kind, &name);
	return name;
}

static void
make_refused(struct groups *g, const struct rules_refusal *f)
{
	if (slice_starts(slice_make(f->key, f->key_n), FRONTEND))
		compile_frontend_refused(g->w, refused_name(f), f);
	else
		compile_native_refused(g->w, f, refused_name(f));
}

/* A candidate of it; or, of a rule that applies nowhere, a line alone. */
static void
make(struct groups *g, uint32_t who)
{
	uint32_t number = who & WHO_NUMBER;

	switch (who & WHO_KIND) {
	case WHO_FILE:
		g->w->candidates[g->w->count++] = g->files[number];
		break;
	case WHO_NATIVE:
		compile_native(g->w, rules_native_at(g->rules, NATIVE_ROUTE, number));
		break;
	case WHO_FRONTEND:
		compile_frontend(g->w, rules_frontend_at(g->rules, number));
		break;
	default:
		make_refused(g, rules_refusal_at(g->rules, number));
	}
}

/* ---- where they apply ---- */

static bool
native_at(struct groups *g, const struct rules_native *n, struct candidate *c)
{
	const struct rules_place *at = rules_native_place(n);
	const struct config_route r = { .host = at->host, .path = at->path };

	compile_place_of(g->w, c, &r);
	return true;
}

static bool
refused_at(struct groups *g, struct rules_native *n, struct candidate *c)
{
	const struct config_route *r = n ? rules_native_read(n, g->w->in->config) : NULL;

	if (r)
		compile_place_of(g->w, c, r);
	return r;
}

static bool
applies(struct groups *g, uint32_t who, struct candidate *c)
{
	uint32_t number = who & WHO_NUMBER;
	const struct rules_refusal *refusal;
	const struct rules_frontend *f;

	switch (who & WHO_KIND) {
	case WHO_FILE:
		*c = g->files[number];
		return true;
	case WHO_NATIVE:
		return native_at(g, rules_native_at(g->rules, NATIVE_ROUTE, number), c);
	case WHO_FRONTEND:
		f = rules_frontend_at(g->rules, number);
		return compile_frontend_at(g->w, slice_make(f->url, f->url_n), &c->at);
	default:
		refusal = rules_refusal_at(g->rules, number);
		if (slice_starts(slice_make(refusal->key, refusal->key_n), FRONTEND))
			return compile_frontend_at(g->w, refused_name(refusal), &c->at);
		return refused_at(g, refusal->native, c);
	}
}

static void
group_begin(struct groups *g, size_t count)
{
	struct work *w = g->w;

	if (count > g->room) {
		g->room = 2 * count;
		w->candidates = xrealloc(w->candidates, g->room * sizeof *w->candidates);
		w->lines = xrealloc(w->lines, g->room * sizeof *w->lines);
	}
	w->count = w->lines_count = 0;
	arena_reset(&g->arena);
}

static void
spot(struct groups *g, uint32_t who)
{
	struct candidate c = { 0 };

	group_begin(g, 1);
	if (applies(g, who, &c)) {
		g->spots[g->spots_count++] = (uint64_t)compile_group(&c) << 32 | who;
		return;
	}
	make(g, who);
	keep_line(g, &g->w->lines[0]);
	g->report->total++;
}

static bool
is_route(const struct rules_refusal *f)
{
	struct slice key = slice_make(f->key, f->key_n), name;
	enum native_kind kind;

	return !f->kept && (slice_starts(key, FRONTEND) ||
			    (rules_native_key(key, &kind, &name) && kind == NATIVE_ROUTE));
}

static void
spot_all(struct groups *g)
{
	const struct rules *rules = g->rules;
	size_t most = g->files_count;

	if (rules)
		most += rules_frontends(rules) + rules_refusals(rules) +
			rules_natives(rules, NATIVE_ROUTE);
	g->spots = xcalloc(most + 1, sizeof *g->spots);
	for (uint32_t i = 0; i < g->files_count; i++)
		spot(g, WHO_FILE | i);
	for (uint32_t i = 0; rules && i < rules_natives(rules, NATIVE_ROUTE); i++)
		spot(g, WHO_NATIVE | i);
	for (uint32_t i = 0; rules && i < rules_frontends(rules); i++)
		spot(g, WHO_FRONTEND | i);
	for (uint32_t i = 0; rules && i < rules_refusals(rules); i++) {
		if (is_route(rules_refusal_at(rules, i)))
			spot(g, WHO_REFUSAL | i);
	}
}

/* By group, and within each by who it is: four passes over their bytes. */
static void
spots_sort(struct groups *g)
{
	uint64_t *from = g->spots, *to = xcalloc(g->spots_count + 1, sizeof *to), *swap;

	for (unsigned shift = 32; shift < 64; shift += 8) {
		size_t at[257] = { 0 };

		for (size_t i = 0; i < g->spots_count; i++)
			at[(from[i] >> shift & 0xff) + 1]++;
		for (unsigned i = 0; i < 255; i++)
			at[i + 1] += at[i];
		for (size_t i = 0; i < g->spots_count; i++)
			to[at[from[i] >> shift & 0xff]++] = from[i];
		swap = from;
		from = to;
		to = swap;
	}
	g->spots = from;
	free(to);
}

/* ---- one group ---- */

static uint32_t
who_stands(struct groups *g, const struct place *p)
{
	const struct compile_route *line = p->candidate->line;
	uint32_t refused = line->state == ROUTE_IS_REFUSED || line->faulty ? PLACE_REFUSED : 0;

	if (line->source == SOURCE_FILE)
		return PLACE_FILE | refused | (uint32_t)(line - g->file_lines);
	if (p->node == TRIE_NONE)
		return PLACE_LINE | refused | (uint32_t)g->kept_count;
	return PLACE_ROW | refused | p->row;
}

static void
note(struct groups *g, const struct place *p)
{
	struct compile_route *line = p->candidate->line;
	const struct compile_place place = { p->group, p->node, who_stands(g, p) };

	compile_index_place(g->w->in->index, &place);
	if (line->source == SOURCE_FILE) {
		line->by = keep_text(g, line->by);
		line->reason = keep_text(g, line->reason);
	} else if (is_kept(g, line)) {
		keep_line(g, line);
	}
}

static void
group_make(struct groups *g, const uint64_t *spots, size_t count)
{
	struct work *w = g->w;

	group_begin(g, count);
	for (size_t i = 0; i < count; i++)
		make(g, (uint32_t)spots[i]);
	g->report->total += w->lines_count;
	close_store(g);
	compile_order(w);
	for (size_t i = 0; i < w->count; i++)
		note(g, &w->places[i]);
}

static void
groups_make(struct groups *g)
{
	for (size_t i = 0, n; i < g->spots_count; i += n) {
		for (n = 1; i + n < g->spots_count && g->spots[i + n] >> 32 == g->spots[i] >> 32;)
			n++;
		group_make(g, &g->spots[i], n);
	}
}

/* Those of the file that were made are in `w`; all the others are made here. */
void
compile_groups(struct work *w, struct compile_report *report)
{
	struct groups g = {
		.w = w,
		.rules = w->in->rules,
		.report = report,
		.files = w->candidates,
		.file_lines = w->lines,
		.files_count = w->count,
		.closing = find_closing(w->in, CLOSES_ALL),
		.closes_by_token = find_closing(w->in, CLOSES_BY_TOKEN) != NULL,
	};

	w->candidates = NULL;
	w->lines = NULL;
	w->arena = &g.arena;
	spot_all(&g);
	spots_sort(&g);
	groups_make(&g);
	report_finish(&g);
	free(g.files);
	free(g.spots);
	free(g.kept);
	free(w->lines);
	w->lines = NULL;
	arena_deinit(&g.arena);
	w->arena = &report->arena;
}
