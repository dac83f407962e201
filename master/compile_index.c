#include "compile_index.h"

#include "lib/xalloc.h"
#include "shm/hash.h"

#include <stdlib.h>

#define SEED_ID 100u /* those of upstreams are their sources */

struct compile_index *
compile_index_new(void)
{
	return xcalloc(1, sizeof(struct compile_index));
}

void
compile_index_free(struct compile_index *x)
{
	if (!x)
		return;
	free(x->places);
	free(x->links);
	free(x);
}

uint32_t
compile_what_id(struct slice id)
{
	return hash_bytes(SEED_ID, id);
}

uint32_t
compile_what_upstream(enum rules_source source, struct slice name)
{
	return hash_bytes((uint32_t)source, name);
}

void
compile_index_note(struct compile_index *x, uint32_t what)
{
	if (x->links_count == x->links_cap) {
		x->links_cap = x->links_cap ? 2 * x->links_cap : 64;
		x->links = xrealloc(x->links, x->links_cap * sizeof *x->links);
	}
	x->links[x->links_count++] = (struct compile_link){ what, x->group };
}

void
compile_index_place(struct compile_index *x, const struct compile_place *p)
{
	if (x->places_count == x->places_cap) {
		x->places_cap = x->places_cap ? 2 * x->places_cap : 64;
		x->places = xrealloc(x->places, x->places_cap * sizeof *x->places);
	}
	x->places[x->places_count++] = *p;
}

static int
compare_links(const void *x, const void *y)
{
	const struct compile_link *a = x, *b = y;

	return (a->what > b->what) - (a->what < b->what);
}

void
compile_index_sort(struct compile_index *x)
{
	if (!x->sorted && x->links_count)
		qsort(x->links, x->links_count, sizeof *x->links, compare_links);
	x->sorted = true;
}

const struct compile_link *
compile_index_links(struct compile_index *x, uint32_t what, size_t *count)
{
	size_t low = 0, high = x->links_count;

	compile_index_sort(x);
	while (low < high) {
		size_t middle = (low + high) / 2;

		if (x->links[middle].what < what)
			low = middle + 1;
		else
			high = middle;
	}
	for (*count = 0; low + *count < x->links_count && x->links[low + *count].what == what;)
		++*count;
	return x->links + low;
}

const struct compile_place *
compile_index_places(const struct compile_index *x, uint32_t group, size_t *count)
{
	size_t low = 0, high = x->places_count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (x->places[middle].group < group)
			low = middle + 1;
		else
			high = middle;
	}
	for (*count = 0; low + *count < x->places_count && x->places[low + *count].group == group;)
		++*count;
	return x->places + low;
}
