#pragma once

/*
 * delta: what a change did to which keys. Values are in source form as JSON (rules_value): `null`
 * where there is no such key; a string; an object of strings with its names sorted; `false` for a
 * value that is refused, of which nothing more is known. A delta without items changes nothing.
 *
 * As JSON text: [{"key":"frontend:a","before":null,"after":"b"}, ...], sorted by key.
 */

#include "lib/buf.h"
#include "lib/map.h"

#define DELTA_MAX ((size_t)8 << 20) /* bytes of its JSON */

struct delta_item { /* NUL-terminated JSON, owned here */
	char *before, *after;
};

struct delta {
	struct map items; /* by key */
	size_t bytes;     /* of keys and values, about */
	size_t most;      /* more of them than this are not kept; 0: any number is */
	bool large;       /* it is more than that: there are no items, and it is not empty */
};

/* Empties it; `most` stays. */
void delta_deinit(struct delta *d);
bool delta_is_empty(const struct delta *d);
#define DELTA_CLEAN __attribute__((cleanup(delta_deinit)))

/* Behind what the delta does, this key goes from `before` to `after`; a key that is back at its
 * first value is no item any more. */
void delta_put(struct delta *d, struct slice key, struct slice before, struct slice after);
/* Behind `d`, `next`. */
void delta_compose(struct delta *d, const struct delta *next);
/* What undoes it. */
void delta_invert(struct delta *d);
/* The keys in order, as many as d->items.count: malloc'd, of entries of `d`. */
const struct map_entry **delta_sorted(const struct delta *d);
/* In the place of one that is too large to be kept, or whose text would be: a text that says so. */
void delta_write(const struct delta *d, struct buf *out);
/* Adds the items of a text to `d`, which is empty. 0; -EINVAL when it is no delta. */
int delta_read(struct delta *d, struct slice text) __attribute__((warn_unused_result));
