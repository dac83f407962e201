#include "busy.h"

#include "board.h"

#include <assert.h>

#define WAYS 16 /* rows where one key may lie: two lines of the cache */
#define COUNT_BITS 20
#define COUNT_MASK ((UINT64_C(1) << COUNT_BITS) - 1)
#define TRIES 4

_Static_assert(BUSY_LIMIT_MAX == COUNT_MASK, "a row can count to any limit");

/* A row is one word, so that nobody sees the tag of one key with the count of another. */
static uint64_t
tag_of(uint64_t key)
{
	return key & ~COUNT_MASK;
}

static uint32_t
first_row(uint64_t key)
{
	return (uint32_t)(key & COUNT_MASK) % (BUSY_ROWS / WAYS) * WAYS;
}

uint32_t
busy_count(const struct busy *page, uint64_t key)
{
	const uint64_t *rows = &page->row[first_row(key)];

	for (unsigned i = 0; i < WAYS; i++) {
		uint64_t row = board_get(&rows[i]);

		if (row && tag_of(row) == tag_of(key))
			return (uint32_t)(row & COUNT_MASK);
	}
	return 0;
}

/* The key's row on our own page, or one that is free. */
static uint32_t
row_of(const struct busy *own, uint64_t key)
{
	uint32_t first = first_row(key), free = BUSY_FULL;

	for (uint32_t at = first; at < first + WAYS; at++) {
		if (own->row[at] && tag_of(own->row[at]) == tag_of(key))
			return at;
		if (!own->row[at] && free == BUSY_FULL)
			free = at;
	}
	return free;
}

static uint64_t
count_all(const struct busy *const *pages, size_t n, uint64_t key)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += busy_count(pages[i], key);
	return sum;
}

uint32_t
busy_enter(struct busy *own, const struct busy *const *others, size_t n, uint64_t key,
	   uint32_t limit)
{
	uint32_t at = row_of(own, key);
	uint64_t mine;

	if (at == BUSY_FULL)
		return BUSY_FULL;
	mine = own->row[at] & COUNT_MASK;
	for (int i = 0; i < TRIES; i++) {
		if (mine + count_all(others, n, key) >= limit)
			return BUSY_REFUSED;
		board_set(&own->row[at], tag_of(key) | (mine + 1));
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (mine + 1 + count_all(others, n, key) <= limit)
			return at;
		board_set(&own->row[at], mine ? tag_of(key) | mine : 0);
	}
	return BUSY_REFUSED;
}

void
busy_leave(struct busy *own, uint32_t row)
{
	uint64_t now;

	if (row == BUSY_REFUSED || row == BUSY_FULL)
		return;
	assert(row < BUSY_ROWS && (own->row[row] & COUNT_MASK) > 0);
	now = own->row[row] - 1;
	/* Whoever is let in for this must not have begun before we were done. */
	__atomic_store_n(&own->row[row], now & COUNT_MASK ? now : 0, __ATOMIC_RELEASE);
}
