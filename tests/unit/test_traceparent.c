/* traceparent: what W3C's test suite for trace context sends, and what has to be made of it. */

#include "lib/traceparent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define TRACE "0af7651916cd43dd8448eb211c80319c"
#define PARENT "b7ad6b7169203331"

static void
test_traceparent(void **state)
{
	static const struct {
		const char *value;
		int flags; /* -1: it is malformed */
	} cases[] = {
		{ "00-" TRACE "-" PARENT "-01", 1 },
		{ "00-" TRACE "-" PARENT "-00", 0 },
		{ "00-" TRACE "-" PARENT "-03", 3 },
		{ "00-" TRACE "-" PARENT "-ff", 0xff },
		/* versions */
		{ "cc-" TRACE "-" PARENT "-01", 1 },
		{ "cc-" TRACE "-" PARENT "-01-what-the-future-will-be-like", 1 },
		{ "cc-" TRACE "-" PARENT "-01.what-the-future-will-be-like", -1 },
		{ "cc-" TRACE "-" PARENT "-01-", 1 },
		{ "ff-" TRACE "-" PARENT "-01", -1 },
		{ "00-" TRACE "-" PARENT "-01-", -1 },
		{ "00-" TRACE "-" PARENT "-01-extra", -1 },
		{ "00-" TRACE "-" PARENT "-01.", -1 },
		{ ".0-" TRACE "-" PARENT "-01", -1 },
		{ "0.-" TRACE "-" PARENT "-01", -1 },
		{ "000-" TRACE "-" PARENT "-01", -1 },
		{ "0-" TRACE "-" PARENT "-01", -1 },
		/* trace-id */
		{ "00-00000000000000000000000000000000-" PARENT "-01", -1 },
		{ "00-.0af7651916cd43dd8448eb211c8031-" PARENT "-01", -1 },
		{ "00-0af7651916cd43dd8448eb211c80319-" PARENT "-01", -1 },
		{ "00-" TRACE "0-" PARENT "-01", -1 },
		{ "00-0AF7651916CD43DD8448EB211C80319C-" PARENT "-01", -1 },
		/* parent-id */
		{ "00-" TRACE "-0000000000000000-01", -1 },
		{ "00-" TRACE "-b7ad6b716920333.-01", -1 },
		{ "00-" TRACE "-b7ad6b716920333-01", -1 },
		{ "00-" TRACE "-b7ad6b71692033311-01", -1 },
		{ "00-" TRACE "-B7AD6B7169203331-01", -1 },
		/* trace-flags */
		{ "00-" TRACE "-" PARENT "-.0", -1 },
		{ "00-" TRACE "-" PARENT "-0.", -1 },
		{ "00-" TRACE "-" PARENT "-1", -1 },
		{ "00-" TRACE "-" PARENT "-001", -1 },
		{ "00-" TRACE "-" PARENT "-0G", -1 },
		/* the rest */
		{ "00_" TRACE "-" PARENT "-01", -1 },
		{ "00-" TRACE "_" PARENT "-01", -1 },
		{ "00-" TRACE "-" PARENT "_01", -1 },
		{ "00-" TRACE "-" PARENT "-", -1 },
		{ "00-" TRACE "-" PARENT, -1 },
		{ "00-" TRACE "-" PARENT "-01, 00-" TRACE "-" PARENT "-01", -1 },
		{ "00", -1 },
		{ "", -1 },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		/* In a piece of its own size, so that reading beyond it shows. */
		size_t n = strlen(cases[i].value);
		char *p = malloc(n + !n), back[TRACEPARENT_SIZE];
		struct traceparent t;

		memcpy(p, cases[i].value, n);
		if (traceparent_read(slice_make(p, n), &t) != (cases[i].flags >= 0))
			fail_msg("%s", cases[i].value);
		if (cases[i].flags >= 0) {
			assert_int_equal(t.flags, cases[i].flags);
			traceparent_write(&t, back);
			assert_memory_equal(back, "00-" TRACE "-" PARENT "-0", sizeof back - 1);
			assert_int_equal(back[54], '0' + (cases[i].flags & 3));
		}
		free(p);
	}
}

static void
test_tracestate(void **state)
{
	static const struct {
		const char *value;
		int members; /* -1: it is malformed */
	} cases[] = {
		{ "foo=1", 1 },
		{ "foo=1,bar=2", 2 },
		{ "foo=1 \t , \t bar=2, \t baz=3", 3 },
		{ "", 0 },
		{ "foo=1,", 1 },
		{ ",foo=1,,bar=2", 2 },
		{ "foo=1 2", 1 },
		{ "foo= !\"#$%&'()*+-./:;<>?@[]^_`{|}~", 1 },
		{ "foo@bar=1", 1 },
		{ "0a-b_c*d/e@tenant=1", 1 },
		{ "foo =1", -1 },
		{ "FOO=1", -1 },
		{ "foo.bar=1", -1 },
		{ "foo@=1,bar=2", -1 },
		{ "@foo=1,bar=2", -1 },
		{ "foo@@bar=1", -1 },
		{ "foo@bar@baz=1", -1 },
		{ "-foo=1", -1 },
		{ "=1", -1 },
		{ "foo", -1 },
		{ "foo=", -1 },
		{ "foo=bar=baz", -1 },
		{ "foo=\x7f", -1 },
		{ "foo=\xc3\xa9", -1 },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		unsigned members = 0;
		bool good = tracestate_good(slice_of(cases[i].value), &members);

		if (good != (cases[i].members >= 0) ||
		    (good && members != (unsigned)cases[i].members))
			fail_msg("%s: %d, %u", cases[i].value, good, members);
	}
}

/* 32 members, over all fields; keys and values of 256 bytes. */
static void
test_tracestate_limits(void **state)
{
	char text[600];
	unsigned members = 0;

	for (unsigned i = 0; i < TRACESTATE_MEMBERS; i++)
		assert_true(tracestate_good(SLICE("a=1"), &members));
	assert_true(tracestate_good(SLICE(" , "), &members));
	assert_false(tracestate_good(SLICE("a=1"), &members));
	members = 0;
	memset(text, 'a', sizeof text);
	text[256] = '=';
	assert_true(tracestate_good(slice_make(text, 257 + 256), &members));
	assert_false(tracestate_good(slice_make(text, 257 + 257), &members));
	text[256] = 'a';
	text[257] = '=';
	assert_false(tracestate_good(slice_make(text, 259), &members));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_traceparent),
		cmocka_unit_test(test_tracestate),
		cmocka_unit_test(test_tracestate_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
