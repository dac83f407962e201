#pragma once

/*
 * verifiers_own: between verifiers.c, which judges tokens, and verifiers_load.c.
 */

#include "verifiers.h"

#include "lib/arena.h"
#include "lib/sha256.h"

struct verifier_key {
	struct jwt_key *key; /* for the algorithms that it is for alone */
	struct slice kid;
	uint8_t digest[SHA256_BYTES]; /* of what it was parsed from */
};

struct verifier_claim {
	struct slice claim;
	const struct slice *values;
	size_t values_count;
};

struct verifier {
	uint32_t algorithms;
	uint64_t asked;
	struct jwt_rules rules;
	struct verifier_claim *required;
	size_t required_count;
	struct verifier_key *keys;
	size_t keys_count, keys_cap;
};

struct verifiers {
	struct arena arena; /* of all that follows */
	struct verifier *issuers;
	uint32_t count;
	uint32_t algorithms; /* of all of them */
	bool any;            /* one has keys, or may get some */
};
