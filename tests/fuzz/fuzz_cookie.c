/*
 * Cookies: what is found lies in the field, behind the name and an equals sign, and is what a
 * second, plainer reading finds. The first line of the input is the name.
 */

#include "lib/cookie.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The same in other words: from semicolon to semicolon. */
static struct slice
find_plainly(struct slice field, struct slice name)
{
	for (size_t start = 0, i = 0; i <= field.n; i++) {
		struct slice pair, value;
		const char *equals;

		if (i < field.n && field.p[i] != ';')
			continue;
		pair = slice_make(field.p + start, i - start);
		start = i + 1;
		equals = pair.n ? memchr(pair.p, '=', pair.n) : NULL;
		if (!equals ||
		    !slice_eq(slice_trim(slice_make(pair.p, (size_t)(equals - pair.p))), name))
			continue;
		value = slice_trim(slice_make(equals + 1, (size_t)(pair.p + pair.n - equals - 1)));
		if (value.n > 1 && value.p[0] == '"' && value.p[value.n - 1] == '"')
			return slice_make(value.p + 1, value.n - 2);
		return value;
	}
	return (struct slice){ NULL, 0 };
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = slice_make((const char *)data, size), field, name, value, want;

	name = slice_cut(text, '\n', &field);
	value = cookie_find(field, name);
	if (!field.p) {
		assert(!value.p);
		return 0;
	}
	want = find_plainly(field, name);
	assert(value.p == want.p && value.n == want.n);
	if (value.p) {
		assert(value.p > field.p && value.p + value.n <= field.p + field.n);
		assert(value.n == 0 || !memchr(value.p, ';', value.n));
	}
	return 0;
}
