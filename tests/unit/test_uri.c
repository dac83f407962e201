/* uri: which paths are one, which are refused, and how others would read what is left. */

#include "lib/uri.h"

#include "lib/xalloc.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define T URI_TRIPLET
#define S URI_SUSPECT

/* A copy with nothing behind it, so that a sanitizer sees an overrun. */
static struct slice
exact(struct slice s)
{
	char *p = xmalloc(s.n ? s.n : 1);

	memcpy(p, s.p, s.n);
	return slice_make(p, s.n);
}

static void
release(struct slice s)
{
	free((char *)(uintptr_t)s.p);
}

static void
same_text(const char *what, struct slice got, const char *want)
{
	if (!slice_eq(got, slice_of(want)))
		fail_msg("%s: got \"%.*s\", want \"%s\"", what, SLICE_F(got), want);
}

struct path_case {
	const char *in, *path; /* path NULL: refused */
	unsigned flags;
};

static void
check_path(const struct path_case *c)
{
	struct slice in = exact(slice_of(c->in));
	char *out = xmalloc(URI_ROOM(in.n));
	struct uri_path result;
	int look = uri_canonical(in, NULL, &result), r = uri_canonical(in, out, &result);

	if (c->path && look != (strcmp(c->in, c->path) != 0))
		fail_msg("%s: a look says %d", c->in, look);
	if (!c->path) {
		if (r != -EINVAL)
			fail_msg("%s: not refused", c->in);
	} else {
		if (r != 0)
			fail_msg("%s: refused", c->in);
		same_text(c->in, result.path, c->path);
		if (result.flags != c->flags)
			fail_msg("%s: flags %u, want %u", c->in, result.flags, c->flags);
		assert_int_equal(result.same, strcmp(c->in, c->path) == 0);
		assert_ptr_equal(result.path.p, result.same ? in.p : out);
	}
	free(out);
	release(in);
}

static void
test_paths(void **state)
{
	static const struct path_case cases[] = {
		{ "/", "/", 0 },
		{ "/a", "/a", 0 },
		{ "/a/", "/a/", 0 },
		{ "/a/b.c/-_~", "/a/b.c/-_~", 0 },
		{ "/!$&'()*+,=:@", "/!$&'()*+,=:@", 0 },
		{ "/.a/..b/c./d../.../a.b", "/.a/..b/c./d../.../a.b", 0 },
		{ "/api/%E4%BD%A0/%20", "/api/%E4%BD%A0/%20", T },
		/* empty segments */
		{ "//", "/", 0 },
		{ "//api/x", "/api/x", 0 },
		{ "/api//x", "/api/x", 0 },
		{ "/api/x//", "/api/x/", 0 },
		{ "///a///b///", "/a/b/", 0 },
		{ "//evil.example/x", "/evil.example/x", 0 },
		/* dot segments, RFC 3986 sections 5.2.4 and 5.4 */
		{ "/.", "/", 0 },
		{ "/..", "/", 0 },
		{ "/./", "/", 0 },
		{ "/../", "/", 0 },
		{ "/a/.", "/a/", 0 },
		{ "/a/..", "/", 0 },
		{ "/a/b/..", "/a/", 0 },
		{ "/a/b/../", "/a/", 0 },
		{ "/a/b/c/./../../g", "/a/g", 0 },
		{ "/../../../x", "/x", 0 },
		{ "/x/../api", "/api", 0 },
		{ "/public/../api/x", "/api/x", 0 },
		{ "/a//../b", "/b", 0 },
		{ "/a/..//b", "/b", 0 },
		/* encoded unreserved characters, in both cases */
		{ "/%61pi", "/api", 0 },
		{ "/%61%70%69/x", "/api/x", 0 },
		{ "/a%2db%2Dc%5f%7e%7E", "/a-b-c_~~", 0 },
		{ "/x/%2e%2e/api", "/api", 0 },
		{ "/x/%2E./api", "/api", 0 },
		{ "/x/.%2e/api", "/api", 0 },
		{ "/%2e/a", "/a", 0 },
		{ "/x/%2e%2e", "/", 0 },
		{ "/%2e%2e%2e", "/...", 0 },
		/* nothing is decoded twice */
		{ "/%252e%252e/api", "/%252e%252e/api", T },
		{ "/%25%36%31", "/%2561", T },
		{ "/%2561pi", "/%2561pi", T },
		/* other readers */
		{ "/a%2Fb", "/a%2Fb", T | S },
		{ "/a%2fb", "/a%2fb", T | S },
		{ "/a%5Cb", "/a%5Cb", T | S },
		{ "/a%5cb", "/a%5cb", T | S },
		{ "/a;b", "/a;b", S },
		{ "/a%3Bb", "/a%3Bb", T | S },
		{ "/..;/a", "/..;/a", S },
		{ "/%2e%2e;/a", "/..;/a", S },
		{ "/a%3Fb", "/a%3Fb", T | S },
		{ "/a%23b", "/a%23b", T | S },
		{ "/v1/models%3Apredict", "/v1/models%3Apredict", T | S },
		{ "/u%40x", "/u%40x", T | S },
		{ "/a%2Fb/../c", "/c", 0 }, /* what is gone is no threat */
		{ "/a;b/../c/%20", "/c/%20", T },
		/* what browsers send as it is */
		{ "/a\"b", "/a%22b", T },
		{ "/<a>", "/%3Ca%3E", T },
		{ "/a[1]", "/a%5B1%5D", T },
		{ "/{a}", "/%7Ba%7D", T },
		{ "/a|b", "/a%7Cb", T },
		{ "/a^b", "/a%5Eb", T },
		{ "/a`b", "/a%60b", T },
		{ "/[/../a/%61", "/a/a", 0 },
		{ "/|;/..", "/", 0 },
		{ "/{;%2f", "/%7B;%2f", T | S },
		/* refused always */
		{ "", NULL, 0 },
		{ "a", NULL, 0 },
		{ "*", NULL, 0 },
		{ "http://x/", NULL, 0 },
		{ "/a b", NULL, 0 },
		{ "/a\tb", NULL, 0 },
		{ "/a\r\nb", NULL, 0 },
		{ "/a\\b", NULL, 0 },
		{ "/..\\api", NULL, 0 },
		{ "/a\x7f", NULL, 0 },
		{ "/a\x01", NULL, 0 },
		{ "/\xc3\xa4", NULL, 0 },
		{ "/\xff", NULL, 0 },
		{ "/a?b", NULL, 0 },
		{ "/a#b", NULL, 0 },
		{ "/[a b]", NULL, 0 },
		{ "/{%zz}", NULL, 0 },
		{ "/%", NULL, 0 },
		{ "/%4", NULL, 0 },
		{ "/%4g", NULL, 0 },
		{ "/%g4", NULL, 0 },
		{ "/%%61", NULL, 0 },
		{ "/%2%35", NULL, 0 },
		{ "/%u002f", NULL, 0 },
		{ "/%00", NULL, 0 },
		{ "/api%00.html", NULL, 0 },
		{ "/x/../a%00", NULL, 0 },
		{ "//a b", NULL, 0 },
		{ "//a%zz", NULL, 0 },
		/* overlong forms of '/', '.', '\\' and others (RFC 3629 section 10) */
		{ "/%c0%af", NULL, 0 },
		{ "/%C0%AE%C0%AE/x", NULL, 0 },
		{ "/%c1%9c", NULL, 0 },
		{ "/%c0", NULL, 0 },
		{ "/%e0%80%af", NULL, 0 },
		{ "/%e0%81%81", NULL, 0 },
		{ "/%f0%80%80%af", NULL, 0 },
		{ "/%f0%80%81%9c", NULL, 0 },
		{ "/%f8%80%80%80%af", NULL, 0 },
		{ "/%fc%80%80%80%80%af", NULL, 0 },
		{ "/%fe%80%80%80%80%80%af", NULL, 0 },
		{ "//x/%e0%80%af", NULL, 0 },
		{ "/a/%c0%ae%c0%ae/b", NULL, 0 },
		{ "/a/%c0%2e", NULL, 0 },
		{ "/a%c1%bcb", NULL, 0 },
		{ "/%e0%80%ae%e0%80%ae/", NULL, 0 },
		/* and what is no such thing: UTF-8 and ISO 8859-1 */
		{ "/%e0%a4%85", "/%e0%a4%85", T },
		{ "/%f0%9f%98%80", "/%f0%9f%98%80", T },
		{ "/sm%f8rrebr%f8d", "/sm%f8rrebr%f8d", T },
		{ "/voil%e0", "/voil%e0", T },
		{ "/%e0x", "/%e0x", T },
		{ "/%e0%a0%80", "/%e0%a0%80", T },
		{ "/%f0%80x", "/%f0%80x", T },
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		check_path(&cases[i]);
}

static void
test_a_nul_ends_nothing(void **state)
{
	struct slice in = exact(SLICE("/api\0/../x"));
	struct uri_path result;
	char out[16];

	assert_int_equal(uri_canonical(in, out, &result), -EINVAL);
	release(in);
}

/* Every byte: what RFC 3986 section 3.3 allows in a segment and what is encoded, and nothing else.
 */
static void
test_every_byte(void **state)
{
	for (unsigned c = 0; c < 256; c++) {
		char in[] = { '/', 'a', (char)c, 'b' }, hex[16], out[16];
		bool pchar = c != 0 && c < 0x80 &&
			     (((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
			      strchr("0123456789-._~!$&'()*+,;=:@/\"<>[]^`{|}", (int)c));
		struct uri_path result;

		assert_int_equal(uri_canonical(slice_make(in, 4), out, &result),
				 pchar ? 0 : -EINVAL);
		snprintf(hex, sizeof hex, "/a%%%02Xb", c);
		assert_int_equal(uri_canonical(slice_of(hex), out, &result),
				 c == 0 || c == 0xc0 || c == 0xc1 ? -EINVAL : 0);
	}
}

static void
test_queries(void **state)
{
	for (unsigned c = 0; c < 256; c++) {
		char in[] = { 'a', (char)c, 'b' };

		assert_int_equal(uri_query_is_clean(slice_make(in, 3)),
				 c > ' ' && c < 0x7f && c != '#');
	}
	assert_true(uri_query_is_clean(SLICE("")));
	assert_true(uri_query_is_clean(SLICE("a=%00&b=|{}[]\\^`\"<>?/;")));
}

static void
test_readings(void **state)
{
	static const struct {
		const char *path,
		    *read[URI_READINGS]; /* the last three where they differ from the first three */
	} cases[] = {
		{ "/a/b", { "/a/b", "/a/b", "/a/b", "/a/b" } },
		{ "/api%2f..%23%2f..%2fv1",
		  { "/", "/", "/", "/api%2F..%23%2F..%2Fv1", "/api/v1", "/api/v1", "/api/v1" } },
		{ "/x%3f%2f..%2fapi",
		  { "/x", "/x", "/x", "/x%3F%2F..%2Fapi", "/api", "/api", "/api" } },
		{ "/a%2Fb", { "/a/b", "/a/b", "/a/b", "/a%2Fb" } },
		{ "/a%2fb%5cc", { "/a/b/c", "/a/b/c", "/a/b/c", "/a%2Fb%5Cc" } },
		{ "/x%2F..%2F..%2Fapi", { "/api", "/api", "/api", "/x%2F..%2F..%2Fapi" } },
		{ "/x/..%2fapi", { "/api", "/api", "/api", "/x/..%2Fapi" } },
		{ "/x/..%5capi", { "/api", "/api", "/api", "/x/..%5Capi" } },
		{ "/x/..;/api", { "/api", "/api", "/x/..;/api", "/api" } },
		{ "/x/..;a=b/api", { "/api", "/api", "/x/..;a=b/api", "/api" } },
		{ "/x/..%3B/api", { "/api", "/api", "/x/..;/api", "/api" } },
		{ "/api;x", { "/api", "/api", "/api;x", "/api" } },
		{ "/;x/api", { "/api", "/api", "/;x/api", "/api" } },
		{ "/x/.;/api/", { "/x/api/", "/x/api/", "/x/.;/api/", "/x/api/" } },
		/* params taken off before and after decoding */
		{ "/a;%2F..%2Fb", { "/b", "/a", "/b", "/a" } },
		{ "/p/..;%2Fx/api", { "/x/api", "/api", "/p/..;/x/api", "/api" } },
		{ "/a%2Fb;c", { "/a/b", "/a/b", "/a/b;c", "/a%2Fb" } },
		{ "/x%3Fy", { "/x", "/x", "/x", "/x%3Fy", "/x%3Fy", "/x%3Fy", "/x%3Fy" } },
		{ "/x%23y/z",
		  { "/x", "/x", "/x", "/x%23y/z", "/x%23y/z", "/x%23y/z", "/x%23y/z" } },
		{ "/x;%3F/y", { "/x", "/x/y", "/x;", "/x/y", "/x/y", "/x/y", "/x;%3F/y" } },
		{ "/%3F", { "/", "/", "/", "/%3F", "/%3F", "/%3F", "/%3F" } },
		{ "/m%3Ap", { "/m:p", "/m:p", "/m:p", "/m:p" } },
		{ "/%c3%a4", { "/%C3%A4", "/%C3%A4", "/%C3%A4", "/%C3%A4" } },
		{ "/%2F", { "/", "/", "/", "/%2F" } },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct slice in = exact(slice_of(cases[i].path));
		char *out = xmalloc(in.n + 1);
		bool climbs;

		for (unsigned k = 0; k < URI_READINGS; k++)
			same_text(cases[i].path, uri_reading(in, k, out, &climbs),
				  cases[i].read[k] ? cases[i].read[k] : cases[i].read[k - 4]);
		free(out);
		release(in);
	}
}

/* In which readings is there a ".."? One bit each. */
static void
test_climbing(void **state)
{
	static const struct {
		const char *path;
		unsigned readings;
	} cases[] = {
		{ "/a%2Fb", 0 },       { "/a%2F.%2Fb", 0 },      { "/a%2F...%2Fb", 0 },
		{ "/..a%2Fb..", 0 },   { "/..%2Fa", 0x77 },      { "/..%5Ca", 0x77 },
		{ "/a%2F..", 0x77 },   { "/a%2F..%2Fb", 0x77 },  { "/..;/a", 0x3b },
		{ "/..;x=y/a", 0x3b }, { "/..;", 0x3b },         { "/..%3Bx/a", 0x3b },
		{ "/..%3F", 0x07 },    { "/..%23x", 0x07 },      { "/a;%2F..", 0x55 },
		{ "/a;..%2F", 0 },     { "/%252e%252e%2Fa", 0 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct slice in = exact(slice_of(cases[i].path));
		char *out = xmalloc(in.n + 1);
		unsigned readings = 0;
		bool climbs;

		for (unsigned k = 0; k < URI_READINGS; k++) {
			uri_reading(in, k, out, &climbs);
			readings |= climbs ? 1u << k : 0;
		}
		if (readings != cases[i].readings)
			fail_msg("%s: %#x", cases[i].path, readings);
		free(out);
		release(in);
	}
}

static void
test_match_form(void **state)
{
	static const struct {
		const char *path, *form;
	} cases[] = {
		{ "/", "/" },
		{ "/abc", "/abc" },
		{ "/%c3%a4x", "/%C3%A4x" },
		{ "/a%2fb%2Fc", "/a%2Fb%2Fc" },
		{ "/%252f", "/%252f" },
		{ "/a%5cb", "/a%5Cb" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct slice in = exact(slice_of(cases[i].path));
		char *out = xmalloc(in.n);

		same_text(cases[i].path, uri_match_form(in, out), cases[i].form);
		free(out);
		release(in);
	}
}

struct host_case {
	const char *in, *host, *host_port; /* host NULL: refused */
	int port;
};

static void
check_host(const struct host_case *c)
{
	struct slice in = exact(slice_of(c->in));
	char *out = xmalloc(2 * in.n + 2);
	struct uri_host result;
	int r = uri_host_parse(in, out, &result);

	if (!c->host) {
		if (r != -EINVAL)
			fail_msg("%s: not refused", c->in);
	} else {
		if (r != 0)
			fail_msg("%s: refused", c->in);
		same_text(c->in, result.host, c->host);
		same_text(c->in, result.host_port, c->host_port);
		assert_int_equal(result.port, c->port);
	}
	free(out);
	release(in);
}

static void
test_hosts(void **state)
{
	static const struct host_case cases[] = {
		{ "", "", "", -1 },
		{ "a", "a", "a", -1 },
		{ "Example.ORG", "example.org", "example.org", -1 },
		{ "example.org.", "example.org", "example.org", -1 },
		{ "example.org:80", "example.org", "example.org:80", 80 },
		{ "Example.org.:8080", "example.org", "example.org:8080", 8080 },
		{ "example.org:", "example.org", "example.org", -1 },
		{ "example.org:00080", "example.org", "example.org:80", 80 },
		{ "example.org:65535", "example.org", "example.org:65535", 65535 },
		{ "a:1", "a", "a:1", 1 },
		{ "my_host-1.x~y", "my_host-1.x~y", "my_host-1.x~y", -1 },
		{ "127.0.0.1", "127.0.0.1", "127.0.0.1", -1 },
		{ "127.0.0.1:81", "127.0.0.1", "127.0.0.1:81", 81 },
		{ "[::1]", "[::1]", "[::1]", -1 },
		{ "[::1]:80", "[::1]", "[::1]:80", 80 },
		{ "[2001:DB8::A]", "[2001:db8::a]", "[2001:db8::a]", -1 },
		{ "[::ffff:1.2.3.4]:9", "[::ffff:1.2.3.4]", "[::ffff:1.2.3.4]:9", 9 },
		{ ":80", NULL, NULL, 0 },
		{ ":", NULL, NULL, 0 },
		{ ".", NULL, NULL, 0 },
		{ "..", NULL, NULL, 0 },
		{ ".example.org", NULL, NULL, 0 },
		{ "a..b", NULL, NULL, 0 },
		{ "a..", NULL, NULL, 0 },
		{ "a:0", NULL, NULL, 0 },
		{ "a:65536", NULL, NULL, 0 },
		{ "a:99999999999999999999", NULL, NULL, 0 },
		{ "a:80a", NULL, NULL, 0 },
		{ "a:+80", NULL, NULL, 0 },
		{ "a:80:80", NULL, NULL, 0 },
		{ "user@a", NULL, NULL, 0 },
		{ "user:pass@a", NULL, NULL, 0 },
		{ "a@", NULL, NULL, 0 },
		{ "a b", NULL, NULL, 0 },
		{ " a", NULL, NULL, 0 },
		{ "a,b", NULL, NULL, 0 },
		{ "a/b", NULL, NULL, 0 },
		{ "a\\b", NULL, NULL, 0 },
		{ "a?b", NULL, NULL, 0 },
		{ "a#b", NULL, NULL, 0 },
		{ "a%2fb", NULL, NULL, 0 },
		{ "*.a", NULL, NULL, 0 },
		{ "\xc3\xa4", NULL, NULL, 0 },
		{ "::1", NULL, NULL, 0 },
		{ "[::1", NULL, NULL, 0 },
		{ "[]", NULL, NULL, 0 },
		{ "[a]", NULL, NULL, 0 },
		{ "[1.2.3.4]", NULL, NULL, 0 },
		{ "[::1%25eth0]", NULL, NULL, 0 },
		{ "[fe80::1%eth0]", NULL, NULL, 0 },
		{ "[v1.x]", NULL, NULL, 0 },
		{ "[::1]a", NULL, NULL, 0 },
		{ "[::1]]", NULL, NULL, 0 },
		{ "[0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0]", NULL, NULL, 0 },
		{ "]", NULL, NULL, 0 },
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		check_host(&cases[i]);
}

static void
test_a_host_is_bounded(void **state)
{
	char in[URI_HOST_MAX + 2], out[2 * sizeof in + 2];
	struct uri_host result;

	memset(in, 'a', sizeof in);
	assert_int_equal(uri_host_parse(slice_make(in, URI_HOST_MAX), out, &result), 0);
	assert_int_equal(uri_host_parse(slice_make(in, URI_HOST_MAX + 1), out, &result), -EINVAL);
	in[3] = '\0';
	assert_int_equal(uri_host_parse(slice_make(in, 10), out, &result), -EINVAL);
}

static void
test_shown(void **state)
{
	static const char *const cases[][2] = {
		{ "/a", "/a" },       { "/a?b", "/a" },   { "/a;b=c/d", "/a" },
		{ "/a%3Bb", "/a" },   { "/a%3fb", "/a" }, { "/a#b", "/a" },
		{ "/a%23", "/a" },    { "/a%3", "/a%3" }, { "/a%2Fb", "/a%2Fb" },
		{ "/%3Eb", "/%3Eb" }, { "", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_true(slice_eq(uri_shown(slice_of(cases[i][0])), slice_of(cases[i][1])));
}

static void
test_unescape(void **state)
{
	static const struct {
		const char *in, *plain, *form;
	} cases[] = {
		{ "", "", "" },
		{ "a+b%2Bc%20", "a+b+c ", "a b+c " },
		{ "%", "%", "%" },
		{ "%4", "%4", "%4" },
		{ "%4g%%41+", "%4g%A+", "%4g%A " },
		{ "%25%32%42", "%2B", "%2B" },
	};
	char out[32];

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct slice in = slice_of(cases[i].in);

		assert_true(slice_eq(uri_unescape(in, out), slice_of(cases[i].plain)));
		assert_true(slice_eq(uri_unescape_form(in, out), slice_of(cases[i].form)));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shown),
		cmocka_unit_test(test_unescape),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_a_nul_ends_nothing),
		cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_queries),
		cmocka_unit_test(test_readings),
		cmocka_unit_test(test_climbing),
		cmocka_unit_test(test_match_form),
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_a_host_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
