#pragma once

/*
 * base64: RFC 4648, strictly. One text has one meaning: no line breaks, no spaces, no bits that are
 * not used, padding exactly where it belongs.
 */

#include "slice.h"

/* Section 5 without padding, as RFC 7515 has it. `out` needs in.n / 4 * 3 + 2 bytes. 0 or -EINVAL.
 */
int base64url_decode(struct slice in, char *out, size_t *out_n) __attribute__((warn_unused_result));
/* `out` needs (in.n * 4 + 2) / 3 bytes. Returns how many were written. */
size_t base64url_encode(struct slice in, char *out);
/* Section 4 with padding, which takes this many bytes. Returns how many were written. */
static inline size_t
base64_size(size_t n)
{
	return (n + 2) / 3 * 4;
}
size_t base64_encode(struct slice in, char *out);
/* The same back. `out` needs in.n / 4 * 3 bytes. 0 or -EINVAL. */
int base64_decode(struct slice in, char *out, size_t *out_n) __attribute__((warn_unused_result));
