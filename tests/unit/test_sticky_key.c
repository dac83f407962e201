/* The key of sticky cookies: made once, kept for its owner alone; and what it signs. */

#include "lib/hmac.h"
#include "master/sticky_key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

static char folder[] = "/tmp/yett-sticky-XXXXXX";

static int
enter(void **state)
{
	return mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int
leave(void **state)
{
	unlink("sticky.key");
	return chdir("/") == 0 ? rmdir(folder) : -1;
}

static void
test_made_once(void **state)
{
	struct sticky_key a, b, zero = { { 0 } };
	BUF_CLEAN struct buf error = { 0 };
	struct stat st;

	assert_int_equal(sticky_key_load(&a, folder, &error), 0);
	assert_int_equal(stat("sticky.key", &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(sticky_key_load(&b, folder, &error), 0);
	assert_memory_equal(&a, &b, sizeof a);
	assert_memory_not_equal(&a, &zero, sizeof a);
	/* One that was cut off is replaced. */
	assert_int_equal(truncate("sticky.key", 31), 0);
	assert_int_equal(sticky_key_load(&b, folder, &error), 0);
	assert_memory_not_equal(&a, &b, sizeof a);
	assert_int_equal(stat("sticky.key", &st), 0);
	assert_int_equal(st.st_size, STICKY_KEY_SIZE);
	assert_int_equal(error.n, 0);
}

static void
test_without_a_folder(void **state)
{
	struct sticky_key a, zero = { { 0 } };
	BUF_CLEAN struct buf error = { 0 };

	assert_int_equal(sticky_key_load(&a, "/no/such/folder", &error), -ENOENT);
	assert_memory_not_equal(&a, &zero, sizeof a);
	buf_addc(&error, '\0');
	assert_string_equal(error.p, "/no/such/folder/sticky.key: No such file or directory");
}

static void
test_names_differ(void **state)
{
	static const struct {
		const char *key, *upstream, *authority;
	} cases[] = {
		{ "k", "u", "h:1" }, { "l", "u", "h:1" }, { "k", "v", "h:1" }, { "k", "u", "h:2" }
	};
	char names[4][STICKY_NAME_SIZE], again[STICKY_NAME_SIZE];

	for (size_t i = 0; i < 4; i++) {
		sticky_key_sign(slice_of(cases[i].key), slice_of(cases[i].upstream),
				slice_of(cases[i].authority), names[i]);
		for (size_t k = 0; k < i; k++)
			assert_memory_not_equal(names[i], names[k], STICKY_NAME_SIZE);
	}
	sticky_key_sign(SLICE("k"), SLICE("u"), SLICE("h:1"), again);
	assert_memory_equal(again, names[0], sizeof again);
}

/* RFC 4231 section 4.3. */
static void
test_hmac(void **state)
{
	static const unsigned char want[HMAC_SIZE] = { 0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75,
						       0x4e, 0x6a, 0x04, 0x24, 0x26, 0x08, 0x95,
						       0x75, 0xc7, 0x5a, 0x00, 0x3f, 0x08, 0x9d,
						       0x27, 0x39, 0x83, 0x9d, 0xec, 0x58, 0xb9,
						       0x64, 0xec, 0x38, 0x43 };
	unsigned char got[HMAC_SIZE];

	hmac_sha256(SLICE("Jefe"), SLICE("what do ya want for nothing?"), got);
	assert_memory_equal(got, want, sizeof want);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_made_once),
		cmocka_unit_test(test_without_a_folder),
		cmocka_unit_test(test_names_differ),
		cmocka_unit_test(test_hmac),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
