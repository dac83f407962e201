/* json: RFC 8259 and nothing besides, within bounds, no name twice. */

#include "lib/json.h"

#include "lib/buf.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define DEPTH 4

static int
parse(struct slice text, struct json **out)
{
	char *copy = xmalloc(text.n ? text.n : 1);
	int r;

	memcpy(copy, text.p, text.n);
	*out = NULL;
	r = json_parse(slice_make(copy, text.n), 100000, DEPTH, out);
	free(copy);
	return r;
}

static void
test_good(void **state)
{
	static const struct {
		const char *text;
		enum json_kind kind;
	} cases[] = {
		{ "null", JSON_NULL },
		{ "true", JSON_TRUE },
		{ "false", JSON_FALSE },
		{ "0", JSON_NUMBER },
		{ "-0", JSON_NUMBER },
		{ "-12.5e+3", JSON_NUMBER },
		{ "1E9", JSON_NUMBER },
		{ "0.1", JSON_NUMBER },
		{ "1e999", JSON_NUMBER },
		{ "\"\"", JSON_STRING },
		{ "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e4\\uD83D\\uDE00\"", JSON_STRING },
		{ "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\x7f\"", JSON_STRING },
		{ " \t\r\n[ ] \t\r\n", JSON_ARRAY },
		{ "[1,2 , 3]", JSON_ARRAY },
		{ "{}", JSON_OBJECT },
		{ "{ \"a\" : 1 , \"A\" : 2 }", JSON_OBJECT },
		{ "[[[[]]]]", JSON_ARRAY },
		{ "{\"a\":{\"a\":{\"a\":{}}}}", JSON_OBJECT },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct json *root;

		if (parse(slice_of(cases[i].text), &root) != 0)
			fail_msg("refused: %s", cases[i].text);
		assert_int_equal(json_kind(root), cases[i].kind);
		json_free(root);
	}
}

static void
test_bad(void **state)
{
	static const char *const cases[] = {
		"",
		" ",
		"nul",
		"nulll",
		"True",
		"NaN",
		"Infinity",
		"-Infinity",
		"undefined",
		/* numbers */
		"01",
		"-01",
		"+1",
		"1.",
		".5",
		"1e",
		"1e+",
		"-",
		"--1",
		"0x10",
		"1_000",
		"1,5",
		"1 2",
		"1111111111111111111111111111111111111111111111111111111111111111111111",
		/* strings */
		"\"",
		"\"a",
		"'a'",
		"\"\\\"",
		"\"\\x41\"",
		"\"\\a\"",
		"\"\\u\"",
		"\"\\u12\"",
		"\"\\u12g4\"",
		"\"\n\"",
		"\"\t\"",
		"\"\x01\"",
		"\"\\\n\"",
		"\"\\u0000\"",
		"\"admin\\u0000x\"",
		"{\"sub\\u0000\":1}",
		"\"\\ud800\"",
		"\"\\ud800x\"",
		"\"\\ud800\\n\"",
		"\"\\ud800\\u0041\"",
		"\"\\udc00\"",
		"\"\\ud800\\ud800\"",
		"\"\xff\"",
		"\"\xc3\"",
		"\"\xc0\xaf\"",
		"\"\xe0\x80\xaf\"",
		"\"\xed\xa0\x80\"",
		"\"\xf4\x90\x80\x80\"",
		"\"\xf8\x88\x80\x80\x80\"",
		"\"\x80\"",
		"\"\xe2\x82\"",
		"\"\xf0\x80\x80\x80\"",
		/* structure */
		"[",
		"]",
		"[1",
		"[1,",
		"[1,]",
		"[,1]",
		"[1 2]",
		"{",
		"}",
		"{\"a\"}",
		"{\"a\":}",
		"{\"a\":1,}",
		"{,}",
		"{a:1}",
		"{1:1}",
		"{\"a\" 1}",
		"{\"a\":1 \"b\":2}",
		"{\"a\":1;}",
		"[1}",
		"{\"a\":1]",
		/* something behind, or before */
		"{} x",
		"{}{}",
		"1 1",
		"{},",
		"// c\n1",
		"1 /* c */",
		"\xef\xbb\xbf{}",
		"\x0b{}",
		"{}\x0c",
		"\xc2\xa0{}",
		/* too deep */
		"[[[[[]]]]]",
		"{\"a\":{\"a\":{\"a\":{\"a\":{}}}}}",
		/* a name twice */
		"{\"a\":1,\"a\":2}",
		"{\"a\":1,\"b\":1,\"a\":1}",
		"{\"a\":1,\"\\u0061\":2}",
		"[{\"a\":{\"x\":1,\"x\":2}}]",
		"{\"\":1,\"\":2}",
		"{\"a\":[{\"b\":1,\"b\":1}]}",
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct json *root;

		if (parse(slice_of(cases[i]), &root) != -EINVAL)
			fail_msg("not refused: %s", cases[i]);
		assert_null(root);
	}
}

static void
test_a_nul_ends_nothing(void **state)
{
	struct json *root;

	assert_int_equal(parse(SLICE("{}\0"), &root), -EINVAL);
	assert_int_equal(parse(SLICE("\"a\0b\""), &root), -EINVAL);
	assert_int_equal(parse(SLICE("1\0"), &root), -EINVAL);
}

static void
test_bounds(void **state)
{
	struct json *root = NULL;
	BUF_CLEAN struct buf deep = { 0 };

	assert_int_equal(json_parse(SLICE("[1,2]"), 4, 1, &root), -E2BIG);
	assert_int_equal(json_parse(SLICE("[1,2]"), 5, 1, &root), 0);
	json_free(root);
	assert_int_equal(json_parse(SLICE("1"), 5, 0, &root), 0);
	json_free(root);
	assert_int_equal(json_parse(SLICE("[]"), 5, 0, &root), -EINVAL);
	for (int i = 0; i < JSON_DEPTH_MAX; i++)
		buf_addc(&deep, '[');
	for (int i = 0; i < JSON_DEPTH_MAX; i++)
		buf_addc(&deep, ']');
	assert_int_equal(json_parse(buf_slice(&deep), 1000, 1000, &root), 0);
	json_free(root);
	deep.n = 0;
	for (int i = 0; i < 100000; i++)
		buf_addc(&deep, '[');
	assert_int_equal(json_parse(buf_slice(&deep), 1000000, 1000000, &root), -EINVAL);
}

/* Many names take the other way of looking for twins. */
static void
test_many_names(void **state)
{
	for (int twin = 0; twin < 2; twin++) {
		BUF_CLEAN struct buf text = { 0 };
		struct json *root;

		buf_addc(&text, '{');
		for (int i = 0; i < 1000; i++)
			buf_addf(&text, "%s\"n%d\":%d", i ? "," : "", (i * 7) % 1000, i);
		if (twin)
			buf_addf(&text, ",\"n500\":0");
		buf_addc(&text, '}');
		assert_int_equal(parse(buf_slice(&text), &root), twin ? -EINVAL : 0);
		json_free(root);
	}
}

static void
test_reading(void **state)
{
	struct json *root;
	const struct json *v;
	double d = -1;

	assert_int_equal(
	    parse(
		SLICE("{\"s\":\"x\\u00e4\",\"S\":2,\"n\":1.5,\"big\":1e999,\"a\":[\"p\",7,null]}"),
		&root),
	    0);
	assert_true(slice_eq(json_text(json_get(root, "s")), SLICE("x\xc3\xa4")));
	assert_null(json_text(json_get(root, "S")).p); /* another member: case counts */
	assert_true(json_number(json_get(root, "S"), &d) && d == 2);
	assert_true(json_number(json_get(root, "n"), &d) && d == 1.5);
	assert_false(json_number(json_get(root, "big"), &d)); /* not finite */
	assert_false(json_number(json_get(root, "s"), &d));
	assert_null(json_get(root, "N"));
	assert_null(json_get(json_get(root, "a"), "p"));
	assert_null(json_get(NULL, "s"));
	assert_null(json_text(NULL).p);
	assert_false(json_number(NULL, &d));
	assert_null(json_first(NULL));
	v = json_first(json_get(root, "a"));
	assert_true(slice_eq(json_text(v), SLICE("p")));
	assert_null(json_name(v).p);
	v = json_next(v);
	assert_true(json_number(v, &d) && d == 7);
	v = json_next(v);
	assert_int_equal(json_kind(v), JSON_NULL);
	assert_null(json_next(v));
	assert_true(slice_eq(json_name(json_first(root)), SLICE("s")));
	json_free(root);
	json_free(NULL);
}

static void
test_what_a_terminal_obeys_is_escaped(void **state)
{
	struct buf out BUF_CLEAN = { 0 };

	(void)state;
	buf_add_json(&out, SLICE("\033\x7f\xc2\x80\xc2\x9b\xc2\xa0\xc3\x9b\xe2\x82\x9b"));
	assert_true(slice_eq(buf_slice(&out), SLICE("\"\\u001b\\u007f\\u0080\\u009b\xc2\xa0\xc3\x9b"
						    "\xe2\x82\x9b\"")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_a_nul_ends_nothing),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_many_names),
		cmocka_unit_test(test_reading),
		cmocka_unit_test(test_what_a_terminal_obeys_is_escaped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
