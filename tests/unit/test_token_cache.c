/* token_cache: what was put in comes out whole or not at all, and only for the very same token. */

#include "worker/identity.h"
#include "worker/token_cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define RING ((size_t)16 << 20)

/* Token number `i`, of `n` bytes, and what belongs to it. */
struct sample {
	char *token, headers[32], name[32];
	size_t n;
	struct identity_builder builder;
	struct token_entry entry;
};

static void
sample_init(struct sample *s, unsigned i, size_t n)
{
	s->token = malloc(n);
	s->n = n;
	memset(s->token, 'a' + (int)(i % 26), n);
	snprintf(s->headers, sizeof s->headers, "id: %u\r\n", i);
	snprintf(s->name, sizeof s->name, "user %u", i);
	memcpy(s->token + n / 2, &i, sizeof i);
	s->builder = (struct identity_builder){ 0 };
	identity_begin(&s->builder, IDENTITY_TOKEN);
	s->builder.head.headers = identity_add(&s->builder, slice_of(s->headers));
	s->builder.head.name = identity_add(&s->builder, slice_of(s->name));
	s->entry = (struct token_entry){
		.span = { .from = i, .until = (int64_t)i + 1000 },
		.who = identity_end(&s->builder),
	};
}

static void
sample_deinit(struct sample *s)
{
	free(s->token);
	identity_builder_deinit(&s->builder);
}

static void
put(struct token_cache *c, unsigned i, size_t n)
{
	struct sample s;

	sample_init(&s, i, n);
	token_cache_put(c, slice_make(s.token, n), token_cache_hash(c, slice_make(s.token, n)),
			&s.entry);
	sample_deinit(&s);
}

/* Is it there? If so, it must be right. */
static bool
has(struct token_cache *c, unsigned i, size_t n)
{
	struct token_entry got;
	struct sample s;
	bool found;

	sample_init(&s, i, n);
	found = token_cache_get(c, slice_make(s.token, n),
				token_cache_hash(c, slice_make(s.token, n)), &got);
	if (found) {
		assert_true(slice_eq(identity_headers(got.who), slice_of(s.headers)));
		assert_true(slice_eq(identity_name(got.who), slice_of(s.name)));
		assert_int_equal(got.span.from, s.entry.span.from);
		assert_int_equal(got.span.until, s.entry.span.until);
	}
	sample_deinit(&s);
	return found;
}

static void
test_put_and_get(void **state)
{
	struct token_cache *c = token_cache_new();

	assert_false(has(c, 1, 300));
	put(c, 1, 300);
	assert_true(has(c, 1, 300));
	assert_false(has(c, 1, 301));
	assert_false(has(c, 1, 299));
	assert_false(has(c, 2, 300));
	for (size_t n = 8; n < 200; n++)
		put(c, 3, n);
	for (size_t n = 8; n < 200; n++)
		assert_true(has(c, 3, n));
	token_cache_clear(c);
	assert_false(has(c, 1, 300));
	assert_false(has(c, 3, 100));
	put(c, 1, 300);
	assert_true(has(c, 1, 300));
	token_cache_free(c);
	token_cache_free(NULL);
}

/* Equal hashes prove nothing, and only push each other out. */
static void
test_collisions(void **state)
{
	struct token_cache *c = token_cache_new();
	struct identity who = { .size = sizeof who };
	struct token_entry entry = { .who = &who }, got;
	char token[] = "token 0";
	unsigned found = 0;

	for (char i = '0'; i <= '9'; i++) {
		token[6] = i;
		assert_false(token_cache_get(c, slice_of(token), 77, &got));
		token_cache_put(c, slice_of(token), 77, &entry);
		assert_true(token_cache_get(c, slice_of(token), 77, &got));
	}
	for (char i = '0'; i <= '9'; i++) {
		token[6] = i;
		found += token_cache_get(c, slice_of(token), 77, &got);
	}
	assert_int_equal(found, 8);
	token[6] = '0';
	assert_false(token_cache_get(c, slice_of(token), 77, &got));
	token[6] = '9';
	assert_true(token_cache_get(c, slice_of(token), 77, &got));
	token_cache_free(c);
}

/* Each byte of a token counts, and the key of each cache is its own. */
static void
test_hash(void **state)
{
	struct token_cache *c = token_cache_new(), *d = token_cache_new();
	char token[100];

	memset(token, 'x', sizeof token);
	for (size_t n = 1; n <= sizeof token; n++) {
		uint64_t h = token_cache_hash(c, slice_make(token, n));

		assert_true(h == token_cache_hash(c, slice_make(token, n)));
		assert_true(h != token_cache_hash(d, slice_make(token, n)));
		assert_true(h != token_cache_hash(c, slice_make(token, n - 1)));
		for (size_t i = 0; i < n; i++) {
			token[i] = 'y';
			assert_true(h != token_cache_hash(c, slice_make(token, n)));
			token[i] = 'x';
		}
	}
	token_cache_free(c);
	token_cache_free(d);
}

/* Several times round the ring, with sizes that never fit its end: the new ones are there, the old
 * ones are gone or right. */
static void
test_the_ring_goes_round(void **state)
{
	struct token_cache *c = token_cache_new();
	unsigned count = 0, last_there = 0, old_there = 0;

	for (size_t bytes = 0; bytes < 3 * RING; count++) {
		size_t n = 500 + count % 1777;

		put(c, count, n);
		bytes += n;
	}
	for (unsigned i = 0; i < count; i++) {
		bool there = has(c, i, 500 + i % 1777);

		last_there += there && i >= count - 1000;
		old_there += there && i < count / 2;
	}
	assert_true(last_there > 990);
	assert_int_equal(old_there, 0);
	token_cache_free(c);
}

/* Those in use outlive many that are not. A set that overflows may still cost one of them, and
 * which sets do depends on the key of the process. */
static void
test_use_keeps(void **state)
{
	enum { USED = 50 };
	struct token_cache *c = token_cache_new();
	unsigned kept = 0, unused = 0;

	for (unsigned i = 0; i < 2 * USED; i++)
		put(c, i, 700);
	for (unsigned i = 2 * USED; i < 4 * RING / 700; i++) {
		put(c, i, 700);
		for (unsigned k = 0; i % 1000 == 0 && k < USED; k++)
			has(c, k, 700);
	}
	for (unsigned i = 0; i < USED; i++) {
		kept += has(c, i, 700);
		unused += has(c, USED + i, 700);
	}
	assert_true(kept > USED / 3);
	assert_int_equal(unused, 0);
	token_cache_free(c);
}

static void
test_giants_stay_out(void **state)
{
	struct token_cache *c = token_cache_new();

	put(c, 1, 8192);
	assert_true(has(c, 1, 8192));
	put(c, 2, 1 << 20);
	assert_false(has(c, 2, 1 << 20));
	assert_true(has(c, 1, 8192));
	token_cache_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_put_and_get), cmocka_unit_test(test_collisions),
		cmocka_unit_test(test_hash),        cmocka_unit_test(test_the_ring_goes_round),
		cmocka_unit_test(test_use_keeps),   cmocka_unit_test(test_giants_stay_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
