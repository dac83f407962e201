#pragma once

/*
 * table_api_key: the part of SEGMENT_KEYS that is of API keys. None of them is in there: a row is
 * found by the SHA-256 of what a client shows. Keys are 256 random bits of our own making, so there
 * is nothing to guess that a slow hash would protect, and a look-up costs one of the fast kind.
 * Included by table.h.
 */

#include "segment.h"

#include "lib/sha256.h"

#define TABLE_API_KEY_MAX 512u /* bytes of what a client may show */

struct table_api_key {
	uint8_t digest[SHA256_BYTES];
	struct seg_ref name;   /* empty: a free slot */
	struct seg_ref claims; /* a JSON object */
	int64_t until;         /* seconds since 1970; INT64_MAX: it does not expire */
};

/* NULL: there is no such key. Digests are compared in a time that says nothing of them. */
const struct table_api_key *table_api_key_find(const struct segment *keys,
					       const uint8_t digest[SHA256_BYTES]);
/* Building: the rows, whose strings lie in the builder's. Called once, with all of them. Of equal
 * digests the first counts. */
void table_api_keys_add(struct seg_builder *b, const struct table_api_key *rows, uint32_t n);
/* For table_verify_keys. */
bool table_api_keys_ok(const struct segment *s);
