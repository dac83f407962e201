/* master/change and master/cell: what operations on keys lead to. */

#include "master/cell.h"
#include "master/change.h"
#include "master/delta.h"
#include "master/rules.h"

#include "lib/json.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

struct op {
	char kind; /* s S d D: SET, field SET, DEL, field DEL; 0 ends */
	const char *key, *field, *value;
};

/* Against frontend:a = x and backend:x = {s:1 -> 1, t:1 -> 2, _k -> v}; backend:bad is refused. */
static const struct {
	struct op ops[6];
	int result;
	const char *delta, *why; /* `why`: the beginning */
} cases[] = {
	{ { { 's', "frontend:b", 0, "x" } },
	  0,
	  "[{\"key\":\"frontend:b\",\"before\":null,\"after\":\"x\"}]",
	  "" },
	{ { { 's', "frontend:a", 0, "x" } }, 0, "[]", "" },
	{ { { 'd', "frontend:a", 0, 0 }, { 's', "frontend:a", 0, "x" } }, 0, "[]", "" },
	{ { { 'd', "frontend:a", 0, 0 } },
	  0,
	  "[{\"key\":\"frontend:a\",\"before\":\"x\",\"after\":null}]",
	  "" },
	{ { { 'd', "frontend:none", 0, 0 } }, 0, "[]", "" },
	{ { { 'S', "backend:x", "u:1", "3" }, { 'D', "backend:x", "t:1", 0 } },
	  0,
	  "[{\"key\":\"backend:x\",\"before\":{\"_k\":\"v\",\"s:1\":\"1\",\"t:1\":\"2\"},"
	  "\"after\":{\"_k\":\"v\",\"s:1\":\"1\",\"u:1\":\"3\"}}]",
	  "" },
	{ { { 'D', "backend:x", "s:1", 0 },
	    { 'D', "backend:x", "t:1", 0 },
	    { 'D', "backend:x", "_k", 0 } },
	  0,
	  "[{\"key\":\"backend:x\",\"before\":{\"_k\":\"v\",\"s:1\":\"1\",\"t:1\":\"2\"},"
	  "\"after\":null}]",
	  "" },
	{ { { 'd', "backend:x", 0, 0 }, { 'S', "backend:x", "n:1", "0" } },
	  0,
	  "[{\"key\":\"backend:x\",\"before\":{\"_k\":\"v\",\"s:1\":\"1\",\"t:1\":\"2\"},"
	  "\"after\":{\"n:1\":\"0\"}}]",
	  "" },
	{ { { 'S', "backend:y", "n:1", "0" }, { 'S', "backend:y", "n:1/path", "0" } },
	  -EINVAL,
	  NULL,
	  "backend:y: field \"n:1/path\"" },
	{ { { 'S', "backend:y", "n:1/path", "0" }, { 'D', "backend:y", "n:1/path", 0 } },
	  0,
	  "[]",
	  "" }, /* what counts is what it leads to */
	{ { { 'S', "backend:y", "n:1", "high" } }, -EINVAL, NULL, "backend:y: " },
	{ { { 's', "frontend:c", 0, "x" }, { 's', "frontend:\n", 0, "x" } },
	  -EINVAL,
	  NULL,
	  "frontend:\\x0a: " },
	{ { { 's', "frontend:a", 0, "" } }, -EINVAL, NULL, "frontend:a: its value is no name" },
	{ { { 's', "backend:x", 0, "text" } }, -EINVAL, NULL, "backend:x: it is no hash" },
	{ { { 's', "yett:route:r", 0, "{\"target\":\"h\"}" } },
	  0,
	  "[{\"key\":\"yett:route:r\",\"before\":null,\"after\":\"{\\\"target\\\":\\\"h\\\"}\"}]",
	  "" },
	{ { { 's', "yett:route:r", 0, "{\"target\":\"h\",\"pth\":1}" } },
	  -EINVAL,
	  NULL,
	  "yett:route:r: pth: unknown key; did you mean \"path\"?" },
	{ { { 's', "yett:policy:p", 0, "" } }, -EINVAL, NULL, "yett:policy:p: it is no JSON" },
	{ { { 'S', "yett:policy:p", "a", "b" } }, -EINVAL, NULL, "yett:policy:p: it is no string" },
	{ { { 's', "backend:z", 0, "text" }, { 'S', "backend:z", "n:1", "0" } },
	  -EINVAL,
	  NULL,
	  "backend:z: it is no hash" },
	{ { { 'S', "frontend:a", "n:1", "0" } }, -EINVAL, NULL, "frontend:a: it is no hash" },
	{ { { 's', "session:1", 0, "x" } }, -EINVAL, NULL, "session:1: " },
	{ { { 'd', "backend:bad", 0, 0 } },
	  0,
	  "[{\"key\":\"backend:bad\",\"before\":false,\"after\":null}]",
	  "" },
	{ { { 'S', "backend:bad", "n:1", "0" } },
	  0,
	  "[{\"key\":\"backend:bad\",\"before\":false,\"after\":{\"n:1\":\"0\"}}]",
	  "" },
};

static struct rules *
make_rules(void)
{
	const struct slice fields[] = { SLICE("s:1"), SLICE("1"),  SLICE("t:1"),
					SLICE("2"),   SLICE("_k"), SLICE("v") };
	struct rules *r = rules_new();

	assert_int_equal(rules_set_frontend(r, SLICE("a"), SLICE("x")), 1);
	assert_int_equal(rules_set_backend(r, SLICE("x"), fields, 6), 1);
	assert_int_equal(rules_refuse(r, SLICE("backend:bad"), "it is no hash"), -1);
	return r;
}

static void
add(struct change *c, const struct op *op)
{
	struct slice key = slice_of(op->key), field = slice_of(op->field);
	struct slice value = slice_of(op->value);

	if (op->kind == 's')
		change_set(c, key, value);
	else if (op->kind == 'd')
		change_delete(c, key);
	else if (op->kind == 'S')
		change_set_field(c, key, field, value);
	else
		change_delete_field(c, key, field);
}

static void
drafts(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct rules *rules = make_rules(), *draft = NULL;
		struct change *c = change_new(SLICE("uid:0"), SLICE("a test"));
		struct buf BUF_CLEAN why = { 0 }, delta = { 0 };
		uint64_t generation = rules_generation(rules);

		for (const struct op *op = cases[i].ops; op->kind; op++)
			add(c, op);
		print_message("case %zu\n", i);
		assert_int_equal(change_draft(c, rules, &draft, &why), cases[i].result);
		assert_true(slice_starts(buf_slice(&why), slice_of(cases[i].why)));
		if (draft) {
			delta_write(rules_changes(draft), &delta);
			buf_addc(&delta, '\0');
			assert_string_equal(delta.p, cases[i].delta);
		}
		assert_int_equal(rules_generation(rules), generation);
		rules_free(draft);
		rules_free(rules);
		change_free(c);
	}
}

/* The digest that a change predicts is that of the rules which have it. */
static void
digest_is_foretold(void **state)
{
	struct rules *rules = make_rules(), *draft;
	struct change *c = change_new(SLICE("uid:0"), SLICE("a test"));
	const struct slice left[] = { SLICE("s:1"), SLICE("5"), SLICE("_k"), SLICE("v") };
	char foretold[DIGEST_TEXT], true_one[DIGEST_TEXT];
	struct buf BUF_CLEAN why = { 0 };

	change_set(c, SLICE("frontend:b"), SLICE("y"));
	change_delete(c, SLICE("frontend:a"));
	change_set_field(c, SLICE("backend:x"), SLICE("s:1"), SLICE("5.0"));
	change_delete_field(c, SLICE("backend:x"), SLICE("t:1"));
	assert_int_equal(change_draft(c, rules, &draft, &why), 0);
	rules_digest_behind(rules, rules_changes(draft), foretold);
	rules_set_frontend(rules, SLICE("b"), SLICE("y"));
	rules_delete_frontend(rules, SLICE("a"));
	rules_set_backend(rules, SLICE("x"), left, 4);
	rules_digest(rules, true_one);
	assert_string_equal(foretold, true_one);
	rules_free(draft);
	rules_free(rules);
	change_free(c);
}

static void
cells_are_read_and_written(void **state)
{
	static const struct {
		const char *text;
		bool good;
	} texts[] = {
		{ "null", true },
		{ "\"a\\u00e9\\n\"", true },
		{ "{\"f\":\"v\",\"g\":\"\"}", true },
		{ "[]", false },
		{ "{\"f\":1}", false },
		{ "1", false },
		{ "true", false },
	};

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct cell cell = { 0 }, copy = { 0 };
		struct buf BUF_CLEAN out = { 0 }, once = { 0 };
		struct json *json, *again;

		assert_int_equal(json_parse(slice_of(texts[i].text), 100, 2, &json), 0);
		assert_int_equal(cell_read(&cell, json), texts[i].good);
		if (texts[i].good) {
			cell_copy(&copy, &cell);
			cell_write(&copy, &out);
			assert_int_equal(json_parse(buf_slice(&out), 100, 2, &again), 0);
			assert_true(cell_read(&cell, again));
			cell_write(&cell, &once);
			assert_true(slice_eq(buf_slice(&out), buf_slice(&once)));
			json_free(again);
		}
		cell_clear(&cell);
		cell_clear(&copy);
		json_free(json);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(drafts),
		cmocka_unit_test(digest_is_foretold),
		cmocka_unit_test(cells_are_read_and_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
