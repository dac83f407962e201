#include "master/history.h"

#include "lib/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#define DIGEST "0123456789abcdef0123456789abcdef"

/* The revision "0-N" that counts frontend:a up by one. */
static struct revision *
make(int n)
{
	struct buf delta BUF_CLEAN = { 0 };
	char id[16], digest[DIGEST_TEXT];

	snprintf(id, sizeof id, "0-%d", n);
	snprintf(digest, sizeof digest, "%032d", n);
	if (n == 1)
		buf_addf(&delta, "[{\"key\":\"frontend:a\",\"before\":null,\"after\":\"1\"}]");
	else
		buf_addf(&delta, "[{\"key\":\"frontend:a\",\"before\":\"%d\",\"after\":\"%d\"}]",
			 n - 1, n);
	return revision_new(slice_of(id), slice_of(digest), n, SLICE("me"), SLICE("because"),
			    buf_slice(&delta));
}

static void
fill(struct history *h, int from, int to)
{
	for (int n = from; n <= to; n++)
		history_add(h, make(n));
}

static void
test_ids(void **state)
{
	static const char *const good[] = { "0-1", "1764185123456-0",
					    "18446744073709551615-18446744073709551615" };
	static const char *const bad[] = { "",     "-",    "1",     "1-",  "-1",
					   "01-1", "1-01", "1-1-1", "1-x", "18446744073709551616-0",
					   "+1-1", " 1-1" };

	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		assert_true(revision_is_id(slice_of(good[i])));
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		if (revision_is_id(slice_of(bad[i])))
			fail_msg("\"%s\" is taken for an id", bad[i]);
	}
	assert_true(revision_compare("9-9", "10-0") < 0);
	assert_true(revision_compare("10-10", "10-9") > 0);
	assert_int_equal(revision_compare("10-9", "10-9"), 0);
}

static void
test_fifty(void **state)
{
	struct history h = { 0 };

	fill(&h, 1, 60);
	history_add(&h, make(60)); /* told twice */
	history_add(&h, make(7));
	assert_int_equal(h.count, HISTORY_MAX);
	assert_string_equal(history_newest(&h)->id, "0-60");
	assert_string_equal(h.at[0]->id, "0-11");
	assert_null(history_find(&h, SLICE("0-10")));
	assert_string_equal(history_find(&h, SLICE("0-11"))->why, "because");
	assert_ptr_equal(history_of_digest(&h, h.at[3]->digest), h.at[3]);
	assert_null(history_of_digest(&h, DIGEST));
	history_deinit(&h);
}

static void
expect_between(const struct history *h, const char *from, const char *to, const char *text)
{
	struct delta d DELTA_CLEAN = { 0 };
	struct buf is BUF_CLEAN = { 0 }, why BUF_CLEAN = { 0 };
	int r = history_between(h, from ? history_find(h, slice_of(from)) : NULL,
				to ? history_find(h, slice_of(to)) : NULL, &d, &why);

	if (r == 0)
		delta_write(&d, &is);
	else
		assert_int_equal(r, -ENOENT);
	buf_adds(&is, buf_slice(&why));
	buf_addc(&is, '\0');
	assert_string_equal(is.p, text);
}

static void
test_between(void **state)
{
	struct history h = { 0 };

	fill(&h, 1, 5);
	expect_between(&h, "0-2", "0-4",
		       "[{\"key\":\"frontend:a\",\"before\":\"2\",\"after\":\"4\"}]");
	expect_between(&h, "0-4", "0-2",
		       "[{\"key\":\"frontend:a\",\"before\":\"4\",\"after\":\"2\"}]");
	expect_between(&h, "0-5", NULL,
		       "[{\"key\":\"frontend:a\",\"before\":\"5\",\"after\":null}]");
	expect_between(&h, NULL, "0-1",
		       "[{\"key\":\"frontend:a\",\"before\":null,\"after\":\"1\"}]");
	expect_between(&h, "0-3", "0-3", "[]");
	history_add(&h, revision_new(SLICE("0-6"), SLICE(DIGEST), 6, SLICE(""), SLICE(""),
				     SLICE("\"too large\"")));
	fill(&h, 7, 8);
	expect_between(&h, "0-5", "0-7", "revision 0-6: too large");
	expect_between(&h, "0-8", "0-5", "revision 0-6: too large");
	expect_between(&h, "0-6", "0-7",
		       "[{\"key\":\"frontend:a\",\"before\":\"6\",\"after\":\"7\"}]");
	history_deinit(&h);
}

/* What came from Redis may be anything. */
static void
test_rubbish(void **state)
{
	static const struct {
		const char *delta, *missing;
	} cases[] = {
		{ "", "what it changed cannot be read" },
		{ "\"", "what it changed cannot be read" },
		{ "{}", "what it changed cannot be read" },
		{ "\"not\\u0007 kept\"", "not  kept" },
	};
	char *big = malloc(DELTA_MAX + 2);
	struct revision *r;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		r = revision_new(SLICE("0-1"), SLICE("short"), 0, SLICE("a\nb"), SLICE("\x1b[1m"),
				 slice_of(cases[i].delta));
		assert_null(r->delta);
		assert_string_equal(r->missing, cases[i].missing);
		assert_string_equal(r->who, "a b");
		assert_string_equal(r->why, " [1m");
		assert_string_equal(r->digest, "");
		revision_free(r);
	}
	memset(big, ' ', DELTA_MAX + 2);
	memset(big + 1, 0xc3, REVISION_WHY_MAX); /* no end of a character in reach */
	r = revision_new(SLICE("0-1"), SLICE(DIGEST), 0, slice_make(big, DELTA_MAX),
			 slice_make(big, DELTA_MAX), slice_make(big, DELTA_MAX + 1));
	assert_int_equal(strlen(r->who), REVISION_WHO_MAX);
	assert_int_equal(strlen(r->why), REVISION_WHY_MAX);
	assert_string_equal(r->missing, "what it changed is larger than 8 MiB and not kept");
	revision_free(r);
	assert_null(revision_new(SLICE("x"), SLICE(DIGEST), 0, SLICE(""), SLICE(""), SLICE("[]")));
	free(big);
}

static void
test_old_deltas_go_first(void **state)
{
	struct history h = { 0 };
	size_t size = DELTA_MAX - 100;
	struct buf delta BUF_CLEAN = { 0 };
	char id[16];

	buf_addf(&delta, "[{\"key\":\"frontend:a\",\"before\":null,\"after\":\"");
	while (delta.n < size)
		buf_addc(&delta, 'x');
	buf_addf(&delta, "\"}]");
	for (int i = 1; i <= 10; i++) {
		snprintf(id, sizeof id, "0-%d", i);
		history_add(&h, revision_new(slice_of(id), SLICE(DIGEST), 0, SLICE(""), SLICE(""),
					     buf_slice(&delta)));
	}
	assert_int_equal(h.count, 10);
	assert_null(h.at[1]->delta);
	assert_non_null(h.at[2]->delta);
	assert_true(h.bytes <= HISTORY_BYTES);
	history_deinit(&h);
}

static void
test_save_and_load(void **state)
{
	const struct slice deltas[] = {
		SLICE("[{\"key\":\"a\",\"before\":null,\"after\":{\"h\":\"1\"}}]"),
		SLICE("\"too large\"")
	};

	for (size_t i = 0; i < 2; i++) {
		struct revision *r = revision_new(SLICE("5-0"), SLICE(DIGEST), 1764185123,
						  SLICE("token \"ci\""), SLICE("why"), deltas[i]);
		struct buf text BUF_CLEAN = { 0 }, again BUF_CLEAN = { 0 };
		struct revision *back;
		struct json *v;

		revision_save(r, true, &text);
		assert_int_equal(json_parse(buf_slice(&text), 4096, 2, &v), 0);
		back = revision_load(v);
		assert_non_null(back);
		revision_save(back, true, &again);
		assert_true(slice_eq(buf_slice(&text), buf_slice(&again)));
		json_free(v);
		revision_free(r);
		revision_free(back);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_fifty),
		cmocka_unit_test(test_between),
		cmocka_unit_test(test_rubbish),
		cmocka_unit_test(test_old_deltas_go_first),
		cmocka_unit_test(test_save_and_load),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
