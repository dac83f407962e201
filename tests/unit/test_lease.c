/* lease: units are spent once however many spend, and what a row says follows from what is in it.
 */

#include "shm/lease.h"

#include "shm/memfd.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#define NOW UINT64_C(5000000)
#define THREADS 4
#define EACH 200000

static const uint8_t secret[SIPHASH_SECRET] = "of all the fleet";

struct fixture {
	struct lease_table t;
	int fd;
};

static int
setup(void **state)
{
	static struct fixture f;

	assert_int_equal(lease_create(4, secret, &f.t, &f.fd), 0);
	f.t.memory->up = 1;
	*state = &f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	lease_detach(&f->t);
	close(f->fd);
	return 0;
}

static struct lease_result
take(struct lease_table *t, uint64_t key, uint64_t cost, uint64_t now)
{
	struct lease_result r, looked;

	lease_look(t, key, cost, now, &looked);
	lease_take(t, key, cost, now, &r);
	assert_int_equal(looked.verdict, r.verdict);
	assert_false(looked.ask);
	return r;
}

static void
test_life_of_a_row(void **state)
{
	struct lease_table *t = &((struct fixture *)*state)->t;
	struct lease_result r = take(t, 7, 1, NOW);
	uint32_t row;

	assert_true(r.verdict == LEASE_MORE && r.row == LEASE_NO_ROW && r.ask);
	row = lease_open(t, 7, NOW);
	assert_int_equal(lease_open(t, 7, NOW), row);
	assert_true(take(t, 7, 1, NOW).ask);
	lease_put(t, row, 10, NOW);
	t->news[row].low = 5;
	for (int i = 0; i < 10; i++) {
		r = take(t, 7, 1, NOW);
		assert_int_equal(r.verdict, LEASE_TAKEN);
		assert_int_equal(r.ask, i == 5); /* once, with four left */
		assert_int_equal(r.left, 9 - i);
	}
	r = take(t, 7, 1, NOW);
	assert_true(r.verdict == LEASE_MORE && !r.ask && lease_wants(t, row));
	lease_put(t, row, 0, NOW);
	assert_true(take(t, 7, 1, NOW).ask);
	lease_put(t, row, 0, NOW);
	t->news[row].closed_ms = NOW + 300;
	r = take(t, 7, 1, NOW);
	assert_true(r.verdict == LEASE_CLOSED && !r.ask && r.retry_ms == 300);
	assert_int_equal(take(t, 7, 1, NOW + 300).verdict, LEASE_MORE);
	lease_return(t, 7, 2);
	assert_int_equal(lease_units(t, row), 2);
	assert_true(lease_charge(t, 7, 5));
	assert_int_equal(lease_close(t, row), -3);
	assert_false(lease_charge(t, 7, 1));
	assert_int_equal(take(t, 7, 1, NOW).row, LEASE_NO_ROW);
}

static void
test_what_is_good_how_long(void **state)
{
	struct lease_table *t = &((struct fixture *)*state)->t;
	static const uint64_t begins[] = { 0, NOW, UINT64_C(1) << 30, (UINT64_C(1) << 30) - 1000 };

	for (size_t i = 0; i < sizeof begins / sizeof begins[0]; i++) {
		struct lease_result r;
		uint64_t now = begins[i];
		uint32_t row = lease_open(t, 9, now);

		r = take(t, 9, 1, now); /* the master has said nothing: who asks waits */
		assert_true(r.verdict == LEASE_MORE && r.ask);
		assert_int_equal(take(t, 9, 1, now + LEASE_GOOD_MS + 300).verdict, LEASE_ALONE);

		lease_put(t, row, 100, now);
		assert_int_equal(take(t, 9, 1, now).verdict, LEASE_TAKEN);
		assert_int_equal(take(t, 9, 1, now + LEASE_GOOD_MS).verdict, LEASE_TAKEN);
		assert_int_equal(take(t, 9, 1, now + LEASE_GOOD_MS + 300).verdict, LEASE_ALONE);
		lease_renew(t, row, now + LEASE_GOOD_MS);
		assert_int_equal(take(t, 9, 1, now + LEASE_GOOD_MS + 300).verdict, LEASE_TAKEN);
		t->memory->up = 0;
		assert_int_equal(take(t, 9, 1, now + LEASE_GOOD_MS).verdict, LEASE_ALONE);
		t->memory->up = 1;
		assert_int_equal(lease_drain(t, row), 97);
		assert_int_equal(lease_close(t, row), 0);
	}
}

static void
test_bounds(void **state)
{
	struct lease_table *t = &((struct fixture *)*state)->t;
	uint32_t row = LEASE_NO_ROW;

	for (uint64_t i = 1; i <= LEASE_ROWS; i++)
		row = lease_open(t, 4 * i, NOW); /* all of one set */
	t->news[row].closed_ms = NOW + 9;
	assert_int_equal(lease_open(t, 400, NOW), LEASE_NO_ROW);
	assert_int_equal(t->news[row].closed_ms, NOW + 9);
	for (int i = 0; i < 5; i++)
		lease_put(t, row, LEASE_UNITS_MAX, NOW);
	assert_int_equal(lease_units(t, row), LEASE_UNITS_MAX);
	for (int i = 0; i < 5; i++)
		assert_true(lease_charge(t, 4 * LEASE_ROWS, LEASE_UNITS_MAX));
	assert_int_equal(lease_units(t, row), -LEASE_UNITS_MAX);
	lease_close(t, row);
	assert_int_not_equal(lease_open(t, 400, NOW), LEASE_NO_ROW);
}

static void
test_attach(void **state)
{
	struct fixture *f = *state;
	struct lease_head bad = f->t.head;
	struct lease_table other;

	lease_put(&f->t, lease_open(&f->t, 3, NOW), 5, NOW);
	assert_int_equal(lease_attach(dup(f->fd), &f->t.head, &other), 0);
	assert_int_equal(take(&other, 3, 5, NOW).verdict, LEASE_TAKEN);
	assert_int_equal(take(&f->t, 3, 1, NOW).verdict, LEASE_MORE);
	lease_detach(&other);
	bad.sets = 5;
	assert_int_equal(lease_attach(dup(f->fd), &bad, &other), -EBADMSG);
	bad = f->t.head;
	bad.format++;
	assert_int_equal(lease_attach(dup(f->fd), &bad, &other), -EBADMSG);
	assert_int_equal(lease_attach(-1, &f->t.head, &other), -EBADMSG);
}

struct spender {
	struct lease_table *t;
	pthread_t thread;
	uint64_t taken, asked;
};

static void *
spend(void *argument)
{
	struct spender *s = argument;

	for (int i = 0; i < EACH; i++) {
		struct lease_result r;

		lease_take(s->t, 5, 1, NOW, &r);
		s->taken += r.verdict == LEASE_TAKEN;
		s->asked += r.ask;
	}
	return NULL;
}

/* While the master puts in and takes out, as it does. */
static void
test_nothing_is_spent_twice(void **state)
{
	struct lease_table *t = &((struct fixture *)*state)->t;
	uint32_t row = lease_open(t, 5, NOW);
	struct spender s[THREADS] = { { 0 } };
	int64_t in = 0;
	uint64_t taken = 0, asked = 0, puts = 0;

	t->news[row].low = 20;
	for (int i = 0; i < THREADS; i++) {
		s[i].t = t;
		assert_int_equal(pthread_create(&s[i].thread, NULL, spend, &s[i]), 0);
	}
	for (int i = 0; i < 20000; i++) {
		if (i % 100 == 99)
			in -= lease_drain(t, row);
		lease_put(t, row, i % 50, NOW);
		in += i % 50;
		puts++;
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(s[i].thread, NULL);
		taken += s[i].taken;
		asked += s[i].asked;
	}
	assert_int_equal((int64_t)taken, in - lease_units(t, row));
	assert_true(taken > 0 && asked <= puts + 1); /* between two puts one asks */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_life_of_a_row, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_good_how_long, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bounds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_attach, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nothing_is_spent_twice, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
