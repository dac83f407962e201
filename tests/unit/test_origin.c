/* Origins: what is one, and which of them a pattern lets in. */

#include "shm/origin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
patterns(void **state)
{
	static const char *const good[] = {
		"*",
		"null",
		"https://a.org",
		"http://localhost:3000",
		"https://*.example.org",
		"https://*.example.org:8443",
		"http://[::1]:3000",
		"http://127.0.0.1",
		"chrome-extension://abcdef",
	};
	static const char *const bad[] = {
		"",
		"a.org",
		"https://",
		"https://a.org/",
		"https://a.org/x",
		"https://A.org",
		"HTTPS://a.org",
		"https://u@a.org",
		"https://a..org",
		"https://.a.org",
		"https://a.org:",
		"https://a.org:0",
		"https://a.org:123456",
		"https://a*.org",
		"https://*",
		"https://*.",
		"https://*.*.org",
		"https://a.*.org",
		"://a.org",
		"https://a.org https://b.org",
		"https:/a.org",
		"*.a.org",
		"https://[::1",
	};

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		if (origin_fault(slice_of(good[i])))
			fail_msg("%s %s", good[i], origin_fault(slice_of(good[i])));
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		if (!origin_fault(slice_of(bad[i])))
			fail_msg("%s is accepted", bad[i]);
	}
}

static void
matches(void **state)
{
	static const struct {
		const char *pattern, *origin;
		bool in;
	} cases[] = {
		{ "https://a.org", "https://a.org", true },
		{ "https://a.org", "http://a.org", false },
		{ "https://a.org", "https://a.org:8443", false },
		{ "https://a.org", "https://a.org.evil.net", false },
		{ "https://a.org", "https://a.org/", false },
		{ "https://a.org", "https://A.org", false },
		{ "https://a.org", "null", false },
		{ "null", "null", true },
		{ "*", "null", true },
		{ "*", "https://any.net", true },
		{ "https://*.a.org", "https://x.a.org", true },
		{ "https://*.a.org", "https://x.y.a.org", true },
		{ "https://*.a.org", "https://a.org", false },
		{ "https://*.a.org", "https://.a.org", false },
		{ "https://*.a.org", "https://evila.org", false },
		{ "https://*.a.org", "https://x..a.org", false },
		{ "https://*.a.org", "https://evil.net/x.a.org", false },
		{ "https://*.a.org", "https://evil.net?x.a.org", false },
		{ "https://*.a.org", "https://evil.net#.a.org", false },
		{ "https://*.a.org", "https://evil.net\\.a.org", false },
		{ "https://*.a.org", "https://u@evil.a.org", false },
		{ "https://*.a.org", "https://evil.net:1.a.org", false },
		{ "https://*.a.org", "https://x.a.org.evil.net", false },
		{ "https://*.a.org", "https://x.a.org:8443", false },
		{ "https://*.a.org", "http://x.a.org", false },
		{ "https://*.a.org", "https://", false },
		{ "https://*.a.org", "", false },
		{ "https://*.a.org:8443", "https://x.a.org:8443", true },
		{ "https://*.a.org:8443", "https://x.a.org", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		if (origin_matches(slice_of(cases[i].pattern), slice_of(cases[i].origin)) !=
		    cases[i].in)
			fail_msg("%s, %s", cases[i].pattern, cases[i].origin);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns),
		cmocka_unit_test(matches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
