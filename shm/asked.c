#include "asked.h"

#include <stdbool.h>

void
asked_forget(struct asked *a)
{
	__atomic_store_n(&a->reserved, a->written + ASKED_BYTES, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	memset(a->ring, 0, sizeof a->ring);
	__atomic_store_n(&a->written, a->reserved, __ATOMIC_RELEASE);
}

/* The key that ends at `*end`, which becomes the end of the one before it. What lies before `floor`
 * is gone. */
static bool
key_back(const char *ring, uint64_t *end, uint64_t floor, struct asked_key *out)
{
	struct asked_head head;
	struct asked_tail tail;
	const char *p;

	if (*end < floor + sizeof head + sizeof tail)
		return false;
	/* A key lies in one piece, but a foreign one may claim anything. */
	if ((*end - 1) % ASKED_BYTES + 1 < sizeof head + sizeof tail)
		return false;
	p = ring + (*end - 1) % ASKED_BYTES + 1;
	memcpy(&tail, p - sizeof tail, sizeof tail);
	if (tail.size < sizeof head + sizeof tail || tail.size > (size_t)(p - ring) ||
	    *end - floor < (uint64_t)tail.size + tail.gap)
		return false;
	p -= tail.size;
	memcpy(&head, p, sizeof head);
	if (sizeof head + head.host_n + head.path_n + sizeof tail != tail.size)
		return false;
	*out = (struct asked_key){
		.second = head.second,
		.method = head.method,
		.host = slice_make(p + sizeof head, head.host_n),
		.path = slice_make(p + sizeof head + head.host_n, head.path_n),
	};
	*end -= (uint64_t)tail.size + tail.gap;
	return true;
}

size_t
asked_read(const struct asked *a, char *copy, struct asked_key *out, size_t most)
{
	uint64_t end = __atomic_load_n(&a->written, __ATOMIC_ACQUIRE), reserved, floor;
	size_t n = 0;

	memcpy(copy, a->ring, ASKED_BYTES);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	reserved = __atomic_load_n(&a->reserved, __ATOMIC_RELAXED);
	floor = reserved > ASKED_BYTES ? reserved - ASKED_BYTES : 0;
	while (n < most && key_back(copy, &end, floor, &out[n]))
		n++;
	return n;
}
