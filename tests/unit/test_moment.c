/* Points in time as operators write them: a table. */

#include "lib/moment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define NONE (-1)

static const struct {
	const char *text;
	int64_t moment;      /* NONE: it is none */
	const char *written; /* NULL: as it stands in `text` */
} cases[] = {
	{ "never", MOMENT_NEVER, NULL },
	{ "NEVER", MOMENT_NEVER, "never" },
	{ "0", 0, "1970-01-01T00:00:00Z" },
	{ "1767225599", 1767225599, "2025-12-31T23:59:59Z" },
	{ "2026-01-01", 1767225600, "2026-01-01T00:00:00Z" },
	{ "2025-12-31T23:59:59Z", 1767225599, NULL },
	{ "2026-01-01T00:59Z", 1767229140, "2026-01-01T00:59:00Z" },
	{ "2026-01-01T01:00:00+01:00", 1767225600, "2026-01-01T00:00:00Z" },
	{ "2025-12-31T18:30:00-05:30", 1767225600, "2026-01-01T00:00:00Z" },
	{ "2024-02-29", 1709164800, "2024-02-29T00:00:00Z" },
	{ "253402300799", 253402300799, "9999-12-31T23:59:59Z" },
	{ "253402300800", NONE, NULL },
	{ "99999999999999999999999999", NONE, NULL },
	{ "2025-02-29", NONE, NULL },
	{ "2025-04-31", NONE, NULL },
	{ "2025-00-01", NONE, NULL },
	{ "2025-13-01", NONE, NULL },
	{ "2025-01-00", NONE, NULL },
	{ "2025-1-1", NONE, NULL },
	{ "1969-12-31", NONE, NULL },
	{ "1970-01-01T00:00:00+01:00", NONE, NULL },
	{ "2025-01-01T24:00:00Z", NONE, NULL },
	{ "2025-01-01T23:60:00Z", NONE, NULL },
	{ "2025-01-01T23:59:60Z", NONE, NULL },
	{ "2025-01-01T00:00:00", NONE, NULL }, /* in whose hours? */
	{ "2025-01-01T00:00:00+0100", NONE, NULL },
	{ "2025-01-01T00:00:00+24:00", NONE, NULL },
	{ "2025-01-01 00:00:00Z", NONE, NULL },
	{ "2025-01-01T00:00:00Zx", NONE, NULL },
	{ "2025-01-01x", NONE, NULL },
	{ "-1", NONE, NULL },
	{ "+1", NONE, NULL },
	{ "1.5", NONE, NULL },
	{ "", NONE, NULL },
	{ "tomorrow", NONE, NULL },
};

static void
table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct slice text = slice_of(cases[i].text);
		struct buf BUF_CLEAN written = { 0 };
		int64_t moment = NONE;

		if (!moment_parse(text, &moment))
			moment = NONE;
		if (moment != cases[i].moment)
			fail_msg("%s: %lld", cases[i].text, (long long)moment);
		if (moment == NONE)
			continue;
		moment_write(moment, &written);
		buf_addc(&written, '\0');
		assert_string_equal(written.p, cases[i].written ? cases[i].written : text.p);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(table) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
