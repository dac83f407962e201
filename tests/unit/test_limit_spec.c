/* master/limit_spec: limits as they are written. */

#include "master/limit_spec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const struct {
	const char *text;
	bool under_way;
	uint64_t count, burst;
	uint32_t seconds;
	const char *keys; /* numbers of enum limit_by; "!" before a word of what is wrong */
} cases[] = {
	{ "10/s", false, 10, 10, 1, "0" },
	{ "10/second", false, 10, 10, 1, "0" },
	{ "10r/s burst 20", false, 10, 20, 1, "0" },
	{ "100/minute per identity", false, 100, 100, 60, "1" },
	{ "5/10s burst 1 per claim:org.unit, header:X-A,route", false, 5, 1, 10, "346" },
	{ "5/10S   burst  1   per  host , api_key", false, 5, 1, 10, "52" },
	{ "1/day", false, 1, 1, 86400, "0" },
	{ "1/24h", false, 1, 1, 86400, "0" },
	{ "7/hours per all", false, 7, 7, 3600, "" },
	{ "10", true, 10, 10, 0, "0" },
	{ "10 per identity, address", true, 10, 10, 0, "10" },
	{ "1048575", true, 1048575, 1048575, 0, "0" },
	{ "1048576", true, 0, 0, 0, "!at a time" },
	{ "10/s", true, 0, 0, 0, "!is a rate" },
	{ "10 burst 3", true, 0, 0, 0, "!not understood" },
	{ "0", true, 0, 0, 0, "!no number" },
	{ "0/s", false, 0, 0, 0, "!no rate" },
	{ "10", false, 0, 0, 0, "!no rate" },
	{ "/s", false, 0, 0, 0, "!no rate" },
	{ "10/", false, 0, 0, 0, "!no rate" },
	{ "10/0s", false, 0, 0, 0, "!no rate" },
	{ "10/fortnight", false, 0, 0, 0, "!no rate" },
	{ "10/25h", false, 0, 0, 0, "!no rate" },
	{ "10/99999999999999999999s", false, 0, 0, 0, "!no rate" },
	{ "99999999999999999999/s", false, 0, 0, 0, "!no rate" },
	{ "10m/s", false, 0, 0, 0, "!for bytes" },
	{ "10/s burst 1k", false, 0, 0, 0, "!for bytes" },
	{ "10/s burst", false, 0, 0, 0, "!burst" },
	{ "10/s burst 0", false, 0, 0, 0, "!burst" },
	{ "10/s burst 5 burst 6", false, 0, 0, 0, "!second burst" },
	{ "1/day burst 32", false, 0, 0, 0, "!31 days" },
	{ "10/s per", false, 0, 0, 0, "!count by" },
	{ "10/s per who", false, 0, 0, 0, "!count by" },
	{ "10/s per header:", false, 0, 0, 0, "!count by" },
	{ "10/s per header:X A", false, 0, 0, 0, "!count by" },
	{ "10/s per header:X-A:", false, 0, 0, 0, "!count by" },
	{ "10/s per claim:X A", false, 10, 10, 1, "3" },
	{ "10/s per address:x", false, 0, 0, 0, "!count by" },
	{ "10/s per address,", false, 0, 0, 0, "!count by" },
	{ "10/s per all, address", false, 0, 0, 0, "!count by" },
	{ "10/s per host,host,host,host,host,host,host,host,host", false, 0, 0, 0, "!use fewer" },
	{ "10/s often", false, 0, 0, 0, "!not understood" },
};

static void
check(size_t i, bool good, const struct limit_spec *spec, const struct buf *why)
{
	const char *keys = cases[i].keys;

	if (*keys == '!') {
		assert_false(good);
		assert_non_null(memmem(why->p, why->n, keys + 1, strlen(keys + 1)));
		return;
	}
	assert_true(good);
	assert_int_equal(spec->rate.burst, cases[i].burst);
	assert_int_equal(spec->keys_count, strlen(keys));
	for (size_t k = 0; k < spec->keys_count; k++)
		assert_int_equal(spec->keys[k].by, keys[k] - '0');
	if (cases[i].under_way)
		return;
	assert_int_equal(spec->rate.count, cases[i].count);
	assert_int_equal(spec->rate.period_ns, cases[i].seconds * UINT64_C(1000000000));
}

static void
test_texts(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buf BUF_CLEAN why = { 0 };
		struct limit_spec spec;
		bool good =
		    limit_spec_read(slice_of(cases[i].text), cases[i].under_way, &spec, &why);

		if (good != (*cases[i].keys != '!'))
			fail_msg("%s: %.*s", cases[i].text, SLICE_F(why));
		check(i, good, &spec, &why);
	}
}

static void
test_names(void **state)
{
	assert_true(limit_spec_is_name("login") && limit_spec_is_name("_10"));
	assert_false(limit_spec_is_name("10/s") || limit_spec_is_name("3"));
}

/* What stands beside the text. */
static void
test_named(void **state)
{
	const char *by[] = { "identity", "header:X-A" }, *all[] = { "all" }, *key;
	struct config_limit l = { .name = "r", .limit = "10m/s", .counts = LIMIT_BYTES_OUT };
	struct buf BUF_CLEAN why = { 0 };
	struct limit_spec spec;

	assert_true(limit_spec_of(&l, false, &spec, &key, &why));
	assert_int_equal(spec.rate.count, 10 << 20);
	assert_int_equal(spec.keys_count, 1);
	l.burst = "20m";
	l.per = by;
	l.per_count = 2;
	l.shadow = true;
	assert_true(limit_spec_of(&l, false, &spec, &key, &why));
	assert_int_equal(spec.rate.burst, 20 << 20);
	assert_int_equal(spec.flags, LIMIT_SHADOW);
	assert_int_equal(spec.keys[0].by, LIMIT_BY_IDENTITY);
	assert_int_equal(spec.keys[1].by, LIMIT_BY_HEADER);
	assert_true(slice_eq(spec.keys[1].name, SLICE("X-A")));
	l.per = all;
	l.per_count = 1;
	assert_true(limit_spec_of(&l, false, &spec, &key, &why));
	assert_int_equal(spec.keys_count, 0);
	l.per_count = 0;
	assert_false(limit_spec_of(&l, false, &spec, &key, &why));
	assert_string_equal(key, "per");
	l.per_count = 1;
	l.limit = "10m/s per address";
	assert_false(limit_spec_of(&l, false, &spec, &key, &why));
	assert_string_equal(key, "per");
	l.limit = "10m/s burst 10m";
	assert_false(limit_spec_of(&l, false, &spec, &key, &why));
	assert_string_equal(key, "burst");
	l.limit = "10m/s";
	l.counts = LIMIT_REQUESTS;
	assert_false(limit_spec_of(&l, false, &spec, &key, &why));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
