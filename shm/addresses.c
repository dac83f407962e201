#include "addresses.h"

#include "hash.h"

#include "lib/ip.h"

#include <assert.h>

#define WAYS 16 /* rows where one address may lie: two cache lines */
#define COUNT_BITS 20
#define COUNT_MASK ((UINT64_C(1) << COUNT_BITS) - 1)

/* A row is one word, so that no reader sees the hash of one address with the count of another: the
 * upper bits of the hash, and the count. 0: free. */
static uint64_t
tag_of(uint64_t key)
{
	return key & ~COUNT_MASK;
}

static uint32_t
first_row(uint64_t key)
{
	return (uint32_t)(key & COUNT_MASK) % (BOARD_ADDRESSES / WAYS) * WAYS;
}

uint64_t
address_key(const uint8_t ip[16])
{
	size_t n = ip_is_v4(ip) ? 16 : 8;
	struct slice s = slice_make((const char *)ip, n);

	return (uint64_t)hash_bytes(1, s) << 32 | hash_bytes(2, s);
}

uint32_t
address_count(const struct board_worker *page, uint64_t key)
{
	const uint64_t *rows = &page->addresses[first_row(key)];

	for (unsigned i = 0; i < WAYS; i++) {
		uint64_t row = board_get(&rows[i]);

		if (row && tag_of(row) == tag_of(key))
			return (uint32_t)(row & COUNT_MASK);
	}
	return 0;
}

uint32_t
address_add(struct board_worker *page, uint64_t key)
{
	uint32_t first = first_row(key), free = ADDRESS_UNCOUNTED;

	for (uint32_t at = first; at < first + WAYS; at++) {
		uint64_t row = page->addresses[at];

		if (!row && free == ADDRESS_UNCOUNTED)
			free = at;
		if (!row || tag_of(row) != tag_of(key))
			continue;
		if ((row & COUNT_MASK) == COUNT_MASK)
			return ADDRESS_UNCOUNTED;
		board_add(&page->addresses[at], 1);
		return at;
	}
	if (free != ADDRESS_UNCOUNTED)
		board_set(&page->addresses[free], tag_of(key) | 1);
	return free;
}

void
address_drop(struct board_worker *page, uint32_t row)
{
	uint64_t now;

	if (row == ADDRESS_UNCOUNTED)
		return;
	assert(row < BOARD_ADDRESSES && (page->addresses[row] & COUNT_MASK) > 0);
	now = page->addresses[row] - 1;
	board_set(&page->addresses[row], now & COUNT_MASK ? now : 0);
}
