#include "api_key.h"

#include "lib/json.h"
#include "lib/sha256.h"

#define CLAIMS_MAX 65536
#define CLAIMS_DEPTH 16

enum reason
api_key_check(const struct segment *keys, struct slice key, int64_t now,
	      struct identity_maker *maker, struct token_entry *entry)
{
	const struct table_api_key *row;
	uint8_t digest[SHA256_BYTES];
	struct json *claims;
	enum reason reason;

	if (!keys || key.n == 0 || key.n > TABLE_API_KEY_MAX)
		return REASON_api_key_invalid;
	if (!sha256(key, digest))
		return REASON_internal;
	row = table_api_key_find(keys, digest);
	if (!row || now >= row->until)
		return REASON_api_key_invalid;
	if (json_parse(seg_string(keys, row->claims), CLAIMS_MAX, CLAIMS_DEPTH, &claims) < 0)
		return REASON_internal;
	entry->span = (struct jwt_span){ INT64_MIN, row->until };
	reason =
	    identity_make(maker, claims, IDENTITY_API_KEY, UINT32_MAX, row->until, &entry->who);
	json_free(claims);
	return reason;
}
