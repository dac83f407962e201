/* Names put in and taken out at random, against a plain array. */

#include "lib/map.h"

#include <stdio.h>
#include <stdlib.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#define NAMES 300

static char values[NAMES];

static struct slice
name_of(unsigned i, char *out)
{
	return slice_make(out, (size_t)sprintf(out, "name-%u", i));
}

static void
check(const struct map *m, const bool *there)
{
	size_t count = 0;
	char text[32];

	for (unsigned i = 0; i < NAMES; i++) {
		assert_ptr_equal(map_get(m, name_of(i, text)), there[i] ? &values[i] : NULL);
		count += there[i];
	}
	assert_int_equal(m->count, count);
	for (size_t e = 0; e < m->count; e++)
		assert_ptr_equal(map_get(m, map_name(&m->entries[e])), m->entries[e].value);
}

static void
test_random(void **state)
{
	struct map m = MAP_INIT;
	bool there[NAMES] = { false };
	char text[32];

	srand(1);
	for (int round = 0; round < 20000; round++) {
		unsigned i = (unsigned)rand() % NAMES;
		struct slice name = name_of(i, text);

		if (rand() % 2) {
			*map_put(&m, name) = &values[i];
			there[i] = true;
		} else {
			assert_ptr_equal(map_take(&m, name), there[i] ? &values[i] : NULL);
			there[i] = false;
		}
		if (round % 97 == 0)
			check(&m, there);
	}
	check(&m, there);
	map_deinit(&m, NULL);
	assert_null(map_get(&m, SLICE("name-1")));
}

static void
test_any_bytes(void **state)
{
	struct map m = MAP_INIT;

	*map_put(&m, slice_make("a\0b", 3)) = &values[0];
	*map_put(&m, slice_make("a\0c", 3)) = &values[1];
	*map_put(&m, SLICE("")) = &values[2];
	assert_ptr_equal(map_get(&m, slice_make("a\0b", 3)), &values[0]);
	assert_ptr_equal(map_get(&m, SLICE("")), &values[2]);
	assert_null(map_get(&m, SLICE("a")));
	assert_ptr_equal(map_take(&m, map_name(&m.entries[0])), &values[0]);
	map_deinit(&m, NULL);
}

static void *
same(void *value)
{
	return value;
}

/* A copy goes its own way, and the names live as long as either of them. */
static void
test_copy(void **state)
{
	struct map m = MAP_INIT, copy, again;
	bool there[NAMES] = { false }, in_copy[NAMES] = { false };
	char text[32];

	map_copy(&copy, &m, same);
	check(&copy, there);
	for (unsigned i = 0; i < NAMES; i += 2) {
		*map_put(&m, name_of(i, text)) = &values[i];
		there[i] = in_copy[i] = true;
	}
	map_copy(&copy, &m, same);
	for (unsigned i = 0; i < NAMES; i++) {
		if (i % 3 == 0) {
			map_take(&m, name_of(i, text));
			there[i] = false;
		} else if (i % 5 == 0) {
			map_take(&copy, name_of(i, text));
			in_copy[i] = false;
		} else {
			*map_put(&copy, name_of(i, text)) = &values[i];
			in_copy[i] = true;
		}
	}
	check(&m, there);
	map_copy(&again, &copy, same);
	map_deinit(&m, NULL);
	map_deinit(&copy, NULL);
	check(&again, in_copy);
	map_deinit(&again, NULL);
}

struct own { /* a value that has its name */
	int n;
	char name[16];
};

static void
test_borrowed_names(void **state)
{
	struct map m = { .borrows = true };
	struct own *one = malloc(sizeof *one), *two = malloc(sizeof *two);

	*one = (struct own){ 1, "a" };
	*two = (struct own){ 2, "a" };
	assert_null(map_set(&m, slice_of(one->name), one));
	assert_ptr_equal(map_set(&m, slice_of(two->name), two), one);
	free(one); /* and nothing refers to its name any more */
	assert_int_equal(m.count, 1);
	assert_ptr_equal(map_get(&m, SLICE("a")), two);
	assert_null(map_find(&m, SLICE("b")));
	map_deinit(&m, free);
	assert_true(m.borrows);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_any_bytes),
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_borrowed_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
