/* addresses: what is counted together, and what happens when the rows are full. */

#include "shm/addresses.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct board_worker *page;

static int
setup(void **state)
{
	page = calloc(1, sizeof *page);
	return page == NULL;
}

static int
teardown(void **state)
{
	free(page);
	return 0;
}

static uint64_t
key_v4(uint32_t n)
{
	uint8_t ip[16] = { [10] = 0xff, [11] = 0xff };

	memcpy(ip + 12, &n, 4);
	return address_key(ip);
}

static void
test_counts(void **state)
{
	uint64_t a = key_v4(1), b = key_v4(2);
	uint32_t first = address_add(page, a), second = address_add(page, a), other;

	assert_int_equal(first, second);
	other = address_add(page, b);
	assert_int_equal(address_count(page, a), 2);
	assert_int_equal(address_count(page, b), 1);
	address_drop(page, first);
	address_drop(page, other);
	assert_int_equal(address_count(page, a), 1);
	assert_int_equal(address_count(page, b), 0);
	address_drop(page, second);
	for (uint32_t i = 0; i < BOARD_ADDRESSES; i++)
		assert_int_equal(page->addresses[i], 0);
}

static void
test_networks(void **state)
{
	uint8_t a[16] = { 0x20, 1, 0xd, 0xb8, [15] = 1 }, b[16] = { 0x20, 1, 0xd, 0xb8, [15] = 2 };

	assert_true(address_key(a) == address_key(b));
	b[7] = 1;
	assert_false(address_key(a) == address_key(b));
	assert_false(key_v4(1) == key_v4(1u << 24));
}

/* Many more addresses than rows: each one is counted right or not at all, and all go again. */
static void
test_full(void **state)
{
	enum { MANY = 2 * BOARD_ADDRESSES };
	uint32_t *rows = malloc(MANY * sizeof *rows), counted = 0;

	for (uint32_t i = 0; i < MANY; i++) {
		rows[i] = address_add(page, key_v4(i));
		counted += rows[i] != ADDRESS_UNCOUNTED;
	}
	assert_in_range(counted, BOARD_ADDRESSES * 9 / 10, BOARD_ADDRESSES);
	for (uint32_t i = 0; i < MANY; i++)
		assert_int_equal(address_count(page, key_v4(i)), rows[i] != ADDRESS_UNCOUNTED);
	for (uint32_t i = 0; i < MANY; i++)
		address_drop(page, rows[i]);
	for (uint32_t i = 0; i < BOARD_ADDRESSES; i++)
		assert_int_equal(page->addresses[i], 0);
	free(rows);
}

/* Half as many addresses as rows find one, but for very few. */
static void
test_half_full(void **state)
{
	uint32_t missed = 0;

	for (uint32_t i = 0; i < BOARD_ADDRESSES / 2; i++)
		missed += address_add(page, key_v4(i)) == ADDRESS_UNCOUNTED;
	assert_in_range(missed, 0, BOARD_ADDRESSES / 100);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_counts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_networks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full, setup, teardown),
		cmocka_unit_test_setup_teardown(test_half_full, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
