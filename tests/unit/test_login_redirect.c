/* login_redirect: where a login may end, and the many ways to write another site. */

#include "worker/login_redirect.h"

#include "shm/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static const struct slice origins[] = {
	{ "https://a.example", 17 },
	{ "https://ui.example:8443", 23 },
	{ "http://[::1]:3000", 17 },
};

static void
check(const char *place, size_t n, bool good)
{
	if (login_place_is_good(slice_make(place, n), SLICE("/api/auth"), origins, 3) != good)
		fail_msg("\"%s\" is %s", place, good ? "refused" : "taken");
}

static void
test_good(void **state)
{
	static const char *const cases[] = {
		"/",
		"/x",
		"/x/",
		"/x//y",
		"/x?a=//evil",
		"/x?next=https://evil.example/",
		"/x#/route?a=b",
		"/?a",
		"/#a",
		"/a%2Fb",
		"/a/%2F",
		"/%C3%A4",
		"/a.b/..c/...",
		"/:80",
		"/@evil",
		"/evil.example",
		"/javascript:x",
		"/api/authors",
		"/api",
		"https://a.example",
		"https://a.example/",
		"https://a.example:443/x?y#z",
		"https://a.example?x",
		"https://a.example#x",
		"https://A.EXAMPLE/x",
		"https://ui.example:8443/x",
		"http://[::1]:3000/",
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		check(cases[i], strlen(cases[i]), true);
}

static void
test_bad(void **state)
{
	static const char *const cases[] = {
		/* no place at all */
		"",
		"x",
		"?x",
		"#x",
		".",
		"../x",
		"evil.example",
		"evil.example/x",
		/* the scheme of the page, and another host */
		"//",
		"//evil.example",
		"///evil.example",
		"//a.example",
		"/\\evil.example",
		"\\/evil",
		"\\\\evil",
		"/\\/evil",
		"/x\\..\\y",
		"//evil.example:443/",
		"//@evil",
		"/.//evil",
		"/..//evil",
		"/./x",
		"/x/../y",
		"/x/..",
		"/%2e%2e/x",
		"/%2E/x",
		"/.%2e//evil",
		/* somebody on the way may decode these */
		"/%2fevil.example",
		"/%2Fevil",
		"/%5cevil",
		"/%5C%5Cevil",
		"/%00",
		"/%c0%af",
		"/%zz",
		"/%",
		/* browsers take out tabs and newlines before they read */
		"/\t/evil",
		"/\n/evil",
		"\t//evil",
		"/\r\nSet-Cookie: a=b",
		" /x",
		"/x y",
		"/x\x7f",
		"/x\x01",
		"https://a.exam\tple/",
		"ht\ntps://evil/",
		/* not ASCII: a slash of full width, a soft hyphen, a dotless i */
		"/\xef\xbc\x8f/evil",
		"/\xc3\xa4",
		"https://a\xc2\xad.example/",
		"https://\xc4\xb1.example/",
		"/\xff",
		/* schemes */
		"https:evil.example",
		"https:/evil.example",
		"https:///evil.example",
		"https:",
		"https://",
		"https:\\\\evil",
		"https:/\\evil",
		"javascript:alert(1)",
		"JavaScript:alert(1)",
		"java\tscript:alert(1)",
		"javascript://a.example/%0aalert(1)",
		"data:text/html,x",
		"vbscript:x",
		"file:///etc/passwd",
		"ftp://a.example/",
		"blob:https://a.example/x",
		"view-source:https://a.example/",
		"ws://a.example/",
		"HTTPS://a.example/",
		"https ://a.example/",
		"://a.example",
		/* hosts that look like ours, and are not */
		"https://evil.example/",
		"https://a.example.evil.example/",
		"https://a.example.",
		"https://a.example./x",
		"https://evil.example/a.example",
		"https://aa.example/",
		"https://a.exampl/",
		"https://.a.example/",
		"https://a..example/",
		"https://b.a.example/",
		/* userinfo */
		"https://a.example@evil.example/",
		"https://a.example:443@evil.example/",
		"https://evil@a.example/",
		"https://@a.example/",
		"https://a.example%40evil.example/",
		"https://a.example\\@evil.example/",
		"https://a.example#@evil/..\\",
		/* ports */
		"https://a.example:444/",
		"https://a.example:80/",
		"https://a.example:@evil/",
		"https://a.example:0/",
		"https://a.example:99999/",
		"https://a.example:x/",
		"https://ui.example/",
		"https://ui.example:443/",
		"https://ui.example:08443x/",
		"http://[::1]/",
		"http://[::2]:3000/",
		"http://[::1]:3000@evil/",
		"http://[::1/",
		/* the other scheme of ours */
		"http://a.example/",
		"http://a.example:443/",
		/* what is good of a path is so behind an origin */
		"https://a.example//evil.example",
		"https://a.example/\\evil",
		"https://a.example/../x",
		"https://a.example/%2fevil",
		"https://a.example/x y",
		/* our own endpoints, as anybody writes them */
		"/api/auth",
		"/api/auth/",
		"/api/auth/login?redirect_url=/x",
		"/api//auth/logout",
		"/%61pi/auth/login",
		"https://a.example/api/auth/login",
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		check(cases[i], strlen(cases[i]), false);
	check("/x\0y", 4, false);
}

static void
test_length(void **state)
{
	char place[LOGIN_PLACE_MAX + 1];

	memset(place, 'a', sizeof place);
	place[0] = '/';
	check(place, LOGIN_PLACE_MAX, true);
	check(place, LOGIN_PLACE_MAX + 1, false);
	memcpy(place, "https://a.example/", 18);
	check(place, LOGIN_PLACE_MAX, true);
	check(place, LOGIN_PLACE_MAX + 1, false);
}

/* By the table: what is not good becomes home. */
static void
test_table(void **state)
{
	struct table_login login = { .flags = 0 };
	struct table_builder b;
	struct segment *rules;
	struct seg_ref ui;

	table_builder_init(&b);
	login.base = seg_builder_string(&b.seg, SLICE("/auth"));
	login.origin = seg_builder_string(&b.seg, SLICE("http://localhost:8080"));
	login.home = seg_builder_string(&b.seg, SLICE("/home"));
	ui = seg_builder_string(&b.seg, SLICE("https://ui.example"));
	login.redirects_count = 1;
	seg_builder_add(&b.seg, RULES_REDIRECTS, &ui, sizeof ui);
	seg_builder_add(&b.seg, RULES_LOGIN, &login, sizeof login);
	assert_int_equal(table_builder_finish(&b, 1, &rules), 0);
	table_builder_deinit(&b);
	assert_true(slice_eq(login_redirect(rules, SLICE("/x")), SLICE("/x")));
	assert_true(slice_eq(login_redirect(rules, SLICE("https://ui.example/x")),
			     SLICE("https://ui.example/x")));
	assert_true(slice_eq(login_redirect(rules, SLICE("http://localhost:8080/x")),
			     SLICE("http://localhost:8080/x")));
	assert_true(slice_eq(login_redirect(rules, SLICE("//evil")), SLICE("/home")));
	assert_true(slice_eq(login_redirect(rules, SLICE("")), SLICE("/home")));
	assert_true(login_origin_is_known(rules, SLICE("https://ui.example")));
	assert_true(login_origin_is_known(rules, SLICE("http://localhost:8080")));
	assert_false(login_origin_is_known(rules, SLICE("http://localhost")));
	assert_false(login_origin_is_known(rules, SLICE("null")));
	assert_false(login_origin_is_known(rules, SLICE("https://ui.example/")));
	assert_false(login_origin_is_known(rules, SLICE("https://ui.example.evil")));
	seg_unref(rules);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
