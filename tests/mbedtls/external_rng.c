/*
 * What mbedTLS's test helpers have to switch random numbers on and off, for a library that has its
 * own (MBEDTLS_PSA_CRYPTO_EXTERNAL_RNG): they are always on.
 */

#include <test/fake_external_rng_for_test.h>

void
mbedtls_test_enable_insecure_external_rng(void)
{
}

void
mbedtls_test_disable_insecure_external_rng(void)
{
}
