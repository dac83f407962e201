/* Location and Set-Cookie of an upstream, changed back to what the client sees. */

#include "worker/back.h"

#include "lib/xalloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static struct back
back(const char *upstream, const char *client)
{
	return (struct back){
		.upstream_prefix = slice_of(upstream),
		.client_prefix = slice_of(client),
		.hosts = { SLICE("10.0.0.1:80"), SLICE("inside.org"), SLICE("Test.org:8080") },
		.scheme = SLICE("https"),
		.host = SLICE("Test.org:8080"),
	};
}

/* In room of the size that is promised, so that an overrun is seen. */
static void
assert_location(const struct back *b, const char *value, const char *made)
{
	char *room = xmalloc(strlen(value) + back_room(b));
	size_t n = (size_t)(back_location(room, b, slice_of(value)) - room);

	if (!slice_eq(slice_make(room, n), slice_of(made)))
		fail_msg("%s: %.*s, not %s", value, (int)n, room, made);
	free(room);
}

static void
locations(void **state)
{
	static const struct {
		const char *upstream, *client, *value, *made;
	} cases[] = {
		/* The prefix was taken off. */
		{ "", "/users", "/login?a#b", "/users/login?a#b" },
		{ "", "/users", "/", "/users/" },
		{ "", "/users", "/users/x", "/users/x" }, /* it knows */
		{ "", "/users", "/usersx", "/users/usersx" },
		{ "", "/users", "http://10.0.0.1/x", "https://Test.org:8080/users/x" },
		{ "", "/users", "http://10.0.0.1:80", "https://Test.org:8080/users" },
		{ "", "/users", "HTTP://INSIDE.org/x", "https://Test.org:8080/users/x" },
		{ "", "/users", "http://test.org:8080/x", "http://test.org:8080/users/x" },
		{ "", "/users", "https://test.org:8080?x", "https://test.org:8080/users?x" },
		{ "", "/users", "http://other.org/x", "http://other.org/x" },
		{ "", "/users", "http://inside.org.evil.net/x", "http://inside.org.evil.net/x" },
		{ "", "/users", "//inside.org/x", "//inside.org/x" },
		{ "", "/users", "x/y", "x/y" },
		{ "", "/users", "?x", "?x" },
		{ "", "/users", "", "" },
		{ "", "/users", "mailto:a@b", "mailto:a@b" },
		/* It was replaced. */
		{ "/v2", "/users", "/v2/x", "/users/x" },
		{ "/v2", "/users", "/v2", "/users" },
		{ "/v2", "/users", "/v2?x", "/users?x" },
		{ "/v2", "/users", "/v20", "/v20" },
		{ "/v2", "/users", "/x", "/x" },
		{ "/v2", "/users", "http://10.0.0.1/v2/x", "https://Test.org:8080/users/x" },
		/* One was put before it. */
		{ "/v2", "", "/v2/x", "/x" },
		{ "/v2", "", "/v2", "/" },
		{ "/v2", "", "/v2?x", "/?x" },
		{ "/v2", "", "http://10.0.0.1/v2", "https://Test.org:8080/" },
		/* What is left must not lead to another host. */
		{ "/v2", "", "/v2//evil.org", "https://Test.org:8080//evil.org" },
		{ "/v2", "", "/v2/\\evil.org", "https://Test.org:8080/\\evil.org" },
		{ "/v2", "", "http://10.0.0.1/v2//evil.org", "https://Test.org:8080//evil.org" },
		/* The Host alone was changed. */
		{ "", "", "http://inside.org/x", "https://Test.org:8080/x" },
		{ "", "", "/x", "/x" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct back b = back(cases[i].upstream, cases[i].client);

		assert_location(&b, cases[i].value, cases[i].made);
	}
}

static void
without_a_host(void **state)
{
	struct back b = back("/v2", "");

	(void)state;
	b.host = b.hosts[2] = SLICE("");
	assert_location(&b, "/v2/x", "/x");
	assert_location(&b, "http://10.0.0.1/v2/x", "http://10.0.0.1/v2/x");
	assert_location(&b, "/v2//evil.org", "/v2//evil.org");
}

static void
cookies(void **state)
{
	static const struct {
		const char *upstream, *client, *value, *made;
		bool domain;
	} cases[] = {
		{ "", "/users", "a=b", "a=b", false },
		{ "", "/users", "a=b; Path=/", "a=b; Path=/users", false },
		{ "", "/users", "a=b;path = /x ;Secure", "a=b; Path=/users/x;Secure", false },
		{ "", "/users", "a=b; Path=/users", "a=b; Path=/users", false },
		{ "", "/users", "Path=/; Path=/x", "Path=/; Path=/users/x", false },
		{ "", "/users", "a=b;Path=/;Path=/;Path=/", "a=b;Path=/;Path=/;Path=/", false },
		{ "", "/users", "a=b; Path=; Path", "a=b; Path=; Path", false },
		{ "", "/users", "__Host-a=b; Secure; Path=/", "__Host-a=b; Secure; Path=/", false },
		{ "/v2", "/users", "a=b; Path=/v2/", "a=b; Path=/users", false },
		{ "/v2", "/users", "a=b; Path=/x", "a=b; Path=/x", false },
		{ "/v2", "", "a=b; Path=/v2", "a=b; Path=/", false },
		{ "", "/users", "a=b; Domain=x.org; Path=/", "a=b; Domain=x.org; Path=/users",
		  false },
		{ "", "/users", "a=b; domain=x.org; Path=/;Secure", "a=b; Path=/users;Secure",
		  true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct back b = back(cases[i].upstream, cases[i].client);
		struct slice value = slice_of(cases[i].value);
		char *room = xmalloc(value.n + back_room(&b));
		size_t n = (size_t)(back_cookie(room, &b, value, cases[i].domain) - room);

		if (!slice_eq(slice_make(room, n), slice_of(cases[i].made)))
			fail_msg("%s: %.*s", cases[i].value, (int)n, room);
		free(room);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(locations),
		cmocka_unit_test(without_a_host),
		cmocka_unit_test(cookies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
