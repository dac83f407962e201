#pragma once

/*
 * translation_pick: of a tree only what pointers lead to. Part of translation.
 */

#include "shm/table_translation.h"

struct json;

struct picks {
	struct slice rest[OPERATION_POINTERS_MAX]; /* of each pointer what is left below a place */
	uint32_t count;
};

/* False: the whole is neither object nor array, so that there is nothing to pick from. What is not
 * there is not picked. */
bool translation_pick(struct json *root, const struct picks *picks);
