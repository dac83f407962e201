#pragma once

/*
 * bignum: numbers and curve points between mbedTLS and libcrypto.
 */

#include <mbedtls/ecp.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <stdbool.h>

/* For intermediate results; one, for ever. NULL without memory. */
BN_CTX *bignum_scratch(void);
/* Without the sign. NULL without memory. */
BIGNUM *bignum_from(const mbedtls_mpi *m);
int bignum_to(const BIGNUM *b, mbedtls_mpi *m); /* 0, or mbedTLS's error */

/* The curve; one of each, for ever. NULL: not one of P-256, P-384, P-521. */
EC_GROUP *curve_of(mbedtls_ecp_group_id id);
/* NULL: not a point of the curve, or no memory. */
EC_POINT *curve_point(const EC_GROUP *curve, const mbedtls_ecp_group *group,
		      const mbedtls_ecp_point *p);
#define CURVE_POINT_MAX 133 /* uncompressed, of P-521 (SEC 1 section 2.3.3) */
