/*
 * primitives: those that mbedTLS gets from libcrypto cost about what they cost there. That they are
 * right is shown by mbedTLS's own suites (tests/mbedtls).
 */

#include <mbedtls/ecdsa.h>
#include <mbedtls/ecp.h>
#include <psa/crypto.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#define ROUNDS 50
#define SIGN_US 160 /* ten times what libcrypto needs; mbedTLS's own needs 230 */
#define ECDH_US 600 /* the same, of X25519; mbedTLS's own needs 900 */

static int
random_bytes(void *unused, unsigned char *out, size_t n)
{
	return mbedtls_psa_external_get_random(NULL, out, n, &n) == PSA_SUCCESS ? 0 : -1;
}

static uint64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void
a_signature_is_fast(void **state)
{
	static const unsigned char digest[32] = "thirty-two bytes of some digest";
	mbedtls_ecdsa_context key;
	mbedtls_mpi r, s;
	uint64_t best = UINT64_MAX;

	mbedtls_ecdsa_init(&key);
	mbedtls_mpi_init(&r);
	mbedtls_mpi_init(&s);
	assert_int_equal(mbedtls_ecdsa_genkey(&key, MBEDTLS_ECP_DP_SECP256R1, random_bytes, NULL),
			 0);
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t start = now_us(), took;

		assert_int_equal(mbedtls_ecdsa_sign(&key.MBEDTLS_PRIVATE(grp), &r, &s,
						    &key.MBEDTLS_PRIVATE(d), digest, sizeof digest,
						    random_bytes, NULL),
				 0);
		took = now_us() - start;
		best = took < best ? took : best;
	}
	assert_int_equal(mbedtls_ecdsa_verify(&key.MBEDTLS_PRIVATE(grp), digest, sizeof digest,
					      &key.MBEDTLS_PRIVATE(Q), &r, &s),
			 0);
	assert_true(best <= SIGN_US);
	mbedtls_ecdsa_free(&key);
	mbedtls_mpi_free(&r);
	mbedtls_mpi_free(&s);
}

static void
an_agreement_is_fast(void **state)
{
	mbedtls_ecp_group group;
	mbedtls_ecp_point peer, shared;
	mbedtls_mpi key;
	uint64_t best = UINT64_MAX;

	mbedtls_ecp_group_init(&group);
	mbedtls_ecp_point_init(&peer);
	mbedtls_ecp_point_init(&shared);
	mbedtls_mpi_init(&key);
	assert_int_equal(mbedtls_ecp_group_load(&group, MBEDTLS_ECP_DP_CURVE25519), 0);
	assert_int_equal(mbedtls_ecp_gen_keypair(&group, &key, &peer, random_bytes, NULL), 0);
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t start = now_us(), took;

		assert_int_equal(mbedtls_ecp_mul(&group, &shared, &key, &peer, random_bytes, NULL),
				 0);
		took = now_us() - start;
		best = took < best ? took : best;
	}
	assert_true(best <= ECDH_US);
	mbedtls_ecp_group_free(&group);
	mbedtls_ecp_point_free(&peer);
	mbedtls_ecp_point_free(&shared);
	mbedtls_mpi_free(&key);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_signature_is_fast),
		cmocka_unit_test(an_agreement_is_fast),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
