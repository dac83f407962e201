/* token_query: a token is found in a query, and nothing of it is left there. */

#include "worker/token_query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
test_take(void **state)
{
	static const struct {
		const char *query, *token, *rest; /* token NULL: there is none */
		bool repeated;
	} cases[] = {
		{ "", NULL },
		{ "?", NULL },
		{ "?a=1&b", NULL },
		{ "?token", "", "" },
		{ "?token=", "", "" },
		{ "?token=x", "x", "" },
		{ "?token=x&a=1", "x", "?a=1" },
		{ "?a=1&token=x", "x", "?a=1" },
		{ "?a=1&token=x&b=2", "x", "?a=1&b=2" },
		{ "?a&&token=x&&b", "x", "?a&&&b" },
		{ "?to%6ben=x", "x", "" },
		{ "?%74%6F%6B%65%6E=%78", "x", "" },
		{ "?token=x%20y+z%", "x y+z%", "" },
		{ "?token=x=y", "x=y", "" },
		{ "?token=x&token=y", "y", "", true },
		{ "?token=x&a&to%6Ben=x", "x", "?a", true },
		{ "?Token=x", NULL },
		{ "?xtoken=x", NULL },
		{ "?token2=x", NULL },
		{ "?a=token=x", NULL },
		{ "?a;token=x", NULL },
		{ "?token%3Dx", NULL },
		{ "?token%26=x", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct token_query got = { 0 };
		struct arena arena = { 0 };

		if (!token_query_take(&arena, slice_of(cases[i].query), SLICE("token"), &got)) {
			if (cases[i].token)
				fail_msg("%s: none", cases[i].query);
		} else if (!cases[i].token || !got.token.p || !got.rest.p ||
			   !slice_eq(got.token, slice_of(cases[i].token)) ||
			   !slice_eq(got.rest, slice_of(cases[i].rest)) ||
			   got.repeated != cases[i].repeated) {
			fail_msg("%s: \"%.*s\" \"%.*s\" %d", cases[i].query, SLICE_F(got.token),
				 SLICE_F(got.rest), got.repeated);
		}
		arena_deinit(&arena);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_take) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
