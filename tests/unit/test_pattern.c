/* pattern: what matches, what is refused and where, and that no text takes long. */

#include "lib/pattern.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

static void
test_match(void **state)
{
	static const struct {
		const char *pattern, *text;
		int want;
	} cases[] = {
		{ "/api/v[0-9]+/.*", "/api/v12/users", PATTERN_YES },
		{ "/api/v[0-9]+/.*", "/api/v/users", PATTERN_NO },
		{ "/api", "/api/x", PATTERN_NO }, /* the whole text */
		{ "pi", "/api", PATTERN_NO },
		{ "a|ab", "ab", PATTERN_YES },
		{ "(?i)abc", "ABC", PATTERN_YES },
		{ "a+", "", PATTERN_NO },
		{ "a{1,}b", "aab", PATTERN_YES },
		{ "a{1,}b", "b", PATTERN_NO },
		{ "a{001,}", "aaa", PATTERN_YES },
		{ "[ab]+?c", "abac", PATTERN_YES },
		{ "\\.+", "...", PATTERN_YES },
		{ "(ab)+", "ababab", PATTERN_YES },
		{ "(ab)+", "ababa", PATTERN_NO },
		{ "(?<year>\\d{4})-\\d\\d", "2026-11", PATTERN_YES },
		{ "[]x]+", "]x", PATTERN_YES },
		{ "[[:alpha:]]+", "abc", PATTERN_YES },
		{ "[^+]+", "a+", PATTERN_NO },
		{ "\\x41+", "AAA", PATTERN_YES },
		{ "a$", "a\n", PATTERN_NO },
		{ "x*", "", PATTERN_YES },
		{ "caf\\xc3\\xa9", "caf\xc3\xa9", PATTERN_YES },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct pattern_error error = { 0 };
		struct pattern *p = pattern_new(slice_of(cases[i].pattern), &error);

		if (!p)
			fail_msg("%s: %s", cases[i].pattern, error.text);
		if (pattern_match(p, slice_of(cases[i].text)) != cases[i].want)
			fail_msg("%s on %s", cases[i].pattern, cases[i].text);
		pattern_free(p);
	}
}

static void
test_refused(void **state)
{
	static const struct {
		const char *pattern;
		size_t at;
		const char *why; /* the beginning of it */
	} cases[] = {
		{ "", 1, "a pattern has" },
		{ "(a)\\1", 4, "a reference back" },
		{ "(a)\\g{1}", 4, "a reference back" },
		{ "(?<n>a)\\k<n>", 8, "a reference back" },
		{ "x(?=y)", 2, "look-ahead" },
		{ "x(?!y)", 2, "look-ahead" },
		{ "(?<=x)y", 1, "look-ahead" },
		{ "(?<!x)y", 1, "look-ahead" },
		{ "(?*x)y", 1, "look-ahead" },
		{ "(?>a)", 1, "an atomic" },
		{ "(?R)", 1, "recursion" },
		{ "(a)(?1)", 4, "recursion" },
		{ "(?P<n>a)(?P>n)", 9, "recursion" },
		{ "(?P<n>a)(?P=n)", 9, "recursion" },
		{ "(?&n)", 1, "recursion" },
		{ "(?+1)(a)", 1, "recursion" },
		{ "(?(1)a|b)", 1, "a condition" },
		{ "(?C1)a", 1, "a callout" },
		{ "(*COMMIT)a", 1, "a verb" },
		{ "(*UTF)a", 1, "a verb" },
		{ "(*pla:a)", 1, "a verb" },
		{ "ab\\C", 3, "\\C is not" },
		{ "a\\Kb", 2, "this escape" },
		{ "\\Qa\\E", 1, "this escape" },
		{ "[\\Q]\\E(?>a)", 1, "this escape" },
		{ "\\p{L}", 1, "this escape" },
		{ "\\x{41}", 1, "a byte is written" },
		{ "\\012", 1, "bytes by number" },
		{ "\\c(?>a)", 1, "bytes by number" },
		{ "a++", 2, "a possessive" },
		{ "(a)*+", 4, "a possessive" },
		{ "a{2}+", 4, "a possessive" },
		{ "a{1,}+", 2, "a possessive" },
		{ "(?x)a #(?>\n", 1, "the option x" },
		{ "(?#)(?>a)", 1, "a comment" },
		{ "[]a](?>b)", 5, "an atomic" },
		{ "[[:alpha:]](?>b)", 12, "an atomic" },
		{ "[[:a](?>b)", 6, "an atomic" },
		{ "[\\]](?>b)", 5, "an atomic" },
		{ "[^]](?>b)", 5, "an atomic" },
		{ "caf\xc3\xa9", 4, "only printable" },
		{ "a\nb", 2, "only printable" },
		{ "(a", 3, "missing closing" },
		{ "a)", 2, "unmatched closing" },
		{ "[a", 3, "missing terminating" },
		{ "*a", 1, "quantifier" },
		{ "a\\", 3, "\\ at end" },
		{ "((a{1000}){60}){60}", 1, "it becomes too large" },
		{ "(?:[a-z]x){900}", 1, "it becomes too large" },
	};
	char deep[128] = "";

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct pattern_error error = { 0 };
		struct pattern *p = pattern_new(slice_of(cases[i].pattern), &error);

		if (p || error.at != cases[i].at ||
		    strncmp(error.text, cases[i].why, strlen(cases[i].why)) != 0)
			fail_msg("%s: %s at %zu", cases[i].pattern, p ? "taken" : error.text,
				 error.at);
	}
	memset(deep, '(', 60);
	memset(deep + 60, ')', 60);
	assert_null(pattern_new(slice_of(deep), &(struct pattern_error){ 0 }));
}

static double
milliseconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* What makes a matcher that tries and goes back stand still takes under 1 ms of a whole subject;
 * asserted is ten times that. */
static void
test_time(void **state)
{
	static const char *const patterns[] = {
		"(a+)+$",    "(a+)+b",     "(a|aa)+$",  "(a*)*b",        "((a*)*)*b",
		"(a|a?)+b",  "(.*a){12}b", "(x+x+)+y",  "([a-z]+.?)*!",  "(((a+)+)+)+b",
		"(a{1,})+b", "(?i:A+)+b",  "(.a|a.)*b", ".*.*.*.*.*.*!", "(a|a|a|a|a|a|a|a)*b",
	};
	char *text = malloc(PATTERN_SUBJECT + 1);

	memset(text, 'a', PATTERN_SUBJECT + 1);
	for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
		struct pattern *p =
		    pattern_new(slice_of(patterns[i]), &(struct pattern_error){ 0 });
		double best = 1e9;

		assert_non_null(p);
		for (int k = 0; k < 5; k++) {
			double from = milliseconds(), took;

			pattern_match(p, slice_make(text, PATTERN_SUBJECT));
			took = milliseconds() - from;
			best = took < best ? took : best;
		}
		if (best > 10)
			fail_msg("%s took %.1f ms", patterns[i], best);
		assert_int_equal(pattern_match(p, slice_make(text, PATTERN_SUBJECT + 1)),
				 PATTERN_LIMIT);
		pattern_free(p);
	}
	free(text);
}

/* More states at once than there is room for. */
static void
test_limit(void **state)
{
	struct pattern *p =
	    pattern_new(SLICE("(a|a|a|a|a|a|a|a|a|a|a|a|a|a|a|a|a|a|a|a|a|a|a|a"
			      "|a|a|a|a|a|a|a|a|a|a|a|a|a|a|a|a|a|a|a|a|a|a|a|a)*b"),
			&(struct pattern_error){ 0 });
	char text[200];

	memset(text, 'a', sizeof text);
	text[sizeof text - 1] = 'b'; /* or it would be seen at once that there is none */
	assert_non_null(p);
	assert_int_equal(pattern_match(p, slice_make(text, sizeof text)), PATTERN_LIMIT);
	assert_int_equal(pattern_match(p, SLICE("b")), PATTERN_YES);
	pattern_free(p);
	pattern_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_match),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
