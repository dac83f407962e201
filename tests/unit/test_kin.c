/* kin: who is told of as a worker, and for how long. */

#include "master/kin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void
is_told(struct kin *k, uint64_t now_ms, uint32_t count, const uint32_t *pids)
{
	static struct msg_workers told;

	kin_tell(k, now_ms, &told);
	assert_int_equal(told.count, count);
	assert_memory_equal(told.pids, pids, count * sizeof *pids);
}

static void
test_gone_for_a_while(void **state)
{
	static const uint32_t both[] = { 10, 11 }, last[] = { 11 };
	struct kin k = { 0 };

	kin_add(&k, 10);
	kin_add(&k, 11);
	is_told(&k, 1000, 2, both);
	kin_gone(&k, 10, 1000);
	kin_gone(&k, 12, 1000);
	is_told(&k, 60999, 2, both);
	is_told(&k, 61000, 1, last);
	kin_deinit(&k);
}

static void
test_same_pid_again(void **state)
{
	static const uint32_t twice[] = { 10, 10 }, once[] = { 10 };
	struct kin k = { 0 };

	kin_add(&k, 10);
	kin_gone(&k, 10, 1000);
	kin_add(&k, 10);
	is_told(&k, 2000, 2, twice);
	is_told(&k, 1000000, 1, once);
	kin_deinit(&k);
}

static void
test_more_than_there_is_room_for(void **state)
{
	static struct msg_workers told;
	struct kin k = { 0 };

	for (uint32_t i = 1; i <= WORKERS_MAX + 1; i++)
		kin_add(&k, (pid_t)i);
	kin_tell(&k, 1000, &told);
	assert_int_equal(told.count, WORKERS_MAX);
	assert_int_equal(told.pids[0], 2);
	assert_int_equal(told.pids[WORKERS_MAX - 1], WORKERS_MAX + 1);
	kin_deinit(&k);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gone_for_a_while),
		cmocka_unit_test(test_same_pid_again),
		cmocka_unit_test(test_more_than_there_is_room_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
