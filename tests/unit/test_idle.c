/* How long an idle connection may wait: what endpoints say, what they were seen to do. */

#include "worker/idle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define CONFIGURED 4000u

static void
test_hear(void **state)
{
	static const struct {
		const char *value;
		uint32_t ms, left;
	} cases[] = {
		{ "timeout=5", 4000, IDLE_UNTOLD },
		{ "timeout=5, max=100", 4000, 100 },
		{ "max=1,timeout=3", 2000, 1 },
		{ " Timeout = 75 ", 74000, IDLE_UNTOLD },
		{ "timeout=\"15\"", 14000, IDLE_UNTOLD },
		{ "timeout=2", 1000, IDLE_UNTOLD },
		{ "timeout=1", 500, IDLE_UNTOLD },
		{ "timeout=0", 0, IDLE_UNTOLD },
		{ "timeout=300", 299000, IDLE_UNTOLD },
		{ "timeout=86400", IDLE_MOST_MS, IDLE_UNTOLD },
		{ "timeout=99999999999999999999", IDLE_MOST_MS, IDLE_UNTOLD },
		{ "max=99999999999999999999", IDLE_UNTOLD, IDLE_UNTOLD - 1 },
		{ "", IDLE_UNTOLD, IDLE_UNTOLD },
		{ "timeout", IDLE_UNTOLD, IDLE_UNTOLD },
		{ "timeout=", IDLE_UNTOLD, IDLE_UNTOLD },
		{ "timeout=-1", IDLE_UNTOLD, IDLE_UNTOLD },
		{ "timeout=5s", IDLE_UNTOLD, IDLE_UNTOLD },
		{ "timeout=\"", IDLE_UNTOLD, IDLE_UNTOLD },
		{ "xtimeout=5,,=,max=x", IDLE_UNTOLD, IDLE_UNTOLD },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct idle_word word = { IDLE_UNTOLD, IDLE_UNTOLD };

		idle_hear(&word, slice_of(cases[i].value));
		assert_int_equal(word.ms, cases[i].ms);
		assert_int_equal(word.left, cases[i].left);
	}
}

static void
test_max_never_grows(void **state)
{
	struct idle_word word = { IDLE_UNTOLD, IDLE_UNTOLD };

	idle_hear(&word, SLICE("max=10"));
	word.left--;
	idle_hear(&word, SLICE("max=10"));
	assert_int_equal(word.left, 9);
	idle_hear(&word, SLICE("max=3"));
	assert_int_equal(word.left, 3);
}

static void
test_limit(void **state)
{
	const struct idle_word untold = { IDLE_UNTOLD, IDLE_UNTOLD };
	const struct idle_word longer = { 74000, IDLE_UNTOLD }, shorter = { 500, IDLE_UNTOLD };
	const struct idle_word spent = { 74000, 0 };
	const struct idle_lesson none = { 0 }, lesson = { .ms = 1500, .until = 1000 };

	assert_int_equal(idle_limit(&untold, &none, CONFIGURED, 1), CONFIGURED);
	assert_int_equal(idle_limit(&longer, &none, CONFIGURED, 1), 74000);
	assert_int_equal(idle_limit(&shorter, &none, CONFIGURED, 1), 500);
	assert_int_equal(idle_limit(&longer, &none, 0, 1), 0); /* off stays off */
	assert_int_equal(idle_limit(&spent, &none, CONFIGURED, 1), 0);
	assert_int_equal(idle_limit(&longer, &lesson, CONFIGURED, 999), 1500);
	assert_int_equal(idle_limit(&shorter, &lesson, CONFIGURED, 999), 500);
	assert_int_equal(idle_limit(&longer, &lesson, CONFIGURED, 1000), 74000); /* forgotten */
}

static void
test_learn(void **state)
{
	struct idle_lesson lesson = { 0 };

	idle_learn(&lesson, 2000, 5);
	assert_int_equal(lesson.ms, 1500);
	assert_int_equal(lesson.until, 5 + IDLE_FORGET_MS);
	idle_learn(&lesson, 3000, 6); /* the shorter one holds */
	assert_int_equal(lesson.ms, 1500);
	assert_int_equal(lesson.until, 6 + IDLE_FORGET_MS);
	idle_learn(&lesson, 3, 7);
	assert_int_equal(lesson.ms, IDLE_LEAST_MS);
	idle_learn(&lesson, 4000, 7 + IDLE_FORGET_MS); /* what was before is forgotten */
	assert_int_equal(lesson.ms, 3000);
}

static void
test_fresh(void **state)
{
	const struct idle_lesson none = { 0 }, brief = { .ms = IDLE_LEAST_MS, .until = 1000 };

	assert_int_equal(idle_fresh(4000, &none, 1), 1000);
	assert_int_equal(idle_fresh(1000, &none, 1), 500);
	assert_int_equal(idle_fresh(500, &none, 1), 250);
	assert_int_equal(idle_fresh(0, &none, 1), 0);
	assert_int_equal(idle_fresh(500, &brief, 999), 0);
	assert_int_equal(idle_fresh(500, &brief, 1000), 250); /* forgotten */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hear),  cmocka_unit_test(test_max_never_grows),
		cmocka_unit_test(test_limit), cmocka_unit_test(test_learn),
		cmocka_unit_test(test_fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
