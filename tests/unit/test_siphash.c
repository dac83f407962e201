/* siphash: the vectors of its authors, and libcrypto as an oracle. */

#include "lib/siphash.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static uint8_t secret[SIPHASH_SECRET];
static uint8_t text[64];

static int
setup(void **state)
{
	for (uint8_t i = 0; i < sizeof secret; i++)
		secret[i] = i;
	for (uint8_t i = 0; i < sizeof text; i++)
		text[i] = i;
	return 0;
}

static uint64_t
hash(size_t n, size_t cut)
{
	struct siphash h;

	siphash_init(&h, secret);
	siphash_add(&h, slice_make((const char *)text, cut));
	siphash_add(&h, slice_make((const char *)text + cut, n - cut));
	return siphash_end(&h);
}

static void
test_vectors(void **state)
{
	assert_true(hash(0, 0) == 0x726fdb47dd0e0e31u);
	assert_true(hash(15, 0) == 0xa129ca6149be45e5u);
}

static uint64_t
oracle(size_t n)
{
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "SIPHASH", NULL);
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);
	unsigned size = 8;
	OSSL_PARAM params[] = { OSSL_PARAM_construct_uint(OSSL_MAC_PARAM_SIZE, &size),
				OSSL_PARAM_construct_end() };
	uint8_t out[8];
	uint64_t value = 0;
	size_t out_n;

	assert_int_equal(EVP_MAC_init(ctx, secret, sizeof secret, params), 1);
	assert_int_equal(EVP_MAC_update(ctx, text, n), 1);
	assert_int_equal(EVP_MAC_final(ctx, out, &out_n, sizeof out), 1);
	for (int i = 0; i < 8; i++)
		value |= (uint64_t)out[i] << 8 * i;
	EVP_MAC_CTX_free(ctx);
	EVP_MAC_free(mac);
	return value;
}

static void
test_every_length_in_every_two_pieces(void **state)
{
	for (size_t n = 0; n <= sizeof text; n++) {
		uint64_t want = oracle(n);

		for (size_t cut = 0; cut <= n; cut++)
			assert_true(hash(n, cut) == want);
	}
}

static void
test_parts_are_told_apart(void **state)
{
	static const struct slice a[] = { { "ab", 2 }, { "c", 1 } };
	static const struct slice b[] = { { "a", 1 }, { "bc", 2 } };
	static const struct slice c[] = { { "abc", 3 }, { "", 0 } };
	const struct slice *all[] = { a, b, c };
	uint64_t value[3];

	for (int i = 0; i < 3; i++) {
		struct siphash h;

		siphash_init(&h, secret);
		siphash_add_part(&h, all[i][0]);
		siphash_add_part(&h, all[i][1]);
		value[i] = siphash_end(&h);
	}
	assert_true(value[0] != value[1] && value[1] != value[2] && value[0] != value[2]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_every_length_in_every_two_pieces),
		cmocka_unit_test(test_parts_are_told_apart),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
