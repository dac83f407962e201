#pragma once

/*
 * jwt_sign: tokens of our own. A private key is parsed once and signs any number of them; its
 * public part is known by a name that is made of itself (RFC 7638), so that nobody has to think of
 * one.
 */

#include "buf.h"

struct jwt_signer;

/* A private key in PEM (RFC 7468, not encrypted): RSA of 2048 to 8192 bits signs by RS256, EC on
 * P-256 by ES256. NULL for any other one, and *why, a sentence without a subject. Not for use by
 * two threads at once. */
struct jwt_signer *jwt_signer_new(struct slice pem, const char **why);
void jwt_signer_free(struct jwt_signer *s); /* NULL is allowed */
/* The public part as a member of a JWKS (RFC 7517 section 4), with kid, alg and use. */
struct slice jwt_signer_jwk(const struct jwt_signer *s);
/* Appends the token (compact JWS) that has these claims, a JSON object. 0, or -EIO when libcrypto
 * fails: then nothing was added. */
int jwt_sign(struct jwt_signer *s, struct slice claims, struct buf *out)
    __attribute__((warn_unused_result));
