#pragma once

/*
 * jwk: one public key as RFC 7518 section 6.2 and 6.3 and RFC 8037 section 2 write it, made into
 * PEM, which is what lib/jwt reads. Knows nothing of `use`, `alg` and sets: that is jwks.
 */

#include "buf.h"
#include "json.h"

#define JWK_RSA_BITS_MIN 2048 /* RFC 7518 section 3.3 */
#define JWK_RSA_BITS_MAX 8192 /* or a signature would cost too much to check */

/* `kty` RSA, EC (P-256, P-384) or OKP (Ed25519). Adds a PUBLIC KEY to `pem` and returns NULL, or
 * returns a sentence that says what is wrong with it (a literal) and adds nothing. A key that holds
 * its private part is refused: whoever could read it can sign with it. */
const char *jwk_to_pem(const struct json *jwk, struct buf *pem) __attribute__((warn_unused_result));
