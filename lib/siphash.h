#pragma once

/*
 * siphash: SipHash-2-4 (Aumasson and Bernstein 2012), for keys that somebody hostile may choose:
 * who does not know the secret can neither predict a value nor make two keys meet. In parts, each
 * of which is told from the next.
 */

#include "slice.h"

#include <stdint.h>

#define SIPHASH_SECRET 16 /* bytes */

struct siphash {
	uint64_t v[4];
	uint64_t word; /* the bytes that make no whole word yet */
	uint64_t size; /* of all so far */
};

void siphash_init(struct siphash *h, const uint8_t secret[SIPHASH_SECRET]);
/* The bytes alone: "ab" and "c" is "abc". */
void siphash_add(struct siphash *h, struct slice bytes);
/* With their length before them: "ab" and "c" is not "a" and "bc". */
void siphash_add_part(struct siphash *h, struct slice part);
uint64_t siphash_end(struct siphash *h);
