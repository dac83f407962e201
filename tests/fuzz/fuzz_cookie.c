/*
 * Cookies: what is found lies in the field, behind the name and an equals sign, and is what a
 * second, plainer reading finds; and without those of the name all others are there, in their
 * order, byte for byte. The first line of the input is the name.
 */

#include "lib/cookie.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

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

static bool
is_it(const void *userdata, struct slice name)
{
	return slice_eq(name, *(const struct slice *)userdata);
}

/* The next pair that stays, without blanks around it; p NULL at the end. */
static struct slice
next_left(struct slice *rest, struct slice name)
{
	while (rest->p) {
		struct slice value, pair = slice_cut(*rest, ';', rest);

		if (slice_eq(slice_trim(slice_cut(pair, '=', &value)), name) && value.p)
			continue;
		pair = slice_trim(pair);
		if (pair.n > 0)
			return pair;
	}
	return (struct slice){ NULL, 0 };
}

static void
check_without(struct slice field, struct slice name)
{
	char *room = malloc(field.n + !field.n);
	struct slice got, left, want;

	assert(room);
	got = cookie_without(field, is_it, &name, room);
	assert(got.n <= field.n && (got.p == field.p) == (got.n == field.n));
	assert(!cookie_find(got, name).p);
	do {
		left = next_left(&got, name);
		want = next_left(&field, name);
		assert(!left.p == !want.p && slice_eq(left, want));
	} while (left.p);
	free(room);
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
	check_without(field, name);
	want = find_plainly(field, name);
	assert(value.p == want.p && value.n == want.n);
	if (value.p) {
		assert(value.p > field.p && value.p + value.n <= field.p + field.n);
		assert(value.n == 0 || !memchr(value.p, ';', value.n));
	}
	return 0;
}
