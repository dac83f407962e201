/* The text that an operator gives a line of the access log. */

#include "shm/log_format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Literals as they are, fields in braces. */
static void
read_back(struct slice program, struct buf *out)
{
	struct log_part part;

	while (log_format_next(&program, &part)) {
		if (part.literal.p)
			buf_adds(out, part.literal);
		else
			buf_addf(out, "{%s}",
				 part.field < LOG_FIELD_N ? log_field_name(part.field) : "?");
	}
}

static void
compiles(void **state)
{
	static const struct {
		const char *text, *made, *bad;
	} cases[] = {
		{ "$status", "{status}", NULL },
		{ "a $status-$method$path", "a {status}-{method}{path}", NULL },
		{ "cost $$5, $time_common.", "cost $5, {time_common}.", NULL },
		{ "\xc3\xa9 $id", "\xc3\xa9 {id}", NULL },
		{ "", "", NULL },
		{ "x $statuss y", NULL, "$statuss" },
		{ "x $", NULL, "$" },
		{ "$ status", NULL, "$" },
		{ "$Status", NULL, "$Status" },
		{ "a\x01"
		  "0",
		  NULL, "\x01" },
		{ "a\n", NULL, "\n" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct buf BUF_CLEAN program = { 0 }, text = { 0 };
		struct slice bad = { 0 };
		int r = log_format_compile(slice_of(cases[i].text), &program, &bad);

		assert_int_equal(r, cases[i].bad != NULL);
		if (r) {
			assert_true(slice_eq(bad, slice_of(cases[i].bad)));
			continue;
		}
		read_back(buf_slice(&program), &text);
		if (!slice_eq(buf_slice(&text), slice_of(cases[i].made)))
			fail_msg("%s: %.*s", cases[i].text, SLICE_F(buf_slice(&text)));
	}
}

/* A table may come from elsewhere: no byte of it leads outside. */
static void
hostile(void **state)
{
	static const struct slice programs[] = {
		{ "\x01", 1 },
		{ "\x01\xff", 2 },
		{ "a\x01\x1f", 3 },
		{ "\x01\x7f"
		  "b",
		  3 },
	};
	static const char *const made[] = { "{?}", "{?}", "a{?}", "{?}b" };

	for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++) {
		struct buf BUF_CLEAN text = { 0 };

		read_back(programs[i], &text);
		assert_true(slice_eq(buf_slice(&text), slice_of(made[i])));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compiles),
		cmocka_unit_test(hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
