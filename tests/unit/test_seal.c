/* What was sealed opens with the same secret, purpose and place, and not when a bit differs. */

#include "lib/seal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
opens_where_it_belongs(void **state)
{
	static const char text[] = "some bytes that nobody else shall read";
	const struct {
		struct slice secret;
		const char *purpose;
		struct slice bound;
		bool opens;
	} cases[] = {
		{ SLICE("secret"), "tickets", SLICE("place"), true },
		{ SLICE("Secret"), "tickets", SLICE("place"), false },
		{ SLICE(""), "tickets", SLICE("place"), false },
		{ SLICE("secret"), "ticket", SLICE("place"), false },
		{ SLICE("secret"), "tickets", SLICE("Place"), false },
		{ SLICE("secret"), "tickets", SLICE(""), false },
	};

	(void)state;
	for (size_t n = 0; n < sizeof text; n++) {
		struct buf BUF_CLEAN sealed = { 0 };

		assert_true(seal_close(SLICE("secret"), "tickets", SLICE("place"),
				       slice_make(text, n), &sealed));
		assert_int_equal(sealed.n, n + SEAL_OVERHEAD);
		assert_true(n < 4 || !memmem(sealed.p, sealed.n, text, n));
		for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
			struct buf BUF_CLEAN out = { 0 };

			assert_int_equal(seal_open(cases[i].secret, cases[i].purpose,
						   cases[i].bound, buf_slice(&sealed), &out),
					 cases[i].opens);
			assert_int_equal(out.n, cases[i].opens ? n : 0);
			assert_true(out.n == 0 || memcmp(out.p, text, n) == 0);
		}
	}
}

static void
no_bit_may_change(void **state)
{
	struct buf BUF_CLEAN sealed = { 0 };

	(void)state;
	assert_true(seal_close(SLICE("s"), "p", SLICE("b"), SLICE("sixteen bytes ab"), &sealed));
	for (size_t bit = 0; bit < sealed.n * 8; bit++) {
		struct buf BUF_CLEAN out = { 0 };

		sealed.p[bit / 8] = (char)(sealed.p[bit / 8] ^ 1 << bit % 8);
		assert_false(seal_open(SLICE("s"), "p", SLICE("b"), buf_slice(&sealed), &out));
		sealed.p[bit / 8] = (char)(sealed.p[bit / 8] ^ 1 << bit % 8);
	}
	for (size_t n = 0; n < sealed.n; n++) {
		struct buf BUF_CLEAN out = { 0 };

		assert_false(seal_open(SLICE("s"), "p", SLICE("b"), slice_make(sealed.p, n), &out));
	}
}

static void
the_same_is_never_sealed_the_same(void **state)
{
	struct buf BUF_CLEAN a = { 0 }, b = { 0 };

	(void)state;
	assert_true(seal_close(SLICE("s"), "p", SLICE("b"), SLICE("text"), &a));
	assert_true(seal_close(SLICE("s"), "p", SLICE("b"), SLICE("text"), &b));
	assert_false(slice_eq(buf_slice(&a), buf_slice(&b)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opens_where_it_belongs),
		cmocka_unit_test(no_bit_may_change),
		cmocka_unit_test(the_same_is_never_sealed_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
