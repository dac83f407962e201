#pragma once

/*
 * random: numbers that are the same at every run (xorshift). The test that includes it defines
 * SEED.
 */

#include <stdint.h>

static uint64_t seed = SEED;

/* 0 to n - 1. */
static uint32_t
below(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 33) % n;
}
