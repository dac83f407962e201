/* worker/limit_fields: the arithmetic of what clients hear of limits. */

#include "worker/limiter.h"
#include "worker/snapshot.h"

#include "lib/xalloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define MS UINT64_C(1000000)

static const struct {
	uint64_t count, seconds, burst;
	uint64_t remaining, reset_ms, retry_ms;
	const char *fields;
	unsigned retry_s;
} cases[] = {
	{ 100, 60, 100, 42, 34800, 0,
	  "RateLimit-Policy: \"r\";q=100;w=60\r\nRateLimit: \"r\";r=42;t=35\r\n"
	  "X-RateLimit-Limit: 100\r\nX-RateLimit-Remaining: 42\r\nX-RateLimit-Reset: 35\r\n",
	  1 },
	/* The burst and the time in which it comes back have the rate in them. */
	{ 100, 60, 50, 50, 0, 0,
	  "RateLimit-Policy: \"r\";q=50;w=30\r\nRateLimit: \"r\";r=50;t=0\r\n"
	  "X-RateLimit-Limit: 50\r\nX-RateLimit-Remaining: 50\r\nX-RateLimit-Reset: 0\r\n",
	  1 },
	{ 10, 1, 25, 0, 2500, 100,
	  "RateLimit-Policy: \"r\";q=25;w=3\r\nRateLimit: \"r\";r=0;t=3\r\n"
	  "X-RateLimit-Limit: 25\r\nX-RateLimit-Remaining: 0\r\nX-RateLimit-Reset: 3\r\n",
	  1 },
	/* It comes back within a second. */
	{ 100, 1, 10, 3, 70, 0,
	  "RateLimit-Policy: \"r\";q=100;w=1\r\nRateLimit: \"r\";r=3;t=1\r\n"
	  "X-RateLimit-Limit: 10\r\nX-RateLimit-Remaining: 3\r\nX-RateLimit-Reset: 1\r\n",
	  1 },
	{ 1, 86400, 1, 0, 86400000, 86399001,
	  "RateLimit-Policy: \"r\";q=1;w=86400\r\nRateLimit: \"r\";r=0;t=86400\r\n"
	  "X-RateLimit-Limit: 1\r\nX-RateLimit-Remaining: 0\r\nX-RateLimit-Reset: 86400\r\n",
	  86400 },
	{ 1, 60, 1, 0, 60000, 2000,
	  "RateLimit-Policy: \"r\";q=1;w=60\r\nRateLimit: \"r\";r=0;t=60\r\n"
	  "X-RateLimit-Limit: 1\r\nX-RateLimit-Remaining: 0\r\nX-RateLimit-Reset: 60\r\n",
	  2 },
};

static struct segment *
rules_make(uint32_t headers, bool always)
{
	struct table_builder b;
	struct table_policy policy = { 0 };
	struct segment *s;

	table_builder_init(&b);
	b.global.limit_headers = headers;
	b.global.limit_headers_always = always;
	seg_builder_add(&b.seg, RULES_POLICIES, &policy, sizeof policy);
	for (unsigned i = 0; i < 2; i++) {
		struct table_limit l = {
			.rate.burst = 1,
			.counts = LIMIT_UNDER_WAY,
			.label = seg_builder_string(&b.seg, i ? SLICE("bytes") : SLICE("r")),
		};

		seg_builder_add(&b.seg, RULES_LIMITS, &l, sizeof l);
	}
	if (table_builder_finish(&b, 1, &s))
		abort();
	table_builder_deinit(&b);
	return s;
}

struct fixture {
	struct snapshot table;
	struct request r;
	struct limit_uses *uses;
};

static void
begin(struct fixture *f, uint32_t headers, bool always, unsigned limits)
{
	*f = (struct fixture){ .r.table = &f->table };
	f->table.segments[SEGMENT_RULES] = rules_make(headers, always);
	f->uses = f->r.limits = xcalloc(1, sizeof *f->uses + limits * sizeof f->uses->use[0]);
	f->uses->count = limits;
	for (unsigned i = 0; i < limits; i++)
		f->uses->use[i] = (struct limit_use){
			.limit = table_limit(f->table.segments[SEGMENT_RULES], i),
			.applies = true,
		};
}

static void
end(struct fixture *f)
{
	seg_unref(f->table.segments[SEGMENT_RULES]);
	free(f->uses);
}

static void
check_fields(const struct fixture *f, const char *fields)
{
	char *text = xmalloc(limiter_room(&f->r)); /* AddressSanitizer sees what is too much */
	size_t n = (size_t)(limiter_put(text, &f->r) - text);

	assert_true(n <= limiter_room(&f->r));
	assert_int_equal(n, strlen(fields));
	assert_memory_equal(text, fields, n);
	free(text);
}

static void
test_one(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct fixture f;
		struct limit_use *u;

		begin(&f, LIMIT_HEADERS_DRAFT | LIMIT_HEADERS_X, true, 1);
		u = &f.uses->use[0];
		assert_int_equal(
		    rate_limit_init(&u->rate, cases[i].count, cases[i].seconds, cases[i].burst), 0);
		u->result = (struct rate_result){ .remaining = cases[i].remaining,
						  .reset_ns = cases[i].reset_ms * MS,
						  .retry_ns = cases[i].retry_ms * MS };
		u->refuses = cases[i].retry_ms > 0;
		assert_true(limiter_tell(&f.r));
		check_fields(&f, cases[i].fields);
		assert_int_equal(limiter_retry_s(&f.r), cases[i].retry_s);
		end(&f);
	}
}

/* X-RateLimit-* are of the one that is nearest to its end, Retry-After of the one that takes
 * longest. */
static void
test_two(void **state)
{
	struct fixture f;

	begin(&f, LIMIT_HEADERS_DRAFT | LIMIT_HEADERS_X, true, 2);
	assert_int_equal(rate_limit_init(&f.uses->use[0].rate, 10, 60, 10), 0);
	assert_int_equal(rate_limit_init(&f.uses->use[1].rate, 1 << 20, 1, 1 << 21), 0);
	f.uses->use[0].result = (struct rate_result){ .remaining = 2, .reset_ns = 48000 * MS };
	f.uses->use[1].result =
	    (struct rate_result){ .reset_ns = 4000 * MS, .retry_ns = 2001 * MS };
	f.uses->use[1].counts = LIMIT_BYTES;
	f.uses->use[1].refuses = true;
	check_fields(&f, "RateLimit-Policy: \"r\";q=10;w=60, "
			 "\"bytes\";q=2097152;qu=\"content-bytes\";w=2\r\n"
			 "RateLimit: \"r\";r=2;t=48, \"bytes\";r=0;t=4\r\n"
			 "X-RateLimit-Limit: 2097152\r\nX-RateLimit-Remaining: 0\r\n"
			 "X-RateLimit-Reset: 4\r\n");
	assert_int_equal(limiter_retry_s(&f.r), 3);
	assert_ptr_equal(limiter_refusing(&f.r), &f.uses->use[1]);
	end(&f);
}

static void
test_when(void **state)
{
	struct fixture f;

	begin(&f, LIMIT_HEADERS_X, false, 1);
	f.uses->use[0].rate.burst = 1;
	assert_false(limiter_tell(&f.r));
	f.uses->use[0].refuses = true;
	assert_true(limiter_tell(&f.r));
	assert_true(limiter_field_is_ours(&f.r, SLICE("x-ratelimit-reset")));
	assert_false(limiter_field_is_ours(&f.r, SLICE("RateLimit")));
	assert_false(limiter_field_is_ours(&f.r, SLICE("X-RateLimit-Limits")));
	f.uses->use[0].applies = false;
	assert_false(limiter_tell(&f.r));
	f.r.limits = NULL;
	assert_false(limiter_tell(&f.r));
	end(&f);
	begin(&f, 0, true, 1);
	assert_false(limiter_tell(&f.r));
	end(&f);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one),
		cmocka_unit_test(test_two),
		cmocka_unit_test(test_when),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
