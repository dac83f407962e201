/* inject_value: credentials in all their forms, and what could not stand in a header. */

#include "worker/inject_value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define LONG 16384

static void
test_forms(void **state)
{
	static const struct {
		enum credential_form form;
		const char *user, *value, *line; /* NULL: it cannot stand there */
	} cases[] = {
		{ CREDENTIAL_PLAIN, "", "abc", "X: abc\r\n" },
		{ CREDENTIAL_PLAIN, "", "a b", "X: a b\r\n" },
		{ CREDENTIAL_PLAIN, "", "{\"a\":~}", "X: {\"a\":~}\r\n" },
		{ CREDENTIAL_BEARER, "", "abc", "X: Bearer abc\r\n" },
		{ CREDENTIAL_BASIC, "oauth2", "abc", "X: Basic b2F1dGgyOmFiYw==\r\n" },
		{ CREDENTIAL_BASIC, "", "abc", "X: Basic OmFiYw==\r\n" },
		{ CREDENTIAL_BASE64, "", "abc", "X: YWJj\r\n" },
		{ CREDENTIAL_BASE64, "", "a\r\nX: b", "X: YQ0KWDogYg==\r\n" },
		{ CREDENTIAL_BASE64, "", "J\xc3\xbcrg", "X: SsO8cmc=\r\n" },
		{ CREDENTIAL_BASIC, "u", "\r\n", "X: Basic dToNCg==\r\n" },
		{ CREDENTIAL_PLAIN, "", "", NULL },
		{ CREDENTIAL_BEARER, "", "", NULL },
		{ CREDENTIAL_BASIC, "u", "", NULL },
		{ CREDENTIAL_BASE64, "", "", NULL },
		{ CREDENTIAL_PLAIN, "", "a\r\nX: b", NULL },
		{ CREDENTIAL_PLAIN, "", "a\nb", NULL },
		{ CREDENTIAL_PLAIN, "", "a\rb", NULL },
		{ CREDENTIAL_PLAIN, "", "a\tb", NULL },
		{ CREDENTIAL_PLAIN, "", "a\x7f", NULL },
		{ CREDENTIAL_PLAIN, "", "J\xc3\xbcrg", NULL },
		{ CREDENTIAL_PLAIN, "", "\x80", NULL },
		{ CREDENTIAL_PLAIN, "", " admin", NULL },
		{ CREDENTIAL_PLAIN, "", "admin ", NULL },
		{ CREDENTIAL_BEARER, "", "a\nb", NULL },
		{ CREDENTIAL_BEARER, "", "\xff", NULL },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct buf BUF_CLEAN out = { 0 };
		bool put = inject_line(&out, SLICE("X"), cases[i].form, slice_of(cases[i].user),
				       slice_of(cases[i].value));

		if (put != (cases[i].line != NULL) || (!put && out.n > 0) ||
		    (put && !slice_eq(buf_slice(&out), slice_of(cases[i].line))))
			fail_msg("%zu: \"%.*s\"", i, SLICE_F(buf_slice(&out)));
	}
}

static void
test_limits(void **state)
{
	struct buf BUF_CLEAN out = { 0 };
	char *value = malloc(LONG + 1);

	assert_non_null(value);
	memset(value, 'x', LONG + 1);
	assert_true(
	    inject_line(&out, SLICE("X"), CREDENTIAL_PLAIN, SLICE(""), slice_make(value, LONG)));
	assert_int_equal(out.n, LONG + 5);
	assert_false(inject_line(&out, SLICE("X"), CREDENTIAL_BASE64, SLICE(""),
				 slice_make(value, LONG + 1)));
	assert_int_equal(out.n, LONG + 5);
	assert_false(
	    inject_line(&out, SLICE("X"), CREDENTIAL_PLAIN, SLICE(""), slice_make("a\0b", 3)));
	assert_true(
	    inject_line(&out, SLICE("X"), CREDENTIAL_BASE64, SLICE(""), slice_make("a\0b", 3)));
	free(value);
}

static void
test_claims(void **state)
{
	static const char text[] =
	    "{\"sub\":\"u1\",\"n\":12, \"t\":true,\"l\":[ \"a\",\"\xc3\xbc\"],\"z\":null,"
	    "\"o\":{\"p\":\"q\"},\"e\":\"\",\"crlf\":\"a\\r\\nb\",\"o.d\":\"dots\","
	    "\"face\":\"\xf0\x9f\x98\x80\"}";
	static const struct {
		const char *path, *value; /* NULL: there is none */
	} cases[] = {
		{ "sub", "u1" },
		{ "n", "12" },
		{ "t", "true" },
		{ "l", "[\"a\",\"\\u00fc\"]" },
		{ "o.p", "q" },
		{ "o.d", "dots" },
		{ "e", "" },
		{ "crlf", "a\r\nb" },
		{ "z", NULL },
		{ "SUB", NULL },
		{ "o.x", NULL },
		{ "", NULL },
		{ "o", "{\"p\":\"q\"}" },
		{ "face", "\xf0\x9f\x98\x80" },
	};
	struct buf BUF_CLEAN all = { 0 };
	struct json *claims;

	assert_int_equal(json_parse(slice_of(text), 4096, 8, &claims), 0);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct buf BUF_CLEAN out = { 0 };
		bool there = inject_claim(claims, slice_of(cases[i].path), &out);

		if (there != (cases[i].value != NULL) ||
		    (there && !slice_eq(buf_slice(&out), slice_of(cases[i].value))))
			fail_msg("%s: \"%.*s\"", cases[i].path, SLICE_F(buf_slice(&out)));
	}
	inject_json(claims, &all);
	for (size_t i = 0; i < all.n; i++)
		assert_true(all.p[i] >= 0x20 && all.p[i] < 0x7f);
	assert_non_null(memmem(all.p, all.n, "\"\\ud83d\\ude00\"", 14));
	assert_non_null(memmem(all.p, all.n, "\"a\\u000d\\u000ab\"", 16));
	json_free(claims);
}

static void
test_git(void **state)
{
	static const struct {
		struct inject_git git;
		const char *json;
	} cases[] = {
		{ { { "https://gitlab.host", 19 }, { "GitLab", 6 }, { "t", 1 }, 1700000000 },
		  "{\"https://gitlab.host\":{\"provider\":\"GitLab\",\"AuthorizationHeader\":"
		  "\"Bearer t\",\"AccessTokenExpiresAt\":1700000000}}" },
		{ { { "https://h:8443", 14 }, { "G \"L\"", 5 }, { "t\"\n", 3 }, INT64_MAX },
		  "{\"https://h:8443\":{\"provider\":\"G \\\"L\\\"\",\"AuthorizationHeader\":"
		  "\"Bearer t\\\"\\u000a\",\"AccessTokenExpiresAt\":-1}}" },
		{ { { "https://h", 9 }, { "Gr\xc3\xbcn", 5 }, { "t", 1 }, 0 },
		  "{\"https://h\":{\"provider\":\"Gr\\u00fcn\",\"AuthorizationHeader\":"
		  "\"Bearer t\",\"AccessTokenExpiresAt\":0}}" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct buf BUF_CLEAN out = { 0 };

		inject_git(&cases[i].git, &out);
		if (!slice_eq(buf_slice(&out), slice_of(cases[i].json)))
			fail_msg("%zu: %.*s", i, SLICE_F(buf_slice(&out)));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_claims),
		cmocka_unit_test(test_git),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
