#pragma once

/*
 * jwt_internal: a key as jwt_key makes it and jwt_verify uses it, and what jwt_sign shares with
 * them. For these three files alone.
 */

#include "jwt.h"

#include <openssl/evp.h>

enum jwt_family { HMAC_SECRET, RSA_PKCS1, RSA_PSS, ECDSA_CURVE, EDDSA_CURVE };

struct jwt_algorithm {
	const char *name;
	enum jwt_family family;
	const char *digest; /* NULL: the signature takes the text itself */
	size_t size;        /* of the signature; 0 = as the key says */
	const char *curve;
};
extern const struct jwt_algorithm jwt_algorithms[JWT_ALG_N];

struct jwt_key {
	/* One context for each algorithm, keyed once: EVP_MAC_init without a key starts it again
	 * from the keyed state, which saves two of the hash's blocks and all look-ups. */
	EVP_MAC_CTX *mac[JWT_HMAC_N];
	EVP_PKEY *public;
	EVP_PKEY_CTX *verify[JWT_ALG_N]; /* initialised; good for any number of signatures */
	EVP_MD *digest[JWT_ALG_N];
	EVP_MD_CTX *scratch;
	uint32_t takes; /* public keys: bits of enum jwt_alg */
};

/* A pem_password_cb of libcrypto: no pass phrase is asked for, whatever the text says of itself. */
static inline int
jwt_no_passphrase(char *room, int size, int writing, void *userdata)
{
	return -1;
}
