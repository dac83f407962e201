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
