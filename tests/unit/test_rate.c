/* rate: exact by a model, what is said of the future is true, full sets, rubbish, seeding. */

#include "shm/rate_rows.h"

#include "lib/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define SECOND UINT64_C(1000000000)
#define DAY (86400 * SECOND)
#define NOW (1000 * DAY)

static struct rate_table table;
static int table_fd;

static int
setup_sets(uint32_t sets)
{
	srand(7);
	return rate_create(sets, NULL, &table, &table_fd);
}

static int
setup(void **state)
{
	return setup_sets(1024);
}

static int
setup_one_set(void **state)
{
	return setup_sets(1);
}

static int
teardown(void **state)
{
	rate_detach(&table);
	return close(table_fd);
}

static uint64_t
key(uint32_t n)
{
	const struct slice parts[] = { SLICE("limit"), slice_make((const char *)&n, sizeof n) };

	return rate_key(&table, parts, 2);
}

static struct rate_limit
limit(uint64_t count, uint64_t seconds, uint64_t burst)
{
	struct rate_limit l;

	assert_int_equal(rate_limit_init(&l, count, seconds, burst), 0);
	return l;
}

static struct rate_result
take(uint64_t k, const struct rate_limit *l, uint64_t cost, uint64_t now)
{
	struct rate_result r;

	rate_take(&table, k, l, cost, now, &r);
	return r;
}

/* All of what a limit is made of. */
static const struct {
	uint64_t count, seconds, burst;
} shapes[] = {
	{ 1, 1, 1 },          { 10, 1, 20 },          { 3, 1, 3 },
	{ 7, 86400, 7 },      { 1000, 3600, 1 },      { 100000, 86400, 100000 },
	{ 1, 86400, 31 },     { 1000000, 1, 500000 }, { 10000000000, 1, 100000000 },
	{ 999983, 60, 4096 },
};
#define SHAPES (sizeof shapes / sizeof shapes[0])

static struct rate_limit
shape(size_t i)
{
	return limit(shapes[i].count, shapes[i].seconds, shapes[i].burst);
}

static void
test_ranges(void **state)
{
	struct rate_limit l;

	assert_int_equal(rate_limit_init(&l, 0, 1, 1), -EINVAL);
	assert_int_equal(rate_limit_init(&l, 1, 0, 1), -EINVAL);
	assert_int_equal(rate_limit_init(&l, 1, 1, 0), -EINVAL);
	assert_int_equal(rate_limit_init(&l, 1, RATE_SECONDS_MAX + 1, 1), -ERANGE);
	assert_int_equal(rate_limit_init(&l, RATE_COUNT_MAX + 1, 1, 1), -ERANGE);
	assert_int_equal(rate_limit_init(&l, 1, 1, RATE_COUNT_MAX + 1), -ERANGE);
	assert_int_equal(rate_limit_init(&l, 1, 86400, 32), -ERANGE);
	assert_int_equal(rate_limit_init(&l, 1, 86400, 31), 0);
}

/* However many share it, what is asked for in vain passes some day. */
static void
test_shares(void **state)
{
	static const struct {
		uint64_t count, seconds, burst, n, most, retry_s;
	} cases[] = {
		{ 40, 86400, 40, 2, 20, 4320 },
		{ 10, 1, 10, 0, 10, 1 },
		{ 1, 86400, 1, 3, 1, 3 * 86400 },
		{ 1, RATE_SECONDS_MAX, 1, 2, 1, RATE_SECONDS_MAX },
		{ 10, RATE_SECONDS_MAX, 10, 1000, 1, RATE_SECONDS_MAX },
		{ 1000, RATE_SECONDS_MAX, 1000, UINT64_MAX, 1, RATE_SECONDS_MAX },
	};

	for (uint32_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct rate_limit l = limit(cases[i].count, cases[i].seconds, cases[i].burst);
		struct rate_limit share;
		struct rate_result r;
		uint64_t passed = 0;

		rate_limit_share(&l, cases[i].n, &share);
		while ((r = take(key(i), &share, 1, NOW)).allowed)
			passed++;
		assert_int_equal(passed, cases[i].most);
		assert_int_equal((r.retry_ns + 999999999) / 1000000000, cases[i].retry_s);
	}
}

/* From an idle key exactly the burst passes, one by one or at once, and then nothing. */
static void
test_burst(void **state)
{
	for (size_t i = 0; i < SHAPES; i++) {
		struct rate_limit l = shape(i);
		uint64_t n = l.burst < 100000 ? l.burst : 0;

		for (uint64_t k = 0; k < n; k++) {
			struct rate_result r = take(key(1), &l, 1, NOW + i * 99 * DAY);

			assert_true(r.allowed && r.retry_ns == 0);
			assert_true(r.remaining >= n - k - 1 && r.remaining <= n - k);
		}
		if (n)
			assert_false(take(key(1), &l, 1, NOW + i * 99 * DAY).allowed);
		assert_true(take(key(2), &l, l.burst, NOW + i * 99 * DAY).allowed);
		assert_false(take(key(2), &l, 1 + l.count / SECOND, NOW + i * 99 * DAY).allowed);
	}
}

/* A bucket of units that counts in fractions without rounding: for limits whose unit takes whole
 * nanoseconds. */
static void
test_model(void **state)
{
	for (size_t i = 0; i < SHAPES; i++) {
		struct rate_limit l = shape(i);
		unsigned __int128 full = (unsigned __int128)l.burst * l.period_ns, level = full;
		uint64_t now = NOW, last = NOW;

		if (l.period_ns % l.count)
			continue;
		for (int step = 0; step < 2000; step++) {
			uint64_t cost = (uint64_t)rand() % (l.burst < 9 ? l.burst + 2 : 9);
			bool want;

			now += (uint64_t)rand() % (2 * l.interval_ns + 1);
			level += (unsigned __int128)(now - last) * l.count;
			level = level > full ? full : level;
			last = now;
			want = level >= (unsigned __int128)cost * l.period_ns;
			assert_int_equal(take(key((uint32_t)i), &l, cost, now).allowed, want);
			if (want)
				level -= (unsigned __int128)cost * l.period_ns;
		}
	}
}

/* What is said holds: to the nanosecond, and to the unit. */
static void
test_said_is_true(void **state)
{
	for (size_t i = 0; i < SHAPES; i++) {
		struct rate_limit l = shape(i);
		uint64_t now = NOW;

		for (int step = 0; step < 1000; step++) {
			uint64_t cost = 1 + (uint64_t)rand() % l.burst, k = key((uint32_t)i);
			struct rate_result r = take(k, &l, cost, now), again;

			if (!r.allowed) {
				assert_false(take(k, &l, cost, now + r.retry_ns - 1).allowed);
				now += r.retry_ns;
				r = take(k, &l, cost, now);
				assert_true(r.allowed);
			}
			again = take(k, &l, r.remaining + 1, now);
			assert_true(!again.allowed && again.remaining == r.remaining);
			assert_true(again.reset_ns == r.reset_ns);
			if (step % 3 == 0)
				assert_true(take(k, &l, r.remaining, now).allowed);
			now += (uint64_t)rand() % (2 * l.burst_ns / 3 + 1);
		}
		now += take(key((uint32_t)i), &l, 0, now).reset_ns;
		assert_true(take(key((uint32_t)i), &l, 0, now).remaining == l.burst);
	}
}

static void
test_more_than_the_burst(void **state)
{
	struct rate_limit l = limit(10, 1, 5);

	assert_true(take(key(1), &l, 6, NOW).retry_ns == RATE_NEVER);
	assert_true(take(key(1), &l, UINT64_MAX, NOW).retry_ns == RATE_NEVER);
	assert_true(take(key(1), &l, 5, NOW).allowed);
}

static void
test_keys_and_limits_are_apart(void **state)
{
	const struct slice a[] = { SLICE("ab"), SLICE("c") }, b[] = { SLICE("a"), SLICE("bc") };
	struct rate_limit l = limit(1, 3600, 1);

	assert_true(take(rate_key(&table, a, 2), &l, 1, NOW).allowed);
	assert_true(take(rate_key(&table, b, 2), &l, 1, NOW).allowed);
	assert_true(take(rate_key(&table, b, 1), &l, 1, NOW).allowed);
	assert_false(take(rate_key(&table, a, 2), &l, 1, NOW).allowed);
}

/* What has passed already makes debts, of one burst at most. */
static void
test_charge(void **state)
{
	struct rate_limit l = limit(1000, 1, 1000);
	struct rate_result r;

	rate_charge(&table, key(1), &l, 600, NOW, &r);
	assert_true(r.allowed && r.remaining == 400);
	rate_charge(&table, key(1), &l, 600, NOW, &r);
	assert_true(!r.allowed && r.remaining == 0 && r.reset_ns == 1200 * SECOND / 1000);
	rate_charge(&table, key(1), &l, UINT64_MAX, NOW, &r);
	assert_true(r.reset_ns == 2 * SECOND);
	r = take(key(1), &l, 1, NOW);
	assert_true(!r.allowed && r.retry_ns == SECOND + SECOND / 1000);
}

/* A look says what a take would, and changes nothing. */
static void
test_peek(void **state)
{
	for (size_t i = 0; i < SHAPES; i++) {
		struct rate_limit l = shape(i);
		uint64_t now = NOW;

		for (int step = 0; step < 1000; step++) {
			uint64_t cost = 1 + (uint64_t)rand() % l.burst, k = key((uint32_t)i);
			struct rate_result seen, again, r;

			rate_peek(&table, k, &l, cost, now, &seen);
			rate_peek(&table, k, &l, cost, now, &again);
			r = take(k, &l, 0, now);
			assert_int_equal(seen.remaining, r.remaining);
			assert_int_equal(seen.reset_ns, r.reset_ns);
			r = take(k, &l, cost, now);
			assert_int_equal(seen.allowed, again.allowed);
			assert_int_equal(seen.allowed, r.allowed);
			assert_int_equal(seen.retry_ns, r.retry_ns);
			now += (uint64_t)rand() % (l.burst_ns / 2 + 1);
		}
	}
}

static void
test_peek_at_a_full_set(void **state)
{
	struct rate_limit l = limit(1, 3600, 1);
	struct rate_result r;

	for (uint32_t i = 0; i <= RATE_ROWS; i++)
		assert_true(take(key(i), &l, 1, NOW).allowed);
	rate_peek(&table, key(100), &l, 1, NOW, &r);
	assert_true(r.shared && !r.allowed);
	rate_peek(&table, key(100), &l, 1, NOW + 3600 * SECOND, &r);
	assert_true(!r.shared && r.allowed);
}

/* Who was let in, and gives it back some time later, has left no trace: of two keys that are asked
 * the same, one of which is also asked in vain between, both answer alike. */
static void
test_return(void **state)
{
	uint64_t now = NOW;

	for (size_t i = 0; i < SHAPES; i++) {
		struct rate_limit l = shape(i);

		for (int step = 0; step < 3000; step++) {
			uint64_t cost = 1 + (uint64_t)rand() % (l.burst < 9 ? l.burst : 9);
			uint64_t then = now;
			struct rate_result vain = take(key(1000), &l, cost, now), a, b;

			now += (uint64_t)rand() % (rand() % 4 ? 2 : l.interval_ns * 2 + 1);
			if (vain.allowed)
				rate_return(&table, key(1000), &l, cost, then, &vain, now);
			cost = 1 + (uint64_t)rand() % (l.burst < 9 ? l.burst : 9);
			a = take(key(1000), &l, cost, now);
			b = take(key(2000), &l, cost, now);
			assert_int_equal(a.allowed, b.allowed);
			assert_int_equal(a.retry_ns, b.retry_ns);
			assert_int_equal(a.reset_ns, b.reset_ns);
			now += (uint64_t)rand() % (2 * l.interval_ns + 1);
		}
		now += 99 * DAY;
	}
}

static void
test_return_to_the_shared_row(void **state)
{
	struct rate_limit l = limit(2, 3600, 2);
	struct rate_result r;

	for (uint32_t i = 0; i < RATE_ROWS; i++)
		assert_true(take(key(i), &l, 1, NOW).allowed);
	for (uint32_t i = 0; i < 10; i++) {
		r = take(key(100), &l, 2, NOW);
		assert_true(r.allowed && r.shared);
		rate_return(&table, key(100), &l, 2, NOW, &r, NOW);
	}
}

/* A limit with new numbers under its old name: what was spent counts as far as it can. */
static void
test_other_numbers(void **state)
{
	struct rate_limit daily = limit(10, 86400, 10), brief = limit(10, 1, 10);

	assert_true(take(key(1), &daily, 10, NOW).allowed);
	assert_true(take(key(1), &brief, 1, NOW).retry_ns <= 2 * SECOND);
	assert_true(take(key(1), &brief, 10, NOW + 2 * SECOND).allowed);
}

/* With all rows in use the others share one, and none of them passes more than its limit by
 * falling out of a row and into one again. */
static void
test_full_set(void **state)
{
	struct rate_limit l = limit(2, 3600, 2);
	uint64_t now = NOW;
	unsigned passed = 0;

	for (uint32_t i = 0; i < RATE_ROWS; i++)
		assert_true(take(key(i), &l, 1, now).allowed);
	for (uint32_t i = 100; i < 200; i++) {
		struct rate_result r = take(key(i), &l, 1, now);

		assert_true(r.shared);
		passed += r.allowed;
	}
	assert_int_equal(passed, 2);
	assert_true(take(key(3), &l, 1, now).allowed); /* has its row still */
	now +=
	    1801 * SECOND; /* rows are free again: half a burst has come back to the shared one */
	assert_true(take(key(100), &l, 1, now).allowed);
	assert_false(take(key(100), &l, 1, now).allowed);
	assert_true(take(key(100), &l, 1, now + 1800 * SECOND).allowed);
}

/* Limits of days leave those of seconds alone. */
static void
test_two_shared_rows(void **state)
{
	struct rate_limit daily = limit(1, 86400, 1), brief = limit(10, 1, 10);

	for (uint32_t i = 0; i <= RATE_ROWS; i++)
		assert_true(take(key(i), &daily, 1, NOW).allowed);
	assert_false(take(key(100), &daily, 1, NOW).allowed);
	assert_true(take(key(101), &brief, 10, NOW).allowed);
	assert_true(take(key(102), &brief, 1, NOW).retry_ns == SECOND / 10);
}

/* Rows are given away when they say nothing any more, and no earlier. */
static void
test_eviction(void **state)
{
	struct rate_limit slow = limit(1, 60, 1), fast = limit(1, 1, 1);

	for (uint32_t i = 0; i < RATE_ROWS; i++)
		assert_true(take(key(i), i ? &slow : &fast, 1, NOW).allowed);
	assert_true(take(key(50), &fast, 1, NOW + SECOND - 1).shared);
	assert_false(take(key(51), &fast, 1, NOW + 3 * SECOND).shared);
	for (uint32_t i = 1; i < RATE_ROWS; i++)
		assert_false(take(key(i), &slow, 1, NOW + 60 * SECOND - 1).allowed);
}

/* Claims whose makers were killed are in nobody's way. */
static void
test_dead_claims(void **state)
{
	struct rate_limit l = limit(1, 60, 1);
	struct rate_set *set = table.sets;

	for (uint32_t i = 0; i < RATE_ROWS; i++)
		set->row[i] = (struct rate_row){ key(i / 2), RATE_CLAIM | i };
	for (uint32_t i = 0; i < RATE_ROWS; i++) {
		struct rate_result r = take(key(i), &l, 1, NOW);

		assert_true(r.allowed && !r.shared);
		assert_false(take(key(i), &l, 1, NOW).allowed);
	}
}

static uint64_t
rubbish(void)
{
	uint64_t x = (uint64_t)rand() << 33 ^ (uint64_t)rand() << 11 ^ (uint64_t)rand();

	switch (rand() % 6) {
	case 0:
		return x;
	case 1:
		return x | RATE_CLAIM;
	case 2:
		return NOW + x % (100 * DAY);
	case 3:
		return UINT64_MAX;
	case 4:
		return key((uint32_t)(x % 20));
	default:
		return 0;
	}
}

/* Whatever a worker that was taken over writes there: every answer makes sense, and no key is held
 * back longer than its own limit could twice over, but by the shared row. */
static void
test_rubbish(void **state)
{
	for (int round = 0; round < 20000; round++) {
		struct rate_limit l = shape((size_t)rand() % SHAPES);
		uint64_t *words = (uint64_t *)table.sets, cost = (uint64_t)rand() % (l.burst + 2);
		struct rate_result r;

		for (size_t i = 0; i < sizeof(struct rate_set) / sizeof *words; i++)
			words[i] = rubbish();
		r = take(key((uint32_t)rand() % 20), &l, cost, NOW);
		assert_true(r.remaining <= l.burst);
		assert_true(r.allowed == (r.retry_ns == 0));
		assert_true(r.retry_ns == RATE_NEVER || r.shared || r.retry_ns <= 2 * l.burst_ns);
		assert_true(r.shared || r.reset_ns <= 2 * l.burst_ns);
		rate_charge(&table, key((uint32_t)rand() % 20), &l, cost, NOW, &r);
		assert_true(r.remaining <= l.burst);
	}
}

static void
test_attach(void **state)
{
	struct rate_head good = table.head, bad = good;
	struct rate_limit l = limit(1, 60, 1);
	struct rate_table other;
	struct rate_result r;

	assert_int_equal(rate_attach(dup(table_fd), &good, &other), 0);
	assert_true(take(key(1), &l, 1, NOW).allowed);
	rate_take(&other, key(1), &l, 1, NOW, &r);
	assert_false(r.allowed);
	rate_detach(&other);
	bad.sets++;
	assert_int_equal(rate_attach(dup(table_fd), &bad, &other), -EBADMSG);
	bad = good;
	bad.format++;
	assert_int_equal(rate_attach(dup(table_fd), &bad, &other), -EBADMSG);
	bad = good;
	bad.magic = 0;
	assert_int_equal(rate_attach(dup(table_fd), &bad, &other), -EBADMSG);
	assert_int_equal(rate_attach(-1, &good, &other), -EBADMSG);
	assert_int_equal(rate_attach(open("/dev/null", O_RDWR), &good, &other), -EBADMSG);
	assert_int_equal(ftruncate(table_fd, 0), -1); /* or others would fault */
	assert_int_equal(rate_create(0, NULL, &other, &(int){ 0 }), -EINVAL);
	assert_int_equal(rate_create(RATE_SETS_MAX + 1, NULL, &other, &(int){ 0 }), -EINVAL);
}

/* Into a larger table, and into one where there is no room for all: nothing that was spent comes
 * back. */
static void
test_seed(void **state)
{
	enum { KEYS = 3000 };
	static const uint32_t sizes[] = { 4096, 1024, 1000, 100, 1 };
	struct rate_limit l = limit(1, 3600, 1), idle = limit(1, 1, 1);

	for (uint32_t i = 0; i < KEYS; i++)
		assert_true(take(key(i), &l, 1, NOW).allowed);
	assert_true(take(key(KEYS), &idle, 1, NOW - 5 * SECOND).allowed);
	for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
		struct rate_table old = table;
		unsigned fresh = 0;
		int fd;

		assert_int_equal(rate_create(sizes[s], old.head.secret, &table, &fd), 0);
		rate_seed(&table, &old, NOW);
		for (uint32_t i = 0; i < KEYS; i++)
			assert_false(take(key(i), &l, 1, NOW).allowed);
		for (uint32_t i = KEYS + 1; i < 2 * KEYS; i++)
			fresh += take(key(i), &l, 1, NOW).allowed;
		assert_true(sizes[s] < 1000 || fresh > KEYS * 9 / 10);
		rate_detach(&table);
		close(fd);
		table = old;
	}
}

/* The rows are as many as promised: ten keys a set find one of their own, but for few. */
static void
test_room(void **state)
{
	struct rate_limit l = limit(1, 3600, 1);
	uint32_t n = table.head.sets * 10, shared = 0;

	for (uint32_t i = 0; i < n; i++)
		shared += take(key(i), &l, 1, NOW).shared;
	assert_in_range(shared, 0, n / 20);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ranges),
		cmocka_unit_test_setup_teardown(test_shares, setup, teardown),
		cmocka_unit_test_setup_teardown(test_burst, setup, teardown),
		cmocka_unit_test_setup_teardown(test_model, setup, teardown),
		cmocka_unit_test_setup_teardown(test_said_is_true, setup, teardown),
		cmocka_unit_test_setup_teardown(test_more_than_the_burst, setup, teardown),
		cmocka_unit_test_setup_teardown(test_keys_and_limits_are_apart, setup, teardown),
		cmocka_unit_test_setup_teardown(test_charge, setup, teardown),
		cmocka_unit_test_setup_teardown(test_peek, setup, teardown),
		cmocka_unit_test_setup_teardown(test_peek_at_a_full_set, setup_one_set, teardown),
		cmocka_unit_test_setup_teardown(test_return, setup, teardown),
		cmocka_unit_test_setup_teardown(test_return_to_the_shared_row, setup_one_set,
						teardown),
		cmocka_unit_test_setup_teardown(test_other_numbers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_set, setup_one_set, teardown),
		cmocka_unit_test_setup_teardown(test_two_shared_rows, setup_one_set, teardown),
		cmocka_unit_test_setup_teardown(test_eviction, setup_one_set, teardown),
		cmocka_unit_test_setup_teardown(test_dead_claims, setup_one_set, teardown),
		cmocka_unit_test_setup_teardown(test_rubbish, setup_one_set, teardown),
		cmocka_unit_test_setup_teardown(test_attach, setup, teardown),
		cmocka_unit_test_setup_teardown(test_seed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_room, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
