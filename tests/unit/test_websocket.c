/* websocket: frames in one piece and in many, and where they end. */

#include "worker/websocket.h"

#include <stdint.h>
#include <stdlib.h>

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#define ZEROES_8 "\0\0\0\0\0\0\0\0"

static const struct {
	const char *bytes;
	size_t n;
	size_t frame; /* bytes of the first one; 0: it is not whole */
} cases[] = {
#define CASE(text, frame)                                                                          \
	{                                                                                          \
		text, sizeof text - 1, frame                                                       \
	}
	CASE("", 0),
	CASE("\x81", 0),
	CASE("\x81\x00", 2),
	CASE("\x81\x02ok", 4),
	CASE("\x81\x02o", 0),
	CASE("\x81\x02ok\x81", 4),
	CASE("\x81\x82maskok", 8),
	CASE("\x82\x7e\x00\x03xyz+", 7),
	CASE("\x82\x7e\x00", 0),
	CASE("\x82\x7f\0\0\0\0\0\0\0\x02xy+", 12),
	CASE("\x82\xff\0\0\0\0\0\0\0\x02maskxy+", 16),
	/* Lengths that no frame has: its end is never met. */
	CASE("\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff" ZEROES_8, 0),
	CASE("\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff" ZEROES_8, 0),
};

static void
test_frames(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		size_t frame = cases[i].frame ? cases[i].frame : cases[i].n;
		struct websocket whole = { 0 }, pieces = { 0 };

		assert_int_equal(websocket_frame(&whole, slice_make(cases[i].bytes, cases[i].n)),
				 frame);
		assert_int_equal(websocket_between(&whole), cases[i].frame || cases[i].n == 0);
		for (size_t k = 0; k < frame; k++) {
			assert_true(k == 0 || !websocket_between(&pieces));
			assert_int_equal(
			    websocket_frame(&pieces, slice_make(cases[i].bytes + k, 1)), 1);
		}
		assert_int_equal(websocket_between(&pieces), websocket_between(&whole));
	}
}

static void
test_pass(void **state)
{
	static const char two[] = "\x81\x02ok\x82\x7e\x00\x03xyz\x89\x00";
	struct websocket s = { 0 };

	websocket_pass(&s, slice_make(two, sizeof two - 1));
	assert_true(websocket_between(&s));
	websocket_pass(&s, slice_make(two, sizeof two - 2));
	assert_false(websocket_between(&s));
}

static void
test_close(void **state)
{
	char out[WEBSOCKET_CLOSE_MAX], text[300];
	struct websocket s = { 0 };
	size_t n = websocket_close(1008, slice_make("no", 2), out);

	assert_int_equal(n, 6);
	assert_memory_equal(out, "\x88\x04\x03\xf0no", 6);
	memset(text, 'x', sizeof text);
	n = websocket_close(1008, slice_make(text, sizeof text), out);
	assert_int_equal(n, WEBSOCKET_CLOSE_MAX); /* 125 bytes at most: section 5.5 */
	assert_int_equal(out[1], 125);
	assert_int_equal(websocket_frame(&s, slice_make(out, n)), n);
	assert_true(websocket_between(&s));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames),
		cmocka_unit_test(test_pass),
		cmocka_unit_test(test_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
