#pragma once

/*
 * changes: what a route changes of the fields of a head: a run of RULES_CHANGES. Names that differ
 * in case, or in '-', '_' and '.', are one, as some services read them so.
 */

#include "shm/table.h"

struct changes {
	const struct segment *rules;
	uint32_t first, count;
};

/* Does a field of this name, as it came, stay here: is it taken off, or set anew? */
bool changes_drop(const struct changes *c, struct slice name);
/* Bytes that changes_put writes, with values[TEMPLATE_N] filled in. */
size_t changes_size(const struct changes *c, const struct slice *values);
/* The fields that are set and added. */
char *changes_put(char *o, const struct changes *c, const struct slice *values);
