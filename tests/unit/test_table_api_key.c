/*
 * Look-ups of API keys in the keys segment, with digests that fall on one slot, and what the
 * verifier refuses.
 */

#include "shm/table.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define ROWS 300u

static struct segment *
sealed(struct seg_builder *b)
{
	struct segment *s = NULL;

	assert_int_equal(seg_builder_finish(b, SEGMENT_KEYS, 1, &s), 0);
	seg_builder_deinit(b);
	return s;
}

/* Those of one `group` begin alike, so that they want one slot. */
static void
digest_of(unsigned i, unsigned group, uint8_t out[SHA256_BYTES])
{
	memset(out, 0, SHA256_BYTES);
	memset(out, (int)(i / group * 7), 4);
	out[4] = (uint8_t)i;
	out[5] = (uint8_t)(i >> 8);
}

static void
found(void **state)
{
	(void)state;
	for (unsigned group = 1; group <= ROWS; group *= 10) {
		struct table_api_key rows[ROWS] = { 0 };
		struct seg_builder b;
		struct segment *s;
		uint8_t other[SHA256_BYTES];

		seg_builder_init(&b);
		for (unsigned i = 0; i < ROWS; i++) {
			char name[16];

			snprintf(name, sizeof name, "k%u", i);
			digest_of(i, group, rows[i].digest);
			rows[i].name = seg_builder_string(&b, slice_of(name));
			rows[i].claims = seg_builder_string(&b, SLICE("{}"));
			rows[i].until = i;
		}
		table_api_keys_add(&b, rows, ROWS);
		s = sealed(&b);
		assert_int_equal(table_verify_keys(s), 0);
		for (unsigned i = 0; i < ROWS; i++) {
			const struct table_api_key *row = table_api_key_find(s, rows[i].digest);

			assert_non_null(row);
			assert_int_equal(row->until, i);
			memcpy(other, rows[i].digest, sizeof other);
			other[SHA256_BYTES - 1] = 1;
			assert_null(table_api_key_find(s, other));
		}
		seg_unref(s);
	}
}

/* Of two with one digest the first counts; where there are none, none is found. */
static void
first_counts(void **state)
{
	struct table_api_key rows[2] = { { .until = 1 }, { .until = 2 } };
	struct seg_builder b;
	struct segment *s;

	(void)state;
	seg_builder_init(&b);
	rows[0].name = rows[1].name = seg_builder_string(&b, SLICE("k"));
	table_api_keys_add(&b, rows, 2);
	s = sealed(&b);
	assert_int_equal(table_api_key_find(s, rows[0].digest)->until, 1);
	seg_unref(s);
	seg_builder_init(&b);
	table_api_keys_add(&b, rows, 0);
	s = sealed(&b);
	assert_int_equal(table_verify_keys(s), 0);
	assert_null(table_api_key_find(s, rows[0].digest));
	seg_unref(s);
}

/* A table without a free slot ends a search all the same; a text that lies outside is refused. */
static void
hostile(void **state)
{
	struct table_api_key row = { 0 };
	struct seg_builder b;
	struct segment *s;
	uint8_t other[SHA256_BYTES] = { 9 };

	(void)state;
	seg_builder_init(&b);
	row.name = seg_builder_string(&b, SLICE("k"));
	for (unsigned i = 0; i < 5; i++)
		seg_builder_add(&b, KEYS_API_KEYS, &row, sizeof row);
	s = sealed(&b);
	assert_null(table_api_key_find(s, other));
	seg_unref(s);
	seg_builder_init(&b);
	row.claims = (struct seg_ref){ .offset = 0, .size = 4096 };
	seg_builder_add(&b, KEYS_API_KEYS, &row, sizeof row);
	s = sealed(&b);
	assert_int_equal(table_verify_keys(s), -EBADMSG);
	seg_unref(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(found),
		cmocka_unit_test(first_counts),
		cmocka_unit_test(hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
