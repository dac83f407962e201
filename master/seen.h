#pragma once

/*
 * seen: health pages that once gave a 2xx. It only grows, up to a bound; who drops what no longer
 * matters clears it and adds the rest again.
 */

#include "lib/map.h"

#include <stdbool.h>

/* Far more than there are at a time: to drop what no longer matters costs them all. */
#define SEEN_MAX 262144
#define SEEN_NAME_MAX 500 /* longer ones are not remembered */

struct seen {
	struct map pages;
	const char **names; /* those of the map, in its order */
	size_t cap;
	uint64_t changes; /* pages that were added, ever */
};

void seen_deinit(struct seen *s);
bool seen_has(const struct seen *s, const char *page);
/* False: it is full. */
bool seen_add(struct seen *s, const char *page);
