#include "issuer_names.h"

#include "issuers.h"

#include "shm/table.h"

bool
config_issuers_fetched(const struct config_issuer *i)
{
	return i->jwks_uri || i->discovery;
}

uint64_t
config_issuers_mask(const struct config_gate *g, const char *const *names, size_t count,
		    const char **unknown)
{
	uint64_t mask = count == 0 ? UINT64_MAX : 0;

	*unknown = NULL;
	for (size_t i = 0; i < count; i++) {
		uint64_t bit =
		    names[i] && strcmp(names[i], ISSUER_API_KEYS) == 0 ? ISSUERS_API_KEYS : 0;

		for (size_t k = 0; k < g->all_count && k < ISSUERS_MAX; k++) {
			if (names[i] && strcmp(g->all[k].name, names[i]) == 0)
				bit = UINT64_C(1) << k;
		}
		mask |= bit;
		if (!bit && !*unknown)
			*unknown = names[i] ? names[i] : "";
	}
	return mask;
}

uint64_t
issuers_id(const struct config_issuer *i)
{
	const char *texts[] = { i->name, i->iss, i->jwks, i->jwks_uri, i->discovery };
	uint64_t h = 0xcbf29ce484222325u; /* FNV-1a */

	if (!i->jwks && !config_issuers_fetched(i))
		return 0;
	for (size_t k = 0; k < sizeof texts / sizeof *texts; k++) {
		for (const char *c = texts[k] ? texts[k] : "\1";; c++) {
			h = (h ^ (unsigned char)*c) * 0x100000001b3u;
			if (!*c)
				break;
		}
	}
	return h ? h : 1;
}
