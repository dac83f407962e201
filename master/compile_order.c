/*
 * Which candidate comes before which, and who is shadowed.
 */

#include "compile_candidate.h"
#include "compile_conditions.h"
#include "compile_login.h"

#include "lib/map.h"
#include "lib/xalloc.h"
#include "shm/hash.h"

#include <stdlib.h>

static int
compare_slices(struct slice a, struct slice b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int r = n ? memcmp(a.p, b.p, n) : 0;

	return r ? r : (a.n > b.n) - (a.n < b.n);
}

/* Decides between most places by itself. A verbatim host is with what it is without case, since
 * that may take all from it (find_canonical). */
uint32_t
compile_group(const struct candidate *c)
{
	return hash_bytes(hash_bytes(0, c->at.canonical), c->at.path);
}

/* By where they apply; exact ones first, since that is the order of a node's chain. Which place
 * comes before which matters to nobody, as long as it is always the same. */
static int
compare_places(const struct place *x, const struct place *y)
{
	const struct candidate *a = x->candidate, *b = y->candidate;
	int r;

	if (x->group != y->group)
		return x->group > y->group ? 1 : -1;
	r = a->at.verbatim - b->at.verbatim;
	if (!r)
		r = compare_slices(a->at.host, b->at.host);
	if (!r)
		r = compare_slices(a->at.path, b->at.path);
	return r ? r : (a->how < b->how) - (a->how > b->how);
}

/* Who wins at one place. Between two spellings of one key: the one with a slash at its end, then
 * the one that is spelled as it is matched. */
static int
compare_candidates(const void *x, const void *y)
{
	const struct candidate *a, *b;
	int r = compare_places(x, y);

	if (r)
		return r;
	a = ((const struct place *)x)->candidate;
	b = ((const struct place *)y)->candidate;
	if (!r)
		r = (a->priority < b->priority) - (a->priority > b->priority);
	if (!r)
		r = (a->asks < b->asks) - (a->asks > b->asks);
	if (!r)
		r = (int)a->line->source - (int)b->line->source;
	if (!r && a->line->source == SOURCE_REDX)
		r = b->at.slash - a->at.slash;
	if (!r && a->line->source == SOURCE_REDX)
		r = b->at.plain - a->at.plain;
	if (!r && a->line->source != SOURCE_FILE)
		r = strcmp(a->line->id, b->line->id);
	/* Of two of the file the first one in it. */
	return r ? r : (a->line > b->line) - (a->line < b->line);
}

static void
shadow(struct work *w, struct candidate *loser, const struct candidate *winner)
{
	loser->line->state = ROUTE_SHADOWED;
	loser->line->by = winner->line->id;
	compile_reason(w, loser, "it matches the same as ", winner->line->id);
	if (loser->line->source != SOURCE_FILE && winner->line->source == SOURCE_FILE)
		compile_reason(w, loser, "the file matches the same: ", winner->line->id);
	else if (winner->key.n == 0 && loser->key.n > 0)
		compile_reason(w, loser, "all that it matches is taken by ", winner->line->id);
}

/* The route that matches, under the canonical host, all that a verbatim candidate does. */
static const struct candidate *
find_canonical(const struct work *w, const struct candidate *verbatim)
{
	struct candidate wanted = *verbatim;
	struct place place = { .candidate = &wanted };
	size_t low = 0, high = w->count;

	wanted.at.verbatim = false;
	wanted.at.host = verbatim->at.canonical;
	place.group = compile_group(&wanted);
	while (low < high) {
		size_t middle = (low + high) / 2;

		if (compare_places(&w->places[middle], &place) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < w->count && compare_places(&w->places[low], &place) == 0; low++) {
		const struct candidate *c = w->places[low].candidate;

		if (c->key.n == 0)
			return c->priority >= verbatim->priority ? c : NULL;
	}
	return NULL;
}

/* The run of its conditions; routes that ask for the same share it. */
static void
ask(struct work *w, const struct candidate *c, struct table_shape *shape)
{
	uint32_t first, count = c->route ? compile_conditions_count(c->route) : 0;
	void **run;

	if (count == 0)
		return;
	run = map_put(&w->asked, c->key);
	if (!*run) {
		first = compile_conditions(w->b, c->route);
		*run = (void *)((uintptr_t)count << 32 | first);
	}
	shape->conditions = (uint32_t)(uintptr_t)*run;
	shape->conditions_count = (uint32_t)((uintptr_t)*run >> 32);
}

static uint32_t
shape_of(struct work *w, const struct candidate *c)
{
	struct table_builder *b = w->b;
	struct table_shape shape = {
		.flags = c->flags | (w->floors && c->line->source != SOURCE_FILE ? ROUTE_FLOOR : 0),
		.policy = c->policy,
		.action = c->action,
		.fallback = c->fallback,
		.authorise = c->authorise,
		.priority = c->priority,
		.add_prefix = table_builder_text(b, slice_of(c->add_prefix)),
		.set_host = table_builder_text(b, slice_of(c->set_host)),
	};

	ask(w, c, &shape);
	if (c->route) {
		shape.credentials = compile_credentials(&b->seg, c->route);
		shape.credentials_count = (uint32_t)c->route->credentials_count;
	}
	return table_builder_shape(b, &shape);
}

static uint32_t
write_route(struct work *w, const struct candidate *c)
{
	struct slice id = slice_of(c->line->id);
	struct table_route route = {
		.shape = shape_of(w, c),
		.upstream = c->upstream,
		.slot = slots_get(w->in->slots->routes, id),
	};

	table_builder_texts(w->b, &route, id, slice_of(c->line->host), c->written);
	return table_builder_route(w->b, c->at.host, c->at.verbatim, c->at.path, &route);
}

/* Who of its place matches all that a candidate does, and comes before it: the one without
 * conditions, or one with the same. `place`: by key, those written so far. */
static const struct candidate *
find_winner(struct work *w, struct map *place, const struct candidate *c)
{
	const struct candidate *winner = c->at.verbatim ? find_canonical(w, c) : NULL;

	if (!winner)
		winner = map_get(place, SLICE(""));
	return winner ? winner : map_get(place, c->key);
}

/* Most have their place to themselves. */
static bool
is_alone(const struct work *w, size_t i)
{
	const struct place *p = &w->places[i];

	return (i == 0 || compare_places(p - 1, p) != 0) &&
	       (i + 1 == w->count || compare_places(p, p + 1) != 0);
}

static void
sort(struct work *w)
{
	if (w->count > w->places_cap) {
		w->places_cap = w->count + w->count / 2;
		w->places = xrealloc(w->places, w->places_cap * sizeof *w->places);
	}
	for (size_t i = 0; i < w->count; i++)
		w->places[i] = (struct place){ compile_group(&w->candidates[i]), TRIE_NONE, 0,
					       &w->candidates[i] };
	if (w->count > 1)
		qsort(w->places, w->count, sizeof *w->places, compare_candidates);
}

void
compile_order(struct work *w)
{
	struct map written = MAP_INIT; /* in the present place, by key */

	sort(w);
	for (size_t i = 0; i < w->count; i++) {
		struct candidate *c = w->places[i].candidate;
		const struct candidate *winner;

		if (i > 0 && compare_places(&w->places[i - 1], &w->places[i]) != 0)
			map_deinit(&written, NULL);
		winner = find_winner(w, &written, c);
		if (winner) {
			shadow(w, c, winner);
			continue;
		}
		w->places[i].row = write_route(w, c);
		w->places[i].node = w->b->node;
		c->line->order = (uint32_t)written.count + 1;
		if (!is_alone(w, i))
			*map_put(&written, c->key) = c;
	}
	map_deinit(&written, NULL);
}
