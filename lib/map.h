#pragma once

/*
 * map: values by name, in insertion order until something is taken out (the last entry then fills
 * the hole). Owns the names, not the values; a map and its copies share them, so all of them belong
 * to one thread. A map that `borrows` owns neither: each name is part of its value (map_set).
 */

#include "slice.h"

#include <stdbool.h>
#include <stdint.h>

struct map_entry {
	char *name; /* n bytes and a NUL behind; may hold NULs */
	size_t n;
	uint64_t hash;
	void *value;
};

struct map {
	struct map_entry *entries; /* 0..count-1, for walking; may move at map_put and map_take */
	size_t count, cap;
	uint32_t *slots; /* open addressing: entry + 1, 0 = free */
	size_t slots_count;
	bool borrows; /* set before the first name; map_deinit keeps it */
};

#define MAP_INIT                                                                                   \
	{                                                                                          \
		0                                                                                  \
	}

/* Frees names and table; `free_value` (NULL: nothing) is called for each value. The map is empty
 * then. */
void map_deinit(struct map *m, void (*free_value)(void *value));
/* NULL when there is no such name (or its value is NULL). */
void *map_get(const struct map *m, struct slice name);
/* The place of the value, NULL when there is no such name; valid until the next call. */
void **map_find(const struct map *m, struct slice name);
/* The place of the value, made where missing (then NULL); valid until the next call. Of a map that
 * borrows names `name` has to last. */
void **map_put(struct map *m, struct slice name);
/* Puts a value in the place of the one before, which is returned (NULL: none). A map that borrows
 * refers to this `name` from now on. */
void *map_set(struct map *m, struct slice name, void *value);
/* Into `to`, which is empty, what `from` has, in the same order; `copy` makes each value. */
void map_copy(struct map *to, const struct map *from, void *(*copy)(void *value));
/* Removes the name; returns its value or NULL. `name` may be the entry's own. */
void *map_take(struct map *m, struct slice name);

static inline struct slice
map_name(const struct map_entry *e)
{
	return (struct slice){ e->name, e->n };
}
