#include "seen.h"

#include "lib/xalloc.h"

#include <stdlib.h>

void
seen_deinit(struct seen *s)
{
	map_deinit(&s->pages, NULL);
	free(s->names);
	*s = (struct seen){ .pages = MAP_INIT, .changes = s->changes };
}

bool
seen_has(const struct seen *s, const char *page)
{
	return map_get(&s->pages, slice_of(page)) != NULL;
}

bool
seen_add(struct seen *s, const char *page)
{
	size_t n = s->pages.count;

	if (strlen(page) > SEEN_NAME_MAX || strchr(page, '\n') || seen_has(s, page))
		return true;
	if (n >= SEEN_MAX)
		return false;
	*map_put(&s->pages, slice_of(page)) = s; /* any value but NULL */
	if (n == s->cap) {
		s->cap = s->cap ? s->cap * 2 : 64;
		s->names = xrealloc(s->names, s->cap * sizeof *s->names);
	}
	s->changes++;
	s->names[n] = s->pages.entries[n].name;
	return true;
}
