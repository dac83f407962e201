#pragma once

/*
 * jwks: a JWK Set (RFC 7517 section 5) as an issuer publishes it, or as it lies in a file: bytes
 * in, keys out. A key that cannot be used is refused alone, with its reason; the others stand. What
 * only names other places (jku, x5u) or repeats the key (x5c, x5t) is not looked at.
 */

#include "jwt.h"

#define JWKS_BYTES_MAX (256u << 10)
#define JWKS_KEYS_MAX 64
#define JWKS_KID_MAX 256 /* bytes */

struct jwks_key {
	struct slice kid;    /* p == NULL: none */
	uint32_t algorithms; /* bits of enum jwt_alg, never none: no other is to be taken */
	bool secret;         /* of kty oct */
	struct slice bytes;  /* the secret itself, or the public key in PEM */
};

struct jwks_refusal {
	size_t index;     /* in the set, from 0 */
	struct slice kid; /* as it came, of any bytes: p == NULL: none that could be read */
	const char *why;  /* a sentence without a subject; a literal */
};

struct jwks {
	struct jwks_key *keys; /* in the order of the set */
	size_t count;
	struct jwks_refusal *refused;
	size_t refused_count;
};

/* `algorithms`: bits of those that the issuer may use. Without those for secrets, which is what a
 * set out of a network deserves, keys of kty oct are refused.
 *
 * A key is for the `alg` it names, or for all of `algorithms` that fit it (a secret as long as the
 * digest at least, RFC 7518 section 3.2). Refused are: `use` other than sig, `key_ops` without
 * verify, RSA of fewer than 2048 bits, a public key that holds its private part, a second key of
 * the same kid for the same algorithm (the same kid for another one is taken: RFC 7517 section
 * 4.5), and what cannot be read.
 *
 * 0, with any number of keys, even none. -EINVAL when it is no JSON of RFC 8259 (names twice are
 * refused, see json.h) or no set, -E2BIG when it is too long or holds more than JWKS_KEYS_MAX keys;
 * then `out` is empty. jwks_deinit is due in any case. */
int jwks_parse(struct slice text, uint32_t algorithms, struct jwks *out)
    __attribute__((warn_unused_result));
void jwks_deinit(struct jwks *set);
/* For jwt_verify. Of a key that jwks_parse took, NULL only when libcrypto fails. */
struct jwt_key *jwks_key_load(const struct jwks_key *key);
