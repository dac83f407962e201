#include "cookie.h"

struct slice
cookie_next(struct slice *field, struct slice name)
{
	while (field->p) {
		struct slice pair = slice_cut(*field, ';', field), value;
		struct slice key = slice_cut(pair, '=', &value);

		if (!value.p || !slice_eq(slice_trim(key), name))
			continue;
		value = slice_trim(value);
		if (value.n >= 2 && value.p[0] == '"' && value.p[value.n - 1] == '"')
			value = slice_make(value.p + 1, value.n - 2);
		return value;
	}
	return (struct slice){ NULL, 0 };
}

struct slice
cookie_find(struct slice field, struct slice name)
{
	return cookie_next(&field, name);
}

/* A pair without '=' is no cookie, but a piece of what is passed on. */
static bool
pair_goes(struct slice pair, cookie_test goes, const void *userdata)
{
	struct slice value, name = slice_trim(slice_cut(pair, '=', &value));

	return value.p && goes(userdata, name);
}

/* Is there anything but what stands between cookies? */
static bool
is_empty(struct slice field)
{
	for (size_t i = 0; i < field.n; i++) {
		if (!memchr("; \t", field.p[i], 3))
			return false;
	}
	return true;
}

struct slice
cookie_without(struct slice field, cookie_test goes, const void *userdata, char *room)
{
	struct slice rest = field, out = { room, 0 };
	bool gone = false, first = true;

	while (rest.p) {
		struct slice pair = slice_cut(rest, ';', &rest);

		if (pair_goes(pair, goes, userdata)) {
			gone = true;
			continue;
		}
		if (first && gone) /* it stood behind a blank */
			pair = slice_trim(pair);
		if (!first)
			room[out.n++] = ';';
		memcpy(room + out.n, pair.p, pair.n);
		out.n += pair.n;
		first = false;
	}
	if (!gone)
		return field;
	return is_empty(out) ? slice_make(room, 0) : out;
}
