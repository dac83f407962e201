/* Lines of the access log in a ring: what a reader gets, and how many it has missed. */

#include "shm/tail.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct tail ring;

static void
reads_what_came(void **state)
{
	struct buf BUF_CLEAN out = { 0 };
	struct tail_place place = { 0, 4 };
	bool more;

	memset(&ring, 0, sizeof ring);
	tail_write(&ring, 5, SLICE("{a}"));
	tail_write(&ring, 8, SLICE("{b}"));
	assert_int_equal(tail_read(&ring, &place, 100, &out, &more), 2);
	assert_true(slice_eq(buf_slice(&out), SLICE("{a}\n{b}\n")) && !more);
	assert_int_equal(tail_read(&ring, &place, 100, &out, &more), 0);
	assert_int_equal(out.n, 8);
	tail_write(&ring, 9, SLICE("{c}"));
	tail_write(&ring, 10, SLICE("{d}"));
	out.n = 0;
	assert_int_equal(tail_read(&ring, &place, 1, &out, &more), 0);
	assert_true(slice_eq(buf_slice(&out), SLICE("{c}\n")) && more);
	assert_int_equal(tail_read(&ring, &place, 1, &out, &more), 0);
	assert_true(slice_eq(buf_slice(&out), SLICE("{c}\n{d}\n")) && !more);
}

/* All that it got, and all that it missed, is all that there was. */
static void
a_slow_reader_is_told(void **state)
{
	static char line[1000];
	struct buf BUF_CLEAN out = { 0 };
	struct tail_place place = { 0 };
	uint64_t missed, got = 0;
	bool more;

	memset(&ring, 0, sizeof ring);
	memset(line, 'x', sizeof line);
	for (uint64_t i = 1; i <= 2000; i++)
		tail_write(&ring, i, slice_make(line, sizeof line - i % 7));
	missed = tail_read(&ring, &place, SIZE_MAX, &out, &more);
	for (size_t i = 0; i < out.n; i++)
		got += out.p[i] == '\n';
	assert_true(missed > 1000 && got > 400);
	assert_int_equal(missed + got, 2000);
}

static void
hostile(void **state)
{
	struct buf BUF_CLEAN out = { 0 };
	struct tail_place place = { UINT64_MAX, 0 };
	bool more;

	memset(&ring, '9', sizeof ring);
	assert_int_equal(tail_read(&ring, &place, 100, &out, &more), 0);
	memset(&ring, 0, sizeof ring);
	ring.written = ring.reserved = UINT64_MAX;
	place.at = 3;
	assert_int_equal(tail_read(&ring, &place, 100, &out, &more), 0);
	ring.reserved = 0;
	place.at = 3;
	assert_int_equal(tail_read(&ring, &place, 100, &out, &more), 0);
	assert_int_equal(out.n, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_came),
		cmocka_unit_test(a_slow_reader_is_told),
		cmocka_unit_test(hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
