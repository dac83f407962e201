#pragma once

/*
 * digest: a set of keys and values as one number of 128 bits, whatever their order: the sum of a
 * hash (SHA-256, cut) of each. What goes into it can be taken out again, so it is kept up to date
 * at the cost of what changes. Two gateways compare sets by it; it protects from no forger, who
 * may write the set itself. The only file of master that includes libcrypto.
 */

#include "lib/slice.h"

#include <stdint.h>

struct digest {
	uint64_t high, low;
};

#define DIGEST_TEXT 33 /* 32 hexadecimal digits and a NUL */

void digest_add(struct digest *d, struct slice key, struct slice value);
/* What was added with the same key and value. */
void digest_remove(struct digest *d, struct slice key, struct slice value);
/* All that was added to and removed from `other`, since it was zero. */
void digest_join(struct digest *d, const struct digest *other);
/* Returns out. */
const char *digest_text(const struct digest *d, char out[DIGEST_TEXT]);
