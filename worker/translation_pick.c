#include "translation_pick.h"

#include "lib/json.h"
#include "lib/json_pointer.h"

static bool
leads_to(struct slice token, size_t index, const struct json *child, bool array)
{
	if (json_pointer_is_star(token))
		return true;
	return array ? json_pointer_index(token) == index
		     : json_pointer_means(token, json_name(child));
}

/* False: it stays out. */
static bool prune(struct json *v, const struct picks *picks, unsigned depth);

static bool
is_picked(struct json *child, size_t index, bool array, const struct picks *picks, unsigned depth)
{
	struct picks below;

	below.count = 0;
	for (uint32_t i = 0; i < picks->count; i++) {
		struct slice rest = picks->rest[i], token;

		if (!json_pointer_next(&rest, &token) || !leads_to(token, index, child, array))
			continue;
		if (rest.n == 0)
			return true;
		below.rest[below.count++] = rest;
	}
	return below.count > 0 && depth < JSON_POINTER_DEPTH && prune(child, &below, depth + 1);
}

/* As deep as the pointers are. */
static bool
prune(struct json *v, const struct picks *picks, unsigned depth)
{
	bool array = json_kind(v) == JSON_ARRAY;
	struct json *m = json_own_first(v), *next;
	size_t index = 0;

	if (!array && json_kind(v) != JSON_OBJECT)
		return false;
	for (; m; m = next) {
		next = json_own_next(m);
		if (is_picked(m, index++, array, picks, depth))
			continue;
		json_take(v, m);
		json_free(m);
	}
	return true;
}

bool
translation_pick(struct json *root, const struct picks *picks)
{
	return prune(root, picks, 0);
}
