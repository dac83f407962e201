/* Percentiles of the load generator against those of a sorted list. */

#include "bench/histogram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define VALUES 20000

static struct histogram h;

static int
by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void
test_percentiles(void **state)
{
	static uint64_t values[VALUES];
	static const double shares[] = { 0.001, 0.5, 0.9, 0.99, 0.999, 1 };
	uint64_t x = 1;

	histogram_reset(&h);
	for (size_t i = 0; i < VALUES; i++) {
		x = x * 6364136223846793005u + 1442695040888963407u;
		values[i] = (x >> 20) >> (x >> 58) % 40; /* all sizes, up to hours */
		histogram_record(&h, values[i]);
	}
	qsort(values, VALUES, sizeof values[0], by_size);
	for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++) {
		uint64_t right = values[(size_t)(shares[i] * VALUES + 0.5) - 1];
		uint64_t got = histogram_percentile(&h, shares[i]);

		assert_true(got >= right);
		assert_true(got - right <= right / 128);
	}
	assert_int_equal(h.max, values[VALUES - 1]);
}

static void
test_extremes(void **state)
{
	static const uint64_t edges[] = {
		0, 1, 127, 128, 129, 255, 256, 257, 511, 512, UINT64_MAX / 2, UINT64_MAX
	};

	histogram_reset(&h);
	assert_int_equal(histogram_percentile(&h, 0.5), 0);
	for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++) {
		histogram_reset(&h);
		histogram_record(&h, edges[i]);
		assert_int_equal(histogram_percentile(&h, 0.5), edges[i]);
	}
}

static void
test_print(void **state)
{
	BUF_CLEAN struct buf out = { 0 };

	histogram_reset(&h);
	histogram_record(&h, 100);
	histogram_record(&h, 100);
	histogram_record(&h, 256);
	histogram_print(&h, &out);
	buf_addc(&out, '\0');
	assert_string_equal(out.p, "[[0.100,2],[0.257,1]]");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_percentiles),
		cmocka_unit_test(test_extremes),
		cmocka_unit_test(test_print),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
