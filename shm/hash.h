#pragma once

/*
 * hash: of names and path segments, for the tables of an image. Whoever finds a slot by it compares
 * the bytes as well, so that a collision costs time and nothing else; the names come from
 * operators, so it needs no secret.
 */

#include "lib/slice.h"

#include <stdint.h>

static inline uint64_t
hash_mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t
hash_load64(const char *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof word);
	return word;
}

static inline uint32_t
hash_load32(const char *p)
{
	uint32_t word;

	memcpy(&word, p, sizeof word);
	return word;
}

/* Up to eight bytes as one word; those of seven bytes and fewer overlap, which loses nothing once
 * the length is mixed in. */
static inline uint64_t
hash_tail(const char *p, size_t n)
{
	if (n >= 4)
		return hash_load32(p) | (uint64_t)hash_load32(p + n - 4) << 32;
	if (n == 0)
		return 0;
	return (uint64_t)(unsigned char)p[0] | (uint64_t)(unsigned char)p[n / 2] << 8 |
	       (uint64_t)(unsigned char)p[n - 1] << 16;
}

static inline uint32_t
hash_bytes(uint32_t seed, struct slice s)
{
	uint64_t h = (seed + 0x9e3779b97f4a7c15u) ^ (uint64_t)s.n << 40;

	for (; s.n > 8; s.p += 8, s.n -= 8)
		h = hash_mix(h ^ hash_load64(s.p), 0xe7037ed1a0b428dbu);
	h = hash_mix(h ^ hash_tail(s.p, s.n), 0xa0761d6478bd642fu);
	h = hash_mix(h, 0x8ebc6af09c88c6e3u);
	return (uint32_t)(h >> 32);
}

/* Of numbers that follow one another: they are spread. */
static inline uint32_t
hash_number(uint32_t n)
{
	return (uint32_t)(hash_mix(n + 1, 0x9e3779b97f4a7c15u) >> 32);
}

/* The first slot for a hash in a table of `count` slots, any number of them. */
static inline uint32_t
hash_slot(uint32_t hash, uint32_t count)
{
	return (uint32_t)((uint64_t)hash * count >> 32);
}
