#pragma once

/*
 * libcrypto: mbedTLS's configuration with libcrypto's primitives. Of what has a switch, mbedTLS
 * leaves its own implementation out; the files beside this one are the other.
 */

#include "configuration.h"

#define MBEDTLS_GCM_ALT
#define MBEDTLS_CHACHAPOLY_ALT
#define MBEDTLS_SHA256_ALT
#define MBEDTLS_SHA512_ALT
#define MBEDTLS_ECDSA_SIGN_ALT
#define MBEDTLS_ECDSA_VERIFY_ALT

/*
 * What has no switch: all of ECDH in TLS 1.2 and 1.3 goes through the first two, RSA through the
 * next, the secrets of TLS 1.3 through the last. mbedTLS's definitions become weak, and no compiler
 * inlines a call of what is weak or binds it to the definition that it sees; ours, which are
 * compiled without this, are strong.
 */
#ifndef PRIMITIVES_STRONG
#pragma weak mbedtls_ecp_mul
#pragma weak mbedtls_ecp_mul_restartable
#pragma weak mbedtls_mpi_exp_mod
#pragma weak mbedtls_mpi_exp_mod_unsafe
#pragma weak mbedtls_rsa_private
#pragma weak mbedtls_ssl_tls13_hkdf_expand_label
#endif
