#include "token_query.h"

#include "lib/uri.h"

static bool
is_named(struct slice one, struct slice name, char *room, struct slice *value)
{
	struct slice key = slice_cut(one, '=', value);

	return slice_eq(uri_unescape(key, room), name);
}

/* Most requests with a query have no token in it. */
static bool
has_any(struct slice all, struct slice name, char *room)
{
	struct slice value;

	while (all.n > 0) {
		if (is_named(slice_cut(all, '&', &all), name, room, &value))
			return true;
	}
	return false;
}

bool
token_query_take(struct arena *arena, struct slice query, struct slice name,
		 struct token_query *out)
{
	struct slice all = query.n ? slice_make(query.p + 1, query.n - 1) : query, value;
	char *room, *rest;
	size_t n = 0;

	if (all.n < name.n)
		return false;
	room = arena_alloc(arena, all.n);
	if (!has_any(all, name, room))
		return false;
	*out = (struct token_query){ 0 };
	rest = arena_alloc(arena, query.n);
	while (all.n > 0) {
		struct slice one = slice_cut(all, '&', &all);

		if (!is_named(one, name, room, &value)) {
			rest[n] = n == 0 ? '?' : '&';
			if (one.n)
				memcpy(rest + n + 1, one.p, one.n);
			n += one.n + 1;
			continue;
		}
		out->repeated = out->token.p != NULL;
		out->token =
		    uri_unescape(value.p ? value : SLICE(""), arena_alloc(arena, value.n + 1));
	}
	out->rest = slice_make(rest, n);
	return true;
}
