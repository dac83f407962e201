/*
 * Sets of keys: every key of the set is taken or refused, each one that is taken can be used, takes
 * nothing that the issuer may not use, and shares its kid with none for the same algorithm.
 */

#include "lib/jwks.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_key(const struct jwks *set, size_t i, uint32_t algorithms)
{
	const struct jwks_key *k = &set->keys[i];
	struct jwt_key *key = jwks_key_load(k);

	assert(key);
	assert(k->algorithms && !(k->algorithms & ~algorithms));
	assert(k->secret ? !(k->algorithms & JWT_ALGS_PUBLIC)
			 : jwt_key_takes(key) == k->algorithms);
	for (size_t o = 0; k->kid.p && o < i; o++)
		assert(!set->keys[o].kid.p || !slice_eq(k->kid, set->keys[o].kid) ||
		       !(k->algorithms & set->keys[o].algorithms));
	jwt_key_free(key);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint32_t choice[] = { (1u << JWT_ALG_N) - 1, JWT_ALGS_PUBLIC,
					   1u << JWT_RS256 | 1u << JWT_ES384 };
	uint32_t algorithms = choice[size % 3]; /* spaces behind the set change it */
	struct jwks set;

	if (jwks_parse(slice_make((const char *)data, size), algorithms, &set) < 0)
		assert(set.count == 0 && set.refused_count == 0);
	for (size_t i = 0; i < set.count; i++)
		check_key(&set, i, algorithms);
	for (size_t i = 1; i < set.refused_count; i++)
		assert(set.refused[i].index > set.refused[i - 1].index);
	jwks_deinit(&set);
	return 0;
}
