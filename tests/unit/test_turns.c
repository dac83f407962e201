#include "master/turns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define MANY (TURNS_BEGUN + 100)

struct world {
	struct turns t;
	struct turn turns[MANY], others[MANY];
};

static int
setup(void **state)
{
	struct world *w = *state = calloc(1, sizeof *w);

	turns_init(&w->t);
	return 0;
}

static int
teardown(void **state)
{
	free(*state);
	return 0;
}

static void
wait_all(struct turns *t, struct turn *of, size_t n, bool late)
{
	for (size_t i = 0; i < n; i++)
		turns_wait(t, &of[i], late);
}

static size_t
begin(struct turns *t, uint64_t now)
{
	size_t n = 0;

	while (turns_next(t, now))
		n++;
	return n;
}

static void
test_in_order(void **state)
{
	struct world *w = *state;

	assert_true(turns_idle(&w->t));
	wait_all(&w->t, w->turns, 3, false);
	for (size_t i = 0; i < 3; i++)
		assert_ptr_equal(turns_next(&w->t, 1), &w->turns[i]);
	assert_null(turns_next(&w->t, 1));
	assert_null(turns_waiting(&w->t));
	for (size_t i = 0; i < 3; i++) {
		assert_false(turns_idle(&w->t));
		turns_end(&w->t, &w->turns[i]);
	}
	turns_end(&w->t, &w->turns[0]);
	assert_true(turns_idle(&w->t));
}

static void
test_few_at_a_time(void **state)
{
	struct world *w = *state;

	wait_all(&w->t, w->turns, 200, false);
	assert_int_equal(begin(&w->t, 1000), TURNS_YOUNG);
	turns_end(&w->t, &w->turns[0]);
	turns_end(&w->t, &w->turns[7]);
	assert_int_equal(begin(&w->t, 1050), 2);
	assert_int_equal(begin(&w->t, 1000 + PATIENCE_MS - 1), 0);
	assert_int_equal(begin(&w->t, 1000 + PATIENCE_MS), TURNS_YOUNG - 2);
	assert_int_equal(begin(&w->t, 1050 + PATIENCE_MS), 2);
	turns_end(&w->t, &w->turns[199]); /* while it waits */
	assert_int_equal(begin(&w->t, 9000), TURNS_YOUNG);
	assert_int_equal(begin(&w->t, 9999), 200 - 3 * TURNS_YOUNG - 2 - 1);
}

static void
test_who_was_late_lets_others_go_first(void **state)
{
	struct world *w = *state;

	wait_all(&w->t, w->others, TURNS_YOUNG + 3, true);
	wait_all(&w->t, w->turns, TURNS_YOUNG, false);
	for (size_t i = 0; i < TURNS_YOUNG; i++)
		assert_ptr_equal(turns_next(&w->t, 0), &w->turns[i]);
	assert_int_equal(begin(&w->t, 0), 0);
	assert_int_equal(begin(&w->t, PATIENCE_MS), TURNS_YOUNG);
	assert_int_equal(begin(&w->t, 2 * PATIENCE_MS), 3);
}

static void
test_bounded_in_all(void **state)
{
	struct world *w = *state;
	uint64_t now = 0;
	size_t n = 0;

	wait_all(&w->t, w->others, MANY, true);
	for (; now < 1000 * PATIENCE_MS; now += PATIENCE_MS)
		n += begin(&w->t, now);
	assert_int_equal(n, TURNS_LATE);
	wait_all(&w->t, w->turns, MANY, false);
	for (; now < 2000 * PATIENCE_MS; now += PATIENCE_MS)
		n += begin(&w->t, now);
	assert_int_equal(n, TURNS_BEGUN);
	turns_end(&w->t, &w->turns[0]);
	assert_int_equal(begin(&w->t, now), 1);
	for (size_t i = 0; i < MANY; i++) {
		turns_end(&w->t, &w->turns[i]);
		turns_end(&w->t, &w->others[i]);
	}
	assert_true(turns_idle(&w->t));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_in_order),
		TEST(test_few_at_a_time),
		TEST(test_who_was_late_lets_others_go_first),
		TEST(test_bounded_in_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
