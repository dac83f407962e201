/* Paths made of segments of others: what stands in a segment stays as it came. */

#include "lib/buf.h"
#include "shm/rewrite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
made(void **state)
{
	static const struct {
		const char *to, *path, *made;
	} cases[] = {
		{ "/projects/$3/events/status$6*", "/api/projects/123456/graph/status",
		  "/projects/123456/events/status" },
		{ "/projects/$3/events/status$6*", "/api/projects/123456/graph/status/a/b",
		  "/projects/123456/events/status/a/b" },
		{ "/projects/$3/events/status$6*", "/api/projects/1/graph/status/",
		  "/projects/1/events/status/" },
		{ "/projects/$3/webhooks$6*", "/api/projects/a%2Fb/graph/webhooks/c%2fd",
		  "/projects/a%2Fb/webhooks/c%2fd" },
		{ "/renku$4*", "/api/renku/10/1.1/test", "/renku/1.1/test" },
		{ "$1*", "/a/b", "/a/b" },
		{ "$2*/$1", "/a/b/c", "/b/c/a" },
		{ "/$1$2", "/a/b", "/ab" },
		{ "/$9", "/a", "/" },
		{ "/x$9*", "/a", "/x" },
		{ "/$1", "/", "/" },
		{ "/a$$1", "/b", "/a$1" },
		{ "/plain", "/b", "/plain" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct slice to = slice_of(cases[i].to), path = slice_of(cases[i].path);
		struct buf BUF_CLEAN out = { 0 };

		assert_null(rewrite_fault(to));
		buf_reserve(&out, rewrite_size(to, path));
		out.n = (size_t)(rewrite_put(out.p, to, path) - out.p);
		assert_int_equal(out.n, rewrite_size(to, path));
		buf_addc(&out, '\0');
		assert_string_equal(out.p, cases[i].made);
	}
}

static void
faults(void **state)
{
	static const char *const variables[] = { "/$", "/$0", "/$a", "/$*", "/$rest", "/a$" };
	static const char *const paths[] = { "",        "a",    "$1",    "/a//b",
					     "/a/../b", "/a b", "/a\\b", "/%zz" };

	(void)state;
	for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
		assert_non_null(rewrite_fault(slice_of(variables[i])));
		assert_non_null(strstr(rewrite_fault(slice_of(variables[i])), "variable"));
	}
	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
		assert_non_null(rewrite_fault(slice_of(paths[i])));
		assert_non_null(strstr(rewrite_fault(slice_of(paths[i])), "canonical"));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(made),
		cmocka_unit_test(faults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
