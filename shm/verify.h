#pragma once

/*
 * verify: what those share that check an image: sections, references and runs that lie inside.
 */

#include "segment.h"

/* The first element of a section whose elements must be of `size` bytes: *count of them, 0 when the
 * size is wrong. Of an overlay those that are its own: its base is verified. */
static inline const void *
section(const struct segment *s, unsigned number, uint32_t size, uint32_t *count, bool *ok)
{
	const void *first = seg_own(s, number, 0, size);

	*count = first ? seg_own_count(s, number) : 0;
	if (!first && seg_own_count(s, number))
		*ok = false;
	return first;
}

static inline bool
ref_ok(const struct segment *s, struct seg_ref ref)
{
	return (uint64_t)ref.offset + ref.size <= seg_count(s, 0) &&
	       seg_string(s, ref).n == ref.size;
}

static inline bool
run_ok(uint32_t first, uint32_t count, uint32_t limit)
{
	return (uint64_t)first + count <= limit;
}
