/* Targets of redirects: what a client sends must not choose where they lead. */

#include "master/redirect.h"
#include "shm/template.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
good_targets(void **state)
{
	static const char *const good[] = {
		"https://$host$path$query",
		"http://$host/",
		"$scheme://$host:8443$rest",
		"https://example.org",
		"https://example.org$rest$query",
		"https://[::1]:8443/x?a=b#c",
		"https://www.$host/x",
		"/",
		"/x",
		"/new$rest$query",
		"/$query",
		"/a$$b",
		"$path",
		"$path/x",
		"https://example.org?$path",
	};

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		if (redirect_fault(slice_of(good[i])))
			fail_msg("%s %s", good[i], redirect_fault(slice_of(good[i])));
	}
}

static void
bad_targets(void **state)
{
	static const struct {
		const char *to, *told;
	} bad[] = {
		{ "", "is no URL" },
		{ "//evil.org", "another host" },
		{ "/$path", "another host" },
		{ "/$rest", "another host" },
		{ "/$host", "another host" },
		{ "/$$path", "another host" },
		{ "$rest", "is no URL" },
		{ "$query", "is no URL" },
		{ "$host/x", "is no URL" },
		{ "https://$path", "names no host" },
		{ "https://$rest/x", "names no host" },
		{ "https://$query", "names no host" },
		{ "https:///x", "names no host" },
		{ "https://", "names no host" },
		{ "$scheme://", "names no host" },
		{ "https://$scheme.org/", "names no host" },
		{ "https://u:p@$host/", "in the host" },
		{ "https://a,b/", "in the host" },
		{ "https://$hosts/", "variable" },
		{ "/$remote_addr", "variable" },
		{ "/x$", "variable" },
		{ "/a b", "a URL cannot have" },
		{ "/\\x", "a URL cannot have" },
		{ "/x\r\nSet-Cookie: a", "a URL cannot have" },
		{ "/\xc3\xa9", "a URL cannot have" },
		{ "javascript:alert(1)", "is no URL" },
		{ "$scheme:$path", "is no URL" },
		{ "x", "is no URL" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		const char *fault = redirect_fault(slice_of(bad[i].to));

		if (!fault || !strstr(fault, bad[i].told))
			fail_msg("%s: %s", bad[i].to, fault ? fault : "is accepted");
	}
}

static void
templates(void **state)
{
	static const struct {
		const char *text, *made;
	} cases[] = {
		{ "", "" },           { "x", "x" },
		{ "$host", "h.org" }, { "$host$path", "h.org/a" },
		{ "a$$b$$", "a$b$" }, { "$$host", "$host" },
		{ "$rest.", "." },    { "x${host}", "x{host}" },
		{ "$nothing", "" },   { "$", "" },
		{ "$hosts", "" },     { "$host-$request_id", "h.org-7" },
	};
	const struct slice values[TEMPLATE_N] = {
		[TEMPLATE_HOST] = SLICE("h.org"),
		[TEMPLATE_PATH] = SLICE("/a"),
		[TEMPLATE_REQUEST_ID] = SLICE("7"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct slice text = slice_of(cases[i].text);
		char out[64];
		size_t n = (size_t)(template_put(out, text, values) - out);

		assert_int_equal(n, template_size(text, values));
		out[n] = '\0';
		assert_string_equal(out, cases[i].made);
	}
	assert_int_equal(template_names(SLICE("$host$$x$rest")),
			 1u << TEMPLATE_HOST | 1u << TEMPLATE_REST);
	assert_true(template_names(SLICE("$hosts")) & 1u << TEMPLATE_N);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_targets),
		cmocka_unit_test(bad_targets),
		cmocka_unit_test(templates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
