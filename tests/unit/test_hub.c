/* worker/hub_query and hub_reply: what is read, what is sent, what is said; lib/json_raw. */

#include "lib/json_raw.h"
#include "worker/hub_query.h"
#include "worker/hub_reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void
test_members(void **state)
{
	struct slice rest =
	    SLICE(" { \"a\" : 1e5 ,\"b\\\"}\":\"x\\\"},\" , \"\\u0063\":{\"d\":[{},\"]\"]},"
		  "\"e\":[],\"f\":null } ");
	static const char *const names[] = { "a", "b\"}", "c", "e", "f" };
	static const char *const values[] = { "1e5", "\"x\\\"},\"", "{\"d\":[{},\"]\"]}", "[]",
					      "null" };
	struct slice name, value;

	for (size_t i = 0; i < 5; i++) {
		assert_true(json_raw_next(&rest, &name, &value));
		assert_true(json_raw_is(name, names[i]));
		assert_false(json_raw_is(name, "x"));
		assert_true(slice_eq(value, slice_of(values[i])));
	}
	assert_false(json_raw_next(&rest, &name, &value));
}

static void
test_no_members(void **state)
{
	static const char *const cases[] = { "",        " ",         "{}",       "{ }",
					     "[1]",     "null",      "\"a\"",    "7",
					     "{",       "{\"",       "{\"a",     "{\"a\"",
					     "{\"a\":", "{\"a\":\"", "{\"a\":{", "{\"a\\" };

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct slice rest = slice_of(cases[i]), name, value;

		assert_false(json_raw_next(&rest, &name, &value));
	}
}

static void
test_written(void **state)
{
	static const struct {
		const char *page, *request;
	} cases[] = {
		{ "{\"query\":{\"method\":\"GET\",\"url\":\"https://a.example\"}}",
		  "GET / HTTP/1.1\r\nHost: a.example\r\nUser-Agent: yett/1\r\nAccept: */*\r\n"
		  "Accept-Encoding: identity\r\nAuthorization: Bearer T\r\nX-Request-Id: i\r\n"
		  "Connection: close\r\n\r\n" },
		{ "{\"query\":{\"method\":\"POST\",\"url\":\"https://A.example:443/x#y\","
		  "\"headers\":{\"accept\":\"  a/b \",\"cookie\":\"c\",\"X-A\":\"\"},\"data\":{ "
		  "}}}",
		  "POST /x HTTP/1.1\r\nHost: a.example\r\naccept: a/b\r\nX-A: \r\n"
		  "User-Agent: yett/1\r\nContent-Type: application/json\r\n"
		  "Accept-Encoding: identity\r\nAuthorization: Bearer T\r\nContent-Length: 3\r\n"
		  "X-Request-Id: i\r\nConnection: close\r\n\r\n{ }" },
		{ "{\"query\":{\"method\":\"put\",\"url\":\"http://[::1]:81?q\",\"data\":null}}",
		  "PUT /?q HTTP/1.1\r\nHost: [::1]:81\r\nUser-Agent: yett/1\r\nAccept: */*\r\n"
		  "Accept-Encoding: identity\r\nAuthorization: Bearer T\r\nContent-Length: 0\r\n"
		  "X-Request-Id: i\r\nConnection: close\r\n\r\n" },
	};
	const struct hub_sender sender = { .token = SLICE("T"), .id = SLICE("i"), .version = "1" };

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct buf BUF_CLEAN whole = { 0 };
		struct hub_query q = { 0 };

		assert_null(hub_query_read(&q, slice_of(cases[i].page)));
		assert_true(hub_query_url(&q));
		assert_null(hub_query_check(&q));
		hub_query_write(&q, &sender, &whole);
		buf_addc(&whole, '\0');
		assert_string_equal(whole.p, cases[i].request);
		hub_query_deinit(&q);
	}
}

static void
test_said(void **state)
{
	struct buf BUF_CLEAN text = { 0 };

	assert_true(
	    hub_reply_answer(200, SLICE("O\xc3K\""),
			     SLICE("Content-Type: x;charset=latin1\r\nA: 1\r\nB:\r\na: \xe4\r\n"),
			     SLICE("\xe4\n\x80\x7f/"), &text));
	buf_addc(&text, '\0');
	assert_string_equal(
	    text.p, "{\"status_code\": 200, \"reason\": \"OK\\\"\", \"headers\": "
		    "{\"content-type\": \"x;charset=latin1\", \"a\": \"1, \\u00e4\", \"b\": \"\"}, "
		    "\"content\": \"\\u00e4\\n\\u0080\\u007f/\"}");
	text.n = 0;
	hub_reply_me(SLICE("\xf0\x9f\x98\x80"), (struct slice){ NULL, 0 }, SLICE(""), &text);
	buf_addc(&text, '\0');
	assert_string_equal(
	    text.p, "{\"sub\": \"\\ud83d\\ude00\", \"preferred_username\": null, \"name\": \"\"}");
	assert_true(hub_reply_is_coded(SLICE("content-encoding: gzip\r\n")));
	assert_false(hub_reply_is_coded(SLICE("Content-Encoding: identity\r\n")));
	assert_false(hub_reply_is_coded(SLICE("")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_no_members),
		cmocka_unit_test(test_written),
		cmocka_unit_test(test_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
