/*
 * What became of each route, of all of them or with those of an overlay in their places.
 */

#include "compile_index.h"

#include "compile.h"

#include "lib/xalloc.h"

#include <stdlib.h>

static int
compare_lines(const void *a, const void *b)
{
	const struct compile_route *x = a, *y = b;

	if (x->source != y->source)
		return (int)x->source - (int)y->source;
	return strcmp(x->id, y->id);
}

void
compile_report_sort(struct compile_report *r)
{
	if (!r->sorted)
		qsort(r->routes + r->file_count, r->routes_count - r->file_count, sizeof *r->routes,
		      compare_lines);
	r->sorted = true;
}

static const struct compile_route gone;

/* By id: the overlay's line, or `gone`. */
static void
lines_by_id(const struct compile_report *over, struct map *lines)
{
	for (size_t i = 0; i < over->gone_count; i++)
		*map_put(lines, slice_of(over->gone[i])) = (void *)(uintptr_t)&gone;
	for (size_t i = 0; i < over->routes_count; i++)
		*map_put(lines, slice_of(over->routes[i].id)) = &over->routes[i];
}

struct compile_report *
compile_report_over(const struct compile_report *base, const struct compile_report *over)
{
	struct compile_report *r = xcalloc(1, sizeof *r);
	struct map lines = MAP_INIT;

	lines_by_id(over, &lines);
	r->routes = arena_calloc(&r->arena,
				 (base->routes_count + over->routes_count + 1) * sizeof *r->routes);
	r->file_count = base->file_count;
	for (size_t i = 0; i < base->routes_count; i++) {
		const struct compile_route *line = map_take(&lines, slice_of(base->routes[i].id));

		if (line != &gone)
			r->routes[r->routes_count++] = line ? *line : base->routes[i];
	}
	for (size_t i = 0; i < lines.count; i++) {
		if (lines.entries[i].value != &gone)
			r->routes[r->routes_count++] =
			    *(const struct compile_route *)lines.entries[i].value;
	}
	map_deinit(&lines, NULL);
	return r;
}

void
compile_report_free(struct compile_report *r)
{
	if (!r)
		return;
	compile_index_free(r->index);
	arena_deinit(&r->arena);
	free(r);
}
