/* session_cookie: only what was signed by one of the keys is a cookie of ours, in one spelling. */

#include "worker/session_cookie.h"

#include "lib/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define NAME SLICE("__Host-yett")

/* A secret segment with these keys of cookies. */
static struct segment *
keys_of(const char *const *secrets)
{
	struct segment *keys;
	struct seg_builder b;

	seg_builder_init(&b);
	for (size_t i = 0; secrets[i]; i++) {
		struct table_secret row = {
			.kind = SECRET_COOKIE,
			.number = (uint32_t)i,
			.bytes = seg_builder_string(&b, slice_of(secrets[i])),
		};

		seg_builder_add(&b, KEYS_SECRETS, &row, sizeof row);
	}
	assert_int_equal(seg_builder_finish(&b, SEGMENT_KEYS, 1, &keys), 0);
	seg_builder_deinit(&b);
	return keys;
}

static const char *const newer[] = { "the newest key, of 32 bytes or so", "the key before that",
				     NULL };
static const char *const older[] = { "the key before that", NULL };
static const char *const others[] = { "a key of somebody else", NULL };
static const char *const none[] = { NULL };

static bool
is_good(const char *const *secrets, struct slice name, struct slice value)
{
	struct segment *keys = keys_of(secrets);
	struct session_signed found;
	bool good = session_cookie_read(value, &found) && session_cookie_good(keys, name, &found);

	seg_unref(keys);
	return good;
}

static void
make(const char *const *secrets, const char *id, char value[SESSION_COOKIE])
{
	struct segment *keys = keys_of(secrets);

	assert_true(session_cookie_write(keys, NAME, id, value));
	seg_unref(keys);
}

static void
test_keys(void **state)
{
	char id[SESSION_ID + 1], value[SESSION_COOKIE], old[SESSION_COOKIE];
	struct segment *keys = keys_of(none);

	session_id_new(id);
	make(newer, id, value);
	make(older, id, old);
	assert_true(is_good(newer, NAME, slice_make(value, sizeof value)));
	assert_true(is_good(newer, NAME, slice_make(old, sizeof old)));
	assert_false(is_good(older, NAME, slice_make(value, sizeof value)));
	assert_false(is_good(others, NAME, slice_make(value, sizeof value)));
	assert_false(is_good(none, NAME, slice_make(value, sizeof value)));
	assert_false(is_good(newer, SLICE("__Host-other"), slice_make(value, sizeof value)));
	assert_false(session_cookie_write(keys, NAME, id, value));
	seg_unref(keys);
}

/* Every character counts, in every bit of it. */
static void
test_tampered(void **state)
{
	char id[SESSION_ID + 1], value[SESSION_COOKIE], bad[SESSION_COOKIE + 1];

	session_id_new(id);
	make(newer, id, value);
	for (size_t i = 0; i < sizeof value; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			memcpy(bad, value, sizeof value);
			bad[i] = (char)(bad[i] ^ 1 << bit);
			assert_false(is_good(newer, NAME, slice_make(bad, sizeof value)));
		}
	}
	memcpy(bad, value, sizeof value);
	bad[SESSION_COOKIE] = 'A';
	assert_false(is_good(newer, NAME, slice_make(bad, SESSION_COOKIE + 1)));
	assert_false(is_good(newer, NAME, slice_make(bad, SESSION_COOKIE - 1)));
	assert_false(is_good(newer, NAME, SLICE("")));
}

static void
test_ids(void **state)
{
	char a[SESSION_ID + 1], b[SESSION_ID + 1], bytes[48];
	size_t n;

	session_id_new(a);
	session_id_new(b);
	assert_string_not_equal(a, b);
	assert_int_equal(strlen(a), SESSION_ID);
	assert_int_equal(base64url_decode(slice_of(a), bytes, &n), 0);
	assert_int_equal(n, 32);
	assert_true(session_id_is(slice_of(a)));
	a[10] = ' ';
	assert_false(session_id_is(slice_of(a)));
	a[10] = '\n';
	assert_false(session_id_is(slice_of(a)));
	assert_false(session_id_is(SLICE("../../AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_tampered),
		cmocka_unit_test(test_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
