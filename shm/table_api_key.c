/*
 * API keys in SEGMENT_KEYS: a table with open addressing by the first bytes of the digest, which
 * are as good as any hash.
 */

#include "table_api_key.h"

#include "hash.h"
#include "table.h"
#include "verify.h"

#include "lib/xalloc.h"

#include <stdlib.h>

static uint32_t
slot_of(const uint8_t digest[SHA256_BYTES], uint32_t count)
{
	uint32_t hash;

	memcpy(&hash, digest, sizeof hash);
	return hash_slot(hash, count);
}

const struct table_api_key *
table_api_key_find(const struct segment *keys, const uint8_t digest[SHA256_BYTES])
{
	uint32_t count = seg_count(keys, KEYS_API_KEYS), i = slot_of(digest, count);

	for (uint32_t n = 0; n < count; n++) {
		const struct table_api_key *row =
		    seg_at(keys, KEYS_API_KEYS, i, sizeof(struct table_api_key));

		if (!row || row->name.size == 0)
			return NULL;
		if (sha256_equal(row->digest, digest))
			return row;
		i = i + 1 < count ? i + 1 : 0;
	}
	return NULL;
}

/* Half full at most, so that a free slot is never far. */
void
table_api_keys_add(struct seg_builder *b, const struct table_api_key *rows, uint32_t n)
{
	uint32_t count = n * 2, i;
	struct table_api_key *slots = xcalloc(count + 1, sizeof *slots);

	for (uint32_t k = 0; k < n; k++) {
		i = slot_of(rows[k].digest, count);
		while (slots[i].name.size > 0)
			i = i + 1 < count ? i + 1 : 0;
		slots[i] = rows[k];
	}
	for (i = 0; i < count; i++)
		seg_builder_add(b, KEYS_API_KEYS, &slots[i], sizeof slots[i]);
	free(slots);
}

bool
table_api_keys_ok(const struct segment *s)
{
	uint32_t count;
	bool ok = true;
	const struct table_api_key *row = section(s, KEYS_API_KEYS, sizeof *row, &count, &ok);

	for (uint32_t i = 0; i < count; i++)
		ok &= ref_ok(s, row[i].name) && ref_ok(s, row[i].claims);
	return ok;
}
