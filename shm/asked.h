#pragma once

/*
 * asked: what a worker was asked for last: method, host and path of each request, in a ring of
 * bytes on its page. The worker writes, without a lock and without a call; a reader copies the ring
 * and then looks how much of the copy may have been overwritten meanwhile. Of a worker that is gone
 * nothing is left.
 *
 * Paths can hold secrets: the page is read by the gateway's own processes alone, a query is never
 * kept, and a key that is too long is left out rather than cut, since it would match something
 * else.
 */

#include "lib/slice.h"

#include <stddef.h>
#include <stdint.h>

#define ASKED_BYTES (1u << 20) /* ten thousand keys of a hundred bytes */
#define ASKED_HOST_MAX 255
#define ASKED_PATH_MAX 256

struct asked {
	uint64_t reserved; /* bytes ever written, those included that are being written */
	uint64_t written;
	char ring[ASKED_BYTES]; /* of keys: struct asked_head, host, path, struct asked_tail */
};

struct asked_head {
	uint32_t second; /* since 1970 */
	uint16_t path_n;
	uint8_t host_n;
	uint8_t method; /* enum table_method */
};

struct asked_tail {
	uint16_t size; /* of the whole key: the one before it ends so far back */
	uint16_t gap;  /* between that and this one: the end of the ring, which had no room */
};

struct asked_key {
	uint32_t second;
	uint8_t method;
	struct slice host; /* as it came */
	struct slice path; /* canonical, in match form */
};

static inline void
asked_note(struct asked *a, const struct asked_key *key)
{
	struct asked_head head = { key->second, (uint16_t)key->path.n, (uint8_t)key->host.n,
				   key->method };
	struct asked_tail tail = { 0 };
	size_t size = sizeof head + key->host.n + key->path.n + sizeof tail;
	size_t left = ASKED_BYTES - a->written % ASKED_BYTES;
	uint64_t end = a->written + size;
	char *p;

	if (key->host.n > ASKED_HOST_MAX || key->path.n > ASKED_PATH_MAX)
		return;
	if (size > left) {
		tail.gap = (uint16_t)left;
		end += left;
	}
	tail.size = (uint16_t)size;
	__atomic_store_n(&a->reserved, end, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE); /* before the first byte is overwritten */
	p = a->ring + (end - size) % ASKED_BYTES;
	memcpy(p, &head, sizeof head);
	memcpy(p + sizeof head, key->host.p, key->host.n);
	memcpy(p + sizeof head + key->host.n, key->path.p, key->path.n);
	memcpy(p + size - sizeof tail, &tail, sizeof tail);
	__atomic_store_n(&a->written, end, __ATOMIC_RELEASE);
	/* Where the next one goes. */
	__builtin_prefetch(a->ring + (end + 64) % ASKED_BYTES, 1);
	__builtin_prefetch(a->ring + (end + 128) % ASKED_BYTES, 1);
}

/* Nothing of what was written can be read any more. */
void asked_forget(struct asked *a);
/* The newest keys first, at most `most` of them; they point into `copy`, which has room for
 * ASKED_BYTES. How many. No content, however made, leads outside or on for ever. */
size_t asked_read(const struct asked *a, char *copy, struct asked_key *out, size_t most);
