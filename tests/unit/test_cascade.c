/* What a job is to Redis, and when its services are asked again. */

#include "lib/redis.h"
#include "master/cascade_record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	const char *id;
	size_t n; /* 0: as long as it is */
	bool good;
} ids[] = {
	{ "507f1f77bcf86cd799439011", 0, true },
	{ "a b", 0, true },
	{ "\xc3\xa9", 0, true },
	{ "", 0, false },
	{ " a", 0, false },
	{ "a ", 0, false },
	{ "\ta", 0, false },
	{ "a\r\nX-Admin: 1", 0, false },
	{ "a\n", 0, false },
	{ "a\0b", 3, false },
	{ "a\x7f", 0, false },
	{ "a\x1b[2J", 0, false },
};

static void
test_ids(void **state)
{
	char text[CASCADE_ID_MAX + 1];

	(void)state;
	for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
		size_t n = ids[i].n ? ids[i].n : strlen(ids[i].id);

		if (!cascade_id_fault(slice_make(ids[i].id, n)) != ids[i].good)
			fail_msg("%s", ids[i].id);
	}
	memset(text, 'a', sizeof text);
	assert_null(cascade_id_fault(slice_make(text, CASCADE_ID_MAX)));
	assert_non_null(cascade_id_fault(slice_make(text, sizeof text)));
}

static void
test_names_of_jobs(void **state)
{
	char a[CASCADE_JOB], b[CASCADE_JOB];

	(void)state;
	assert_string_not_equal(cascade_job(SLICE("1"), a), cascade_job(SLICE("2"), b));
	assert_string_equal(a, cascade_job(SLICE("1"), b));
	assert_true(cascade_is_job(slice_of(a)));
	assert_false(cascade_is_job(slice_make(a, CASCADE_JOB - 2)));
	assert_false(cascade_is_job(SLICE("0123456789abcdef0123456789abcdeF")));
	assert_false(cascade_is_job(SLICE("0123456789abcdef0123456789abcde:")));
	assert_false(cascade_is_job(SLICE("0123456789abcdef\0\0"
					  "abcdef01234567")));
}

/* ---- records ---- */

#define FIELDS_MAX 16

/* Texts that alternate, ended by NULL, as an answer to HGETALL. */
static bool
read_texts(struct arena *a, const char *const *texts, struct cascade_record *out)
{
	static struct redis_reply cells[FIELDS_MAX], all;
	static struct redis_reply *elements[FIELDS_MAX];

	all = (struct redis_reply){ .type = REDIS_ARRAY, .elements = elements };
	for (; texts[all.count]; all.count++) {
		cells[all.count] = (struct redis_reply){ .type = REDIS_STRING,
							 .text = slice_of(texts[all.count]) };
		elements[all.count] = &cells[all.count];
	}
	return cascade_read(a, &all, out);
}

#define GOOD "user", "42", "key", "k", "since", "1000"

static const struct {
	const char *fields[FIELDS_MAX];
	bool good;
	const char *written; /* of the first service */
} records[] = {
	{ { GOOD, "s:a", "waits 0 1000 0", NULL }, true, "waits 0 1000 0" },
	{ { GOOD, "s:a", "done 3 1000 204", NULL }, true, "done 3 1000 204" },
	{ { GOOD, "s:a", "dead 3 1000 0 refused it all", NULL },
	  true,
	  "dead 3 1000 0 refused it all" },
	{ { GOOD, NULL }, true, NULL },
	{ { GOOD, "later", "x", NULL }, true, NULL },
	{ { NULL }, false, NULL },
	{ { "user", "42", NULL }, false, NULL },
	{ { "user", "4\n2", "key", "k", "since", "1", NULL }, false, NULL },
	{ { "user", "42", "key", "k\r\n", "since", "1", NULL }, false, NULL },
	{ { "user", "42", "key", "k", "since", "x", NULL }, false, NULL },
	{ { "user", "42", "key", "k", "since", "-1", NULL }, false, NULL },
	{ { GOOD, "s:a", "", NULL }, false, NULL },
	{ { GOOD, "s:a", "waits", NULL }, false, NULL },
	{ { GOOD, "s:a", "waits 0 1 99999", NULL }, false, NULL },
	{ { GOOD, "s:a", "waits 0 99999999999999999999999999 0", NULL }, false, NULL },
	{ { GOOD, "s:a", "waits 99999999999 1 0", NULL }, false, NULL },
	{ { GOOD, "s:a", "waited 0 1 0", NULL }, false, NULL },
	{ { GOOD, "s:a", NULL }, false, NULL }, /* half of a pair */
};

static void
test_records(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof records / sizeof records[0]; i++) {
		struct buf BUF_CLEAN text = { 0 };
		struct arena arena = { 0 };
		struct cascade_record r;
		bool good = read_texts(&arena, records[i].fields, &r);

		if (good != records[i].good)
			fail_msg("%zu", i);
		if (good)
			assert_int_equal(r.since_ms, 1000);
		if (records[i].written) {
			cascade_write(&r.services[0], &text);
			buf_addc(&text, '\0');
			assert_string_equal(text.p, records[i].written);
			assert_string_equal(r.services[0].name, "a");
		}
		arena_deinit(&arena);
	}
	assert_false(cascade_read(&(struct arena){ 0 }, NULL, &(struct cascade_record){ 0 }));
}

/* ---- attempts ---- */

static const struct {
	uint32_t attempts; /* before */
	int status;
	int64_t age_ms; /* of the job */
	enum cascade_state state;
	int64_t least, most; /* until the next */
} attempts[] = {
	{ 0, 200, 0, CASCADE_DONE, 0, 0 },
	{ 0, 204, 100000, CASCADE_DONE, 0, 0 },
	{ 5, 404, 0, CASCADE_DONE, 0, 0 },
	{ 5, 410, 0, CASCADE_DONE, 0, 0 },
	{ 0, 500, 0, CASCADE_WAITS, 800, 1200 },
	{ 0, 0, 0, CASCADE_WAITS, 800, 1200 },
	{ 0, 302, 0, CASCADE_WAITS, 800, 1200 },
	{ 0, 401, 0, CASCADE_WAITS, 800, 1200 },
	{ 1, 503, 0, CASCADE_WAITS, 1600, 2400 },
	{ 2, 503, 0, CASCADE_WAITS, 3200, 4800 },
	{ 3, 503, 0, CASCADE_WAITS, 4000, 6000 },
	{ 4000000000, 503, 0, CASCADE_WAITS, 4000, 6000 },
	{ 0, 503, 9999, CASCADE_WAITS, 800, 1200 },
	{ 0, 503, 10000, CASCADE_DEAD, 0, 0 },
	{ 0, 0, 10001, CASCADE_DEAD, 0, 0 },
};

static void
test_attempts(void **state)
{
	const struct cascade_pace pace = { 1000, 5000, 10000 };
	const struct cascade_record r = { .since_ms = 1000000 };
	static const uint32_t randoms[] = { 0, 511, 1023, UINT32_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof attempts / sizeof attempts[0]; i++) {
		for (size_t k = 0; k < sizeof randoms / sizeof randoms[0]; k++) {
			struct cascade_service s = { .attempts = attempts[i].attempts,
						     .reason = "" };
			int64_t now = r.since_ms + attempts[i].age_ms;

			cascade_attempted(&s, &r, attempts[i].status, "refused", &pace, now,
					  randoms[k]);
			if (s.state != attempts[i].state || s.next_ms - now < attempts[i].least ||
			    s.next_ms - now > attempts[i].most)
				fail_msg("%zu: %d after %lld", i, (int)s.state,
					 (long long)(s.next_ms - now));
			assert_int_equal(s.attempts, attempts[i].attempts + 1);
			if (attempts[i].status == 0)
				assert_string_equal(s.reason, "refused");
		}
	}
}

static void
test_next(void **state)
{
	struct cascade_service s[] = {
		{ .state = CASCADE_DONE, .next_ms = 1 },
		{ .state = CASCADE_WAITS, .next_ms = 7 },
		{ .state = CASCADE_WAITS, .next_ms = 5 },
	};
	struct cascade_record r = { .services = s, .services_count = 3 };

	(void)state;
	assert_int_equal(cascade_next(&r), 5);
	assert_false(cascade_is_dead(&r));
	s[1].state = s[2].state = CASCADE_DEAD;
	assert_int_equal(cascade_next(&r), INT64_MAX);
	assert_true(cascade_is_dead(&r));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ids),     cmocka_unit_test(test_names_of_jobs),
		cmocka_unit_test(test_records), cmocka_unit_test(test_attempts),
		cmocka_unit_test(test_next),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
