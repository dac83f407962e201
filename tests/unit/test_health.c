/* master/health: results in, states out. */

#include "master/health.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Results of the page: 2 = 200, 4 = 404, 5 = 503, 3 = 301, . = no answer. States after each: A
 * alive, D dead. */
static const struct {
	uint32_t fall, rise;
	const char *results, *states;
} cases[] = {
	/* the first one decides */
	{ 3, 2, "2", "A" },
	{ 3, 2, "4", "A" },
	{ 3, 2, ".", "D" },
	/* three failures in a row, two successes in a row */
	{ 3, 2, "2...", "AAAD" },
	{ 3, 2, "2..2..2..", "AAAAAAAAA" },
	{ 3, 2, "2.....", "AAADDD" },
	{ 3, 2, ".22", "DDA" },
	{ 3, 2, ".2.2.22", "DDDDDDA" },
	{ 3, 2, "2...22...22", "AAADDAAADDA" },
	{ 1, 1, "2.2.2", "ADADA" },
	{ 2, 4, "2..2222", "AADDDDA" },
	/* without a 2xx ever, any answer is as good */
	{ 3, 2, "4534543", "AAAAAAA" },
	{ 3, 2, "4...", "AAAD" },
	{ 3, 2, ".44", "DDA" },
	{ 3, 2, ".5.55", "DDDDA" },
	/* with one, nothing else is */
	{ 3, 2, "2444", "AAAD" },
	{ 3, 2, "2533", "AAAD" },
	{ 3, 2, "42444", "AAAAD" },
	{ 3, 2, "2.4.", "AAAD" },
	{ 3, 2, "2...4444422", "AAADDDDDDDA" },
	{ 3, 2, ".42", "DDA" }, /* alive by both of them, and then it counts: */
	{ 3, 2, ".42444", "DDAAAD" },
};

static int
status_of(char result)
{
	return result == '.' ? 0
			     : (result - '0') * 100 + (result == '4'   ? 4
						       : result == '5' ? 3
						       : result == '3' ? 1
								       : 0);
}

static void
test_states(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct config_health rules = { .enabled = true,
					       .fall = cases[i].fall,
					       .rise = cases[i].rise };
		struct board_health words = { 0 };
		struct health h = { 0 };
		uint64_t died = 0, deaths = 0;
		bool seen = false;

		for (size_t j = 0; cases[i].results[j]; j++) {
			struct health_result r = { "test:80", status_of(cases[i].results[j]),
						   "nothing" };
			enum health_state expect =
			    cases[i].states[j] == 'A' ? HEALTH_ALIVE : HEALTH_DEAD;
			bool first = cases[i].results[j] == '2' && !seen;

			deaths += expect == HEALTH_DEAD && words.state != HEALTH_DEAD;
			seen |= first;
			assert_int_equal(health_judge(&h, &words, &rules, &r, &died), first);
			if (words.state != expect)
				fail_msg("case %zu (%s): state %u after %zu", i, cases[i].results,
					 words.state, j + 1);
			assert_int_equal(words.seen_2xx, seen);
			assert_int_equal(words.last_status, r.status);
			assert_int_equal(words.died, deaths);
			assert_true(words.checked_ms > 0);
		}
		assert_int_equal(died, deaths);
	}
}

/* A page that is remembered from before a restart. */
static void
test_remembered(void **state)
{
	struct config_health rules = { .enabled = true, .fall = 3, .rise = 2 };
	struct board_health words = { .seen_2xx = 1 };
	struct health_result r = { "test:80", 404, NULL };
	struct health h = { 0 };
	uint64_t died = 41;

	assert_false(health_judge(&h, &words, &rules, &r, &died));
	assert_int_equal(words.state, HEALTH_DEAD);
	assert_int_equal(words.died, 42);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
