/* busy: never more than the limit, over processes that come to it at once, and nothing left behind
 * by those that are killed. */

#include "shm/busy.h"

#include "lib/clock.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define CROWD 4
#define LIMIT 3
#define KEY UINT64_C(0x123456789abcdef1)

static struct shared {
	struct busy page[CROWD];
	uint32_t inside, most, entered;
} * shared;

static int
setup(void **state)
{
	shared =
	    mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return shared == MAP_FAILED ? -1 : 0;
}

static int
teardown(void **state)
{
	return munmap(shared, sizeof *shared);
}

/* On page `own`, by the sight of all others but `gone`. */
static uint32_t
enter(unsigned own, unsigned gone, uint64_t key, uint32_t limit)
{
	const struct busy *others[CROWD];
	size_t n = 0;

	for (unsigned i = 0; i < CROWD; i++) {
		if (i != own && i != gone)
			others[n++] = &shared->page[i];
	}
	return busy_enter(&shared->page[own], others, n, key, limit);
}

static bool
is_in(uint32_t row)
{
	return row != BUSY_REFUSED && row != BUSY_FULL;
}

static void
test_counts(void **state)
{
	uint32_t a = enter(0, CROWD, KEY, 3), b = enter(1, CROWD, KEY, 3), c;

	assert_true(is_in(a) && is_in(b));
	c = enter(0, CROWD, KEY, 3);
	assert_true(c == a);
	assert_int_equal(enter(2, CROWD, KEY, 3), BUSY_REFUSED);
	assert_int_equal(enter(0, CROWD, KEY, 3), BUSY_REFUSED);
	assert_true(is_in(enter(2, CROWD, KEY, 4)));
	assert_true(is_in(enter(2, CROWD, KEY + (1u << 20), 1)));
	assert_int_equal(enter(3, CROWD, KEY, 0), BUSY_REFUSED);
	assert_int_equal(busy_count(&shared->page[0], KEY), 2);
	busy_leave(&shared->page[0], a);
	busy_leave(&shared->page[0], c);
	busy_leave(&shared->page[0], BUSY_REFUSED);
	busy_leave(&shared->page[0], BUSY_FULL);
	assert_int_equal(busy_count(&shared->page[0], KEY), 0);
	for (unsigned i = 0; i < BUSY_ROWS; i++)
		assert_int_equal(shared->page[0].row[i], 0);
}

/* Keys that lie in the same rows: those that find none are refused, and all rows come free again.
 */
static void
test_full(void **state)
{
	uint32_t rows[40], in = 0;

	for (uint64_t i = 0; i < 40; i++) {
		rows[i] = enter(0, CROWD, KEY + (i << 20), 5);
		in += is_in(rows[i]);
		assert_true(is_in(rows[i]) == (rows[i] != BUSY_FULL));
	}
	assert_int_equal(in, 16);
	for (int i = 0; i < 40; i++)
		busy_leave(&shared->page[0], rows[i]);
	assert_true(is_in(enter(0, CROWD, KEY + (UINT64_C(77) << 20), 5)));
}

static void
come_and_go(unsigned own, uint64_t until)
{
	while (clock_mono_ms() < until) {
		uint32_t row = enter(own, CROWD, KEY, LIMIT), now, most;

		if (!is_in(row))
			continue;
		now = __atomic_add_fetch(&shared->inside, 1, __ATOMIC_SEQ_CST);
		most = __atomic_load_n(&shared->most, __ATOMIC_SEQ_CST);
		while (now > most &&
		       !__atomic_compare_exchange_n(&shared->most, &most, now, false,
						    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
			;
		__atomic_add_fetch(&shared->entered, 1, __ATOMIC_RELAXED);
		usleep(50); /* so that others meet it there */
		__atomic_sub_fetch(&shared->inside, 1, __ATOMIC_SEQ_CST);
		busy_leave(&shared->page[own], row);
	}
}

static pid_t
start(unsigned own, uint64_t until)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	come_and_go(own, until);
	_exit(0);
}

static void
test_never_more(void **state)
{
	uint64_t until = clock_mono_ms() + 600;
	pid_t pids[CROWD];
	int status;

	for (unsigned i = 0; i < CROWD; i++)
		pids[i] = start(i, until);
	for (unsigned i = 0; i < CROWD; i++) {
		waitpid(pids[i], &status, 0);
		assert_int_equal(status, 0);
	}
	assert_int_equal(shared->most, LIMIT);
	assert_true(shared->entered > 100);
	for (unsigned i = 0; i < CROWD; i++)
		assert_int_equal(busy_count(&shared->page[i], KEY), 0);
}

/* Killed at any instruction: with its page goes all that it had. */
static void
test_killed(void **state)
{
	for (int round = 0; round < 50; round++) {
		pid_t pid = start(1, UINT64_MAX);
		uint32_t rows[LIMIT];

		usleep(500 + 37 * (unsigned)round);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		for (int i = 0; i < LIMIT; i++) {
			rows[i] = enter(0, 1, KEY, LIMIT);
			assert_true(is_in(rows[i]));
		}
		assert_int_equal(enter(0, 1, KEY, LIMIT), BUSY_REFUSED);
		for (int i = 0; i < LIMIT; i++)
			busy_leave(&shared->page[0], rows[i]);
		memset(&shared->page[1], 0, sizeof shared->page[1]); /* its successor's is new */
	}
}

/* Whatever stands on another's page, it can only keep out. */
static void
test_rubbish(void **state)
{
	srand(3);
	for (int round = 0; round < 1000; round++) {
		uint32_t row;

		for (unsigned i = 0; i < BUSY_ROWS; i += 1 + (unsigned)rand() % 64)
			shared->page[1].row[i] = (uint64_t)rand() << 32 | (uint64_t)rand();
		shared->page[1].row[(KEY & 0xfffff) % (BUSY_ROWS / 16) * 16] =
		    KEY | (round % 2 ? 0xfffff : 0);
		row = enter(0, CROWD, KEY, LIMIT);
		assert_true(row == BUSY_REFUSED || busy_count(&shared->page[0], KEY) == 1);
		busy_leave(&shared->page[0], row);
		assert_int_equal(busy_count(&shared->page[0], KEY), 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_counts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full, setup, teardown),
		cmocka_unit_test_setup_teardown(test_never_more, setup, teardown),
		cmocka_unit_test_setup_teardown(test_killed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rubbish, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
