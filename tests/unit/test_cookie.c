/* cookie: the first of its name, and no other. */

#include "lib/cookie.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void
test_find(void **state)
{
	static const struct {
		const char *field, *value; /* of "token"; NULL: none */
	} cases[] = {
		{ "token=a", "a" },
		{ "x=1; token=a; y=2", "a" },
		{ "x=1;token=a;y=2", "a" },
		{ "x=1;  token=a ", "a" },
		{ "token=a; token=b", "a" },
		{ "token=", "" },
		{ "token=; token=b", "" },
		{ "token=\"a\"", "a" },
		{ "token=\"\"", "" },
		{ "token=\"", "\"" },
		{ "token=\"a", "\"a" },
		{ "token=a\"", "a\"" },
		{ "token=\"\"a\"\"", "\"a\"" },
		{ "token=a=b=", "a=b=" },
		{ "token =a", "a" },
		{ "token= a", "a" },
		{ ";; ;token=a", "a" },
		{ "token=a;", "a" },
		{ "=x; token=a", "a" },
		{ "x=\"; token=a", "a" }, /* a quote opens nothing (RFC 6265 section 5.4) */
		{ "", NULL },
		{ ";", NULL },
		{ "token", NULL },
		{ "token; x=1", NULL },
		{ "Token=a", NULL },
		{ "TOKEN=a", NULL },
		{ "xtoken=a", NULL },
		{ "tokenx=a", NULL },
		{ "x=token=a", NULL },
		{ "x=1, token=a", NULL },
		{ "\"token\"=a", NULL },
		{ "=token", NULL },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct slice got = cookie_find(slice_of(cases[i].field), SLICE("token"));

		if (!cases[i].value) {
			if (got.p)
				fail_msg("%s: found \"%.*s\"", cases[i].field, SLICE_F(got));
		} else if (!got.p || !slice_eq(got, slice_of(cases[i].value))) {
			fail_msg("%s: \"%.*s\"", cases[i].field, SLICE_F(got));
		}
	}
}

static void
test_none(void **state)
{
	assert_null(cookie_find((struct slice){ NULL, 0 }, SLICE("token")).p);
}

static bool
goes(const void *userdata, struct slice name)
{
	return slice_eq(name, slice_of(userdata));
}

static void
test_without(void **state)
{
	static const struct {
		const char *field, *left; /* without "own"; NULL: as it came */
	} cases[] = {
		{ "own=1", "" },
		{ "own=1;", "" },
		{ " own = 1 ; ", "" },
		{ "own=1; own=2;own=", "" },
		{ "own=1; a=1", "a=1" },
		{ "own=1;a=1", "a=1" },
		{ "a=1; own=1", "a=1" },
		{ "a=1;own=1; b=2", "a=1; b=2" },
		{ "a=1; own=x=y; b=2;own=z", "a=1; b=2" },
		{ "a=\"x; own=1; y\"", "a=\"x; y\"" }, /* a quote opens nothing */
		{ "a=\"x; own=1", "a=\"x" },
		{ "own=\"1; b=2\"", "b=2\"" },
		{ "own=1; a", "a" },
		{ "own=1; ;a=1", ";a=1" },
		{ "a=1 ; own=1 ;  b = 2 ", "a=1 ;  b = 2 " },
		{ "a=1;; own=1;;", "a=1;;;" },
		{ "a=1; b=2", NULL },
		{ " a=1;b", NULL },
		{ "Own=1; xown=1; own2=1; x=own=1", NULL },
		{ "own", NULL },
		{ "=own", NULL },
		{ ";", NULL },
		{ "", NULL },
	};
	char room[64];

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct slice field = slice_of(cases[i].field);
		struct slice got = cookie_without(field, goes, "own", room);

		if (!cases[i].left ? got.p != field.p || got.n != field.n
				   : got.p != room || !slice_eq(got, slice_of(cases[i].left)))
			fail_msg("%s: \"%.*s\"", cases[i].field, SLICE_F(got));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_without),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
