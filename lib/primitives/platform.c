/*
 * What mbedTLS asks of the machine: random numbers (MBEDTLS_PSA_CRYPTO_EXTERNAL_RNG) and the clock
 * (MBEDTLS_PLATFORM_MS_TIME_ALT).
 */

#include <limits.h>
#include <mbedtls/platform_time.h>
#include <openssl/rand.h>
#include <psa/crypto.h>
#include <time.h>

psa_status_t
mbedtls_psa_external_get_random(mbedtls_psa_external_random_context_t *ctx, uint8_t *out, size_t n,
				size_t *out_n)
{
	if (n > INT_MAX || RAND_bytes(out, (int)n) != 1)
		return PSA_ERROR_INSUFFICIENT_ENTROPY;
	*out_n = n;
	return PSA_SUCCESS;
}

mbedtls_ms_time_t
mbedtls_ms_time(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (mbedtls_ms_time_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
