/*
 * What is known, for who compiles a table: without the parts that fetch.
 */

#include "issuers_own.h"

struct issuer *
issuer_find(const struct issuers *is, uint64_t id)
{
	for (size_t i = 0; is && i < is->count; i++) {
		if (is->all[i]->id == id)
			return is->all[i];
	}
	return NULL;
}

const struct jwks *
issuers_keys(const struct issuers *is, const struct config_issuer *config)
{
	const struct issuer *i = issuer_find(is, issuers_id(config));

	return i && i->known ? &i->set.jwks : NULL;
}
