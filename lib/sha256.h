#pragma once

/*
 * sha256: digests (FIPS 180-4), and their comparison in a time that says nothing.
 */

#include "slice.h"

#include <stdint.h>

#define SHA256_BYTES 32

/* False when libcrypto fails; `out` is zeroes then. */
bool sha256(struct slice bytes, uint8_t out[SHA256_BYTES]) __attribute__((warn_unused_result));
/* Takes the same time whatever they hold. */
bool sha256_equal(const uint8_t a[SHA256_BYTES], const uint8_t b[SHA256_BYTES]);
