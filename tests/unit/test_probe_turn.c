/* master/probe_turn: one endpoint after the other, of which no more than some are probed in a tick.
 */

#include "master/probe_turn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { ENDPOINTS = 5000, INTERVAL = 60000, TICK = 100, TICKS = 6000, WINDOW = 50 };

struct crowd {
	struct probe_turn turn[ENDPOINTS];
	uint64_t due[ENDPOINTS];
	unsigned queue[ENDPOINTS], first, waiting; /* a ring */
	uint64_t random;
};

static uint64_t
random_of(struct crowd *c)
{
	c->random = c->random * 6364136223846793005u + 1442695040888963407u;
	return c->random >> 20;
}

/* How many were probed. */
static unsigned
tick(struct crowd *c, uint64_t now, unsigned most)
{
	unsigned n = 0;

	for (unsigned i = 0; i < ENDPOINTS; i++) {
		if (c->due[i] > now)
			continue;
		c->turn[i].planned_ms = c->due[i];
		c->due[i] = UINT64_MAX;
		c->queue[(c->first + c->waiting++) % ENDPOINTS] = i;
	}
	for (; n < most && c->waiting > 0; n++) {
		unsigned i = c->queue[c->first];
		uint64_t next;

		c->first = (c->first + 1) % ENDPOINTS;
		c->waiting--;
		c->turn[i].started_ms = now;
		next = probe_turn_next(&c->turn[i], INTERVAL, random_of(c));
		c->due[i] = next > now ? next : now + 1;
	}
	return n;
}

/* The least and the most in a window, once the first ones have found their places. */
static void
watch(unsigned most_in_a_tick, unsigned *least, unsigned *most)
{
	static struct crowd c;

	c = (struct crowd){ .random = 7 };
	*least = UINT32_MAX;
	*most = 0;
	for (uint64_t at = 1; at < TICKS; at += WINDOW) {
		unsigned n = 0;

		for (uint64_t i = 0; i < WINDOW; i++)
			n += tick(&c, (at + i) * TICK, most_in_a_tick);
		if (at < 2500)
			continue;
		*least = n < *least ? n : *least;
		*most = n > *most ? n : *most;
	}
}

/* Of 83 a second, where so many may begin. */
static void
test_even(void **state)
{
	static const unsigned rates[] = { 9, 10, 20, 5000 };
	const unsigned mean = ENDPOINTS * WINDOW / (INTERVAL / TICK);

	for (unsigned i = 0; i < sizeof rates / sizeof rates[0]; i++) {
		unsigned least, most;

		watch(rates[i], &least, &most);
		if (least < mean * 4 / 5 || most > mean * 6 / 5)
			fail_msg("%u a tick: %u to %u", rates[i], least, most);
	}
}

/* Where fewer may begin than the intervals ask for: as many as may. */
static void
test_too_many(void **state)
{
	unsigned least, most;

	watch(4, &least, &most);
	assert_int_equal(least, 4 * WINDOW);
	assert_int_equal(most, 4 * WINDOW);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_even),
		cmocka_unit_test(test_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
