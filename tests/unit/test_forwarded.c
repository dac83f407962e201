/* forwarded: addresses as proxies write them, and nothing that only looks like one. */

#include "lib/forwarded.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void
check(bool found, const uint8_t ip[16], const char *want, const char *from)
{
	char text[46];
	size_t n;

	if (found != (want != NULL))
		fail_msg("%s: %s", from, found ? "taken" : "not taken");
	if (!found)
		return;
	n = forwarded_text(ip, text);
	assert_int_equal(n, strlen(want));
	assert_string_equal(text, want);
}

static void
test_address(void **state)
{
	static const char *const cases[][2] = {
		{ "192.0.2.1", "192.0.2.1" },
		{ "192.0.2.1:80", "192.0.2.1" },
		{ "2001:DB8::1", "2001:db8::1" },
		{ "[2001:db8::1]", "2001:db8::1" },
		{ "[2001:db8::1]:8080", "2001:db8::1" },
		{ "::ffff:192.0.2.1", "192.0.2.1" },
		{ "[::ffff:192.0.2.1]:1", "192.0.2.1" },
		{ "", NULL },
		{ "unknown", NULL },
		{ "192.0.2", NULL },
		{ "192.0.2.1.", NULL },
		{ "192.0.2.01", NULL },
		{ "192.0.2.256", NULL },
		{ "192.0.2.1:", NULL },
		{ "192.0.2.1:x", NULL },
		{ "192.0.2.1:123456", NULL },
		{ "192.0.2.1 ", NULL },
		{ "192.0.2.1/8", NULL },
		{ "[2001:db8::1", NULL },
		{ "[2001:db8::1]x", NULL },
		{ "[2001:db8::1]:", NULL },
		{ "[192.0.2.1]", NULL },
		{ "[]", NULL },
		{ "2001:db8::1%eth0", NULL },
		{ "2001:db8:::1", NULL },
		{ "\"192.0.2.1\"", NULL },
		{ "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb", NULL },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint8_t ip[16];

		check(forwarded_address(slice_of(cases[i][0]), ip), ip, cases[i][1], cases[i][0]);
	}
}

/* RFC 7239 section 4 and 6. */
static void
test_for(void **state)
{
	static const char *const cases[][2] = {
		{ "for=192.0.2.43", "192.0.2.43" },
		{ "For=\"[2001:db8:cafe::17]:4711\"", "2001:db8:cafe::17" },
		{ "for=192.0.2.60;proto=http;by=203.0.113.43", "192.0.2.60" },
		{ "proto=http; for=192.0.2.60 ;by=x", "192.0.2.60" },
		{ "for=\"192.0.2.43:47011\"", "192.0.2.43" },
		{ "for=192.0.2.43:47011", "192.0.2.43" },
		{ "host=\"a;for=1.2.3.4\";for=192.0.2.43", "192.0.2.43" },
		{ "host=\"a\\\";for=1.2.3.4\";for=192.0.2.43", "192.0.2.43" },
		{ "for=\"[::1]\"", "::1" },
		{ "", NULL },
		{ "for=", NULL },
		{ "for", NULL },
		{ "for=\"\"", NULL },
		{ "for=\"192.0.2.43", NULL },
		{ "for=\"192.0.2\\.43\"", NULL },
		{ "for=unknown", NULL },
		{ "for=_hidden", NULL },
		{ "for=2001:db8::1", NULL },
		{ "for=\"2001:db8::1\"", NULL },
		{ "for=1.2.3.4;for=192.0.2.43", NULL },
		{ "by=192.0.2.43", NULL },
		{ "xfor=192.0.2.43", NULL },
		{ "for =192.0.2.43", NULL },
		{ "for= 192.0.2.43", NULL },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint8_t ip[16];

		check(forwarded_for(slice_of(cases[i][0]), ip), ip, cases[i][1], cases[i][0]);
	}
}

static void
test_last(void **state)
{
	static const struct {
		const char *list;
		bool quotes;
		const char *elements[4]; /* from the right */
	} cases[] = {
		{ "a", false, { "a" } },
		{ "a, b ,c", false, { "c", "b", "a" } },
		{ "a,", false, { "", "a" } },
		{ "", false, { "" } },
		{ "\", a", false, { "a", "\"" } },
		{ "for=\"a,b\", for=c", true, { "for=c", "for=\"a,b\"" } },
		{ "for=\"a\\\",b\", for=c", true, { "for=c", "for=\"a\\\",b\"" } },
		{ "for=\", for=c", true, { "for=c", "for=\"" } },
		{ "x=\"\\\\\", for=c", true, { "for=c", "x=\"\\\\\"" } },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct slice list = slice_of(cases[i].list);

		for (int k = 0; cases[i].elements[k]; k++) {
			assert_non_null(list.p);
			if (!slice_eq(forwarded_last(&list, cases[i].quotes),
				      slice_of(cases[i].elements[k])))
				fail_msg("%s: element %d", cases[i].list, k);
		}
		assert_null(list.p);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_address),
		cmocka_unit_test(test_for),
		cmocka_unit_test(test_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
