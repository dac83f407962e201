/* Operations on the JSON of bodies, and the pointers that they follow. */

#include "worker/translation.h"

#include "lib/json_pointer.h"
#include "lib/xalloc.h"
#include "translation_rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MAX 4096
#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define PICK(pointers)                                                                             \
	{                                                                                          \
		OPERATION_PICK, pointers                                                           \
	}
#define DROP(pointers)                                                                             \
	{                                                                                          \
		OPERATION_DROP, pointers                                                           \
	}
#define MOVE(from, where)                                                                          \
	{                                                                                          \
		OPERATION_RENAME, from, .to = where                                                \
	}
#define NAME(from, where)                                                                          \
	{                                                                                          \
		OPERATION_RENAME, from, .to = where, .flags = OPERATION_BESIDE                     \
	}
#define FLATTEN(pointer)                                                                           \
	{                                                                                          \
		OPERATION_FLATTEN, pointer                                                         \
	}
#define WRAP(pointer)                                                                              \
	{                                                                                          \
		OPERATION_WRAP, pointer                                                            \
	}
#define DEFAULT(pointer, json)                                                                     \
	{                                                                                          \
		OPERATION_DEFAULT, pointer, .value = json                                          \
	}
#define OPTIONAL(how, pointer, where)                                                              \
	{                                                                                          \
		OPERATION_##how, pointer, .to = where, .flags = OPERATION_OPTIONAL                 \
	}

/* In memory of its own size, so that an overrun is seen. */
static enum translation_outcome
run(const struct rule *rules, size_t count, struct slice in, size_t max, struct buf *out,
    struct buf *fault)
{
	struct segment *s = translation_rules(rules, count);
	char *copy = xmalloc(in.n + !in.n);
	enum translation_outcome outcome;

	memcpy(copy, in.p, in.n);
	outcome = translation_run(s, 0, (uint32_t)count, slice_make(copy, in.n), max, out, fault);
	free(copy);
	seg_unref(s);
	return outcome;
}

/* `out`: what comes of it; or, with an '!' before it, the pointer that fails. */
struct row {
	struct rule rules[3];
	const char *in, *out;
};

static void
check(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct buf BUF_CLEAN out = { 0 };
		struct buf BUF_CLEAN fault = { 0 };
		bool bad = rows[i].out[0] == '!';
		size_t n = 0;

		while (n < COUNT(rows[i].rules) && rows[i].rules[n].pointers)
			n++;
		if (run(rows[i].rules, n, slice_of(rows[i].in), MAX, &out, &fault) !=
			(bad ? TRANSLATION_POINTER : TRANSLATION_OK) ||
		    !slice_eq(buf_slice(bad ? &fault : &out), slice_of(rows[i].out + bad)))
			fail_msg("%zu: %s: %.*s!%.*s, not %s", i, rows[i].in, SLICE_F(out),
				 SLICE_F(fault), rows[i].out);
	}
}

static void
picks(void **state)
{
	static const struct row rows[] = {
		{ { PICK("/a") }, "{\"a\":1,\"b\":2}", "{\"a\":1}" },
		{ { PICK("/b /a") }, "{\"a\":1,\"b\":2,\"c\":3}", "{\"a\":1,\"b\":2}" },
		{ { PICK("/o/n /i") },
		  "{\"i\":1,\"o\":{\"n\":2,\"m\":3},\"x\":{}}",
		  "{\"i\":1,\"o\":{\"n\":2}}" },
		{ { PICK("/l/*/a") },
		  "{\"l\":[{\"a\":1,\"b\":2},{\"b\":3},5],\"t\":9}",
		  "{\"l\":[{\"a\":1},{}]}" },
		{ { PICK("/0 /2") }, "[1,2,3]", "[1,3]" },
		{ { PICK("/*/id") }, "{\"p\":{\"id\":1,\"x\":2}}", "{\"p\":{\"id\":1}}" },
		{ { PICK("/none") }, "{\"a\":1}", "{}" },
		{ { PICK("/a /a/b") }, "{\"a\":{\"b\":1,\"c\":2}}", "{\"a\":{\"b\":1,\"c\":2}}" },
		{ { PICK("/a/b") }, "{\"a\":5}", "{}" },
		{ { PICK("/a") }, "5", "!/a" },
		{ { OPTIONAL(PICK, "/a", NULL) }, "5", "5" },
		{ { PICK("/00 /-1 /-") }, "[1,2]", "[]" },
	};

	check(rows, COUNT(rows));
}

static void
drops(void **state)
{
	static const struct row rows[] = {
		{ { DROP("/a") }, "{\"a\":1,\"b\":2}", "{\"b\":2}" },
		{ { DROP("/x /a/b") }, "{\"a\":{\"b\":[1]}}", "{\"a\":{}}" },
		{ { DROP("/l/*/a") }, "{\"l\":[{\"a\":1,\"b\":2},7]}", "{\"l\":[{\"b\":2},7]}" },
		{ { DROP("/l/*") }, "{\"l\":[1,2,3]}", "{\"l\":[]}" },
		{ { DROP("/l/1") }, "{\"l\":[1,2,3]}", "{\"l\":[1,3]}" },
		{ { DROP("/0 /0") }, "[1,2,3]", "[3]" },
		{ { DROP("/a~1b /c~0d /~01") },
		  "{\"a/b\":1,\"c~d\":2,\"~1\":3,\"/\":4}",
		  "{\"/\":4}" },
		{ { DROP("/A") }, "{\"a\":1}", "{\"a\":1}" },
		{ { DROP("/") }, "{\"\":1,\"a\":2}", "{\"a\":2}" },
		{ { DROP("/\xc3\xa4") }, "{\"\\u00e4\":1,\"b\":2}", "{\"b\":2}" },
		{ { DROP("/a/b/c") }, "[]", "[]" },
	};

	check(rows, COUNT(rows));
}

static void
renames(void **state)
{
	static const struct row rows[] = {
		{ { NAME("/a", "/b") }, "{\"a\":1,\"c\":2}", "{\"b\":1,\"c\":2}" },
		{ { NAME("/l/*/a", "/l/*/b") },
		  "{\"l\":[{\"a\":1},{\"a\":2}]}",
		  "{\"l\":[{\"b\":1},{\"b\":2}]}" },
		{ { NAME("/l/*/a", "/l/*/b") }, "{\"l\":[{\"a\":1},{}]}", "!/l/1/a" },
		{ { NAME("/l/*/a", "/l/*/b") },
		  "{\"l\":[{\"a\":1},{\"a\":1,\"b\":2}]}",
		  "!/l/1/b" },
		{ { NAME("/m/*/a", "/m/*/b") }, "{\"m\":{\"secret\":{}}}", "!/m/*/a" },
		{ { NAME("/m/*/a", "/m/*/b") }, "{\"m\":5}", "!/m/*/a" },
		{ { NAME("/m/*/a", "/m/*/b") }, "{\"m\":[]}", "{\"m\":[]}" },
		{ { NAME("/a", "/b~1~0c") }, "{\"a\":1}", "{\"b/~c\":1}" },
		{ { NAME("/a", "/b") }, "{\"b\":1}", "!/a" },
		{ { OPTIONAL(RENAME, "/a", "/b") }, "{\"b\":1}", "{\"b\":1}" },
		{ { NAME("/0", "/1") }, "[1]", "!/0" },
		{ { MOVE("/a", "/m/n") }, "{\"a\":1,\"c\":2}", "{\"c\":2,\"m\":{\"n\":1}}" },
		{ { MOVE("/m/a", "/a") }, "{\"m\":{\"a\":1}}", "{\"m\":{},\"a\":1}" },
		{ { MOVE("/a", "/a/b") }, "{\"a\":1}", "{\"a\":{\"b\":1}}" },
		{ { MOVE("/a", "/b/c") }, "{\"a\":1,\"b\":2}", "!/b/c" },
		{ { MOVE("/a", "/b/0") }, "{\"a\":1,\"b\":[]}", "!/b/0" },
		{ { MOVE("/m/a", "/a") }, "{\"m\":{\"a\":1},\"a\":2}", "!/a" },
		{ { MOVE("/data", "") }, "{\"data\":[1],\"x\":2}", "[1]" },
		{ { MOVE("/l/0", "") }, "{\"l\":[{\"a\":1}]}", "{\"a\":1}" },
		{ { MOVE("/*", "") }, "{\"a\":1}", "!/*" },
		{ { MOVE("/*/a", "") }, "[{\"a\":1},{\"a\":2}]", "!/*/a" },
		{ { MOVE("/data", ""), NAME("/a", "/b") }, "{\"data\":{\"a\":1}}", "{\"b\":1}" },
	};

	check(rows, COUNT(rows));
}

static void
others(void **state)
{
	static const struct row rows[] = {
		{ { FLATTEN("/d") },
		  "{\"d\":{\"a\":1,\"d\":2},\"c\":3}",
		  "{\"c\":3,\"a\":1,\"d\":2}" },
		{ { FLATTEN("/l/*/d") }, "{\"l\":[{\"d\":{\"a\":1}}]}", "{\"l\":[{\"a\":1}]}" },
		{ { FLATTEN("/d") }, "{\"d\":{\"c\":1},\"c\":3}", "!/d" },
		{ { FLATTEN("/d") }, "{\"d\":[1]}", "!/d" },
		{ { FLATTEN("/d") }, "{}", "!/d" },
		{ { FLATTEN("/0") }, "[{\"a\":1}]", "!/0" },
		{ { OPTIONAL(FLATTEN, "/d", NULL) }, "{}", "{}" },
		{ { WRAP("/p") }, "[1]", "{\"p\":[1]}" },
		{ { WRAP("/a/b~1") }, "1", "{\"a\":{\"b/\":1}}" },
		{ { DEFAULT("/v", "\"x\"") }, "{\"a\":1}", "{\"a\":1,\"v\":\"x\"}" },
		{ { DEFAULT("/v", "1") }, "{\"v\":null}", "{\"v\":null}" },
		{ { DEFAULT("/m/n/v", "{\"k\":[1e400]}") },
		  "{}",
		  "{\"m\":{\"n\":{\"v\":{\"k\":[1e400]}}}}" },
		{ { DEFAULT("/l/*/v", "0") },
		  "{\"l\":[{},{\"v\":1}]}",
		  "{\"l\":[{\"v\":0},{\"v\":1}]}" },
		{ { DEFAULT("/l/*/v", "0") }, "{\"l\":[{},7]}", "!/l/1/v" },
		{ { DEFAULT("/a/b", "0") }, "{\"a\":1}", "!/a/b" },
		{ { DEFAULT("/0", "0") }, "[]", "!/0" },
		{ { DROP("/debug"), NAME("/name", "/title"), WRAP("/project") },
		  "{\"name\":\"n\",\"debug\":true}",
		  "{\"project\":{\"title\":\"n\"}}" },
	};

	check(rows, COUNT(rows));
}

/* What is not touched is what it was: numbers to the digit, texts to the character. */
static void
values(void **state)
{
	static const char *const texts[] = {
		"[9007199254740993,1e400,-0,0.10,1E+2,-12345678901234567890.123456789e-5]",
		"[\"\\\"7\\\\\",8,\"-9\",{\"10\":11}]",
		"\"\xf0\x9f\x98\x80 \xc3\xa4\"",
		"123456789012345678901234567890",
		"[[],{},null,true,false,\"\"]",
	};
	static const struct row row = { { { .pointers = NULL } },
					" { \"\\u00e4\\/\" : [ 1.0 ] } ",
					"{\"\xc3\xa4/\":[1.0]}" };

	for (size_t i = 0; i < COUNT(texts); i++)
		check(&(struct row){ .in = texts[i], .out = texts[i] }, 1);
	check(&row, 1);
}

static void
no_json(void **state)
{
	static const char *const texts[] = {
		"",
		" ",
		"{",
		"{\"a\":1,\"a\":2}",
		"nul",
		"[1,]",
		"\"\\u0000\"",
		"\"\xff\"",
		"1 2",
		"{\"\\u0061\":1,\"a\":2}",
		"NaN",
		"01",
	};
	struct buf BUF_CLEAN deep = { 0 };
	struct buf BUF_CLEAN out = { 0 };
	struct buf BUF_CLEAN fault = { 0 };

	for (size_t i = 0; i < COUNT(texts); i++)
		assert_int_equal(run(NULL, 0, slice_of(texts[i]), MAX, &out, &fault),
				 TRANSLATION_NO_JSON);
	for (int i = 0; i < 65; i++)
		buf_addc(&deep, '[');
	for (int i = 0; i < 65; i++)
		buf_addc(&deep, ']');
	assert_int_equal(run(NULL, 0, buf_slice(&deep), MAX, &out, &fault), TRANSLATION_NO_JSON);
	assert_int_equal(run(NULL, 0, slice_make(deep.p + 1, deep.n - 2), MAX, &out, &fault),
			 TRANSLATION_OK);
}

/* Neither what comes nor what becomes of it. */
static void
sizes(void **state)
{
	static const struct rule many[] = { DEFAULT("/*/v", "\"0123456789\"") };
	static const struct rule made[] = { DEFAULT("/*/a/b/c/d", "1") };
	struct slice three = SLICE("[{},{},{}]");
	struct buf BUF_CLEAN out = { 0 };
	struct buf BUF_CLEAN fault = { 0 };

	assert_int_equal(run(NULL, 0, SLICE("[1,2]"), 4, &out, &fault), TRANSLATION_LARGE);
	assert_int_equal(run(NULL, 0, SLICE("[1,2]"), 5, &out, &fault), TRANSLATION_OK);
	assert_int_equal(run(many, 1, three, 40, &out, &fault), TRANSLATION_LARGE);
	assert_int_equal(run(made, 1, three, 40, &out, &fault), TRANSLATION_LARGE);
	out.n = 0;
	assert_int_equal(run(many, 1, three, 58, &out, &fault), TRANSLATION_OK);
	assert_int_equal(out.n, 58);
}

/* An object of many members costs no square of them. */
static void
many_members(void **state)
{
	static const struct rule rules[] = { FLATTEN("/d"), NAME("/m7", "/x") };
	struct buf BUF_CLEAN in = { 0 };
	struct buf BUF_CLEAN out = { 0 };
	struct buf BUF_CLEAN fault = { 0 };

	buf_adds(&in, SLICE("{\"d\":{\"x7\":0"));
	for (int i = 0; i < 20000; i++)
		buf_addf(&in, ",\"m%d\":%d", i, i);
	buf_adds(&in, SLICE("},\"e\":1}"));
	assert_int_equal(run(rules, 2, buf_slice(&in), 1 << 20, &out, &fault), TRANSLATION_OK);
	assert_int_equal(out.n, in.n - 7);
}

static void
pointers(void **state)
{
	static const struct {
		const char *pointer;
		bool good;
	} cases[] = {
		{ "", true },    { "/", true },     { "/a/b", true },
		{ "//", true },  { "/~0~1", true }, { "a", false },
		{ "/~", false }, { "/~2", false },  { "/a~/b", false },
	};
	struct buf BUF_CLEAN deep = { 0 };

	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(json_pointer_fault(slice_of(cases[i].pointer)) == NULL,
				 cases[i].good);
	for (int i = 0; i < JSON_POINTER_DEPTH; i++)
		buf_adds(&deep, SLICE("/a"));
	assert_null(json_pointer_fault(buf_slice(&deep)));
	buf_addc(&deep, '/');
	assert_non_null(json_pointer_fault(buf_slice(&deep)));
	assert_true(json_pointer_beside(SLICE("/a/b"), SLICE("/a/c")));
	assert_true(json_pointer_beside(SLICE("/a"), SLICE("/c")));
	assert_false(json_pointer_beside(SLICE("/a/b"), SLICE("/b")));
	assert_false(json_pointer_beside(SLICE("/a"), SLICE("")));
	assert_int_equal(json_pointer_index(SLICE("10")), 10);
	assert_int_equal(json_pointer_index(SLICE("0")), 0);
	assert_true(json_pointer_index(SLICE("01")) == SIZE_MAX);
	assert_true(json_pointer_index(SLICE("")) == SIZE_MAX);
	assert_true(json_pointer_index(SLICE("1000000000")) == SIZE_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(picks),    cmocka_unit_test(drops),
		cmocka_unit_test(renames),  cmocka_unit_test(others),
		cmocka_unit_test(values),   cmocka_unit_test(no_json),
		cmocka_unit_test(sizes),    cmocka_unit_test(many_members),
		cmocka_unit_test(pointers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
