#pragma once

/*
 * compile_behind: TLS towards endpoints, for the two segments that hold it.
 */

#include "directory.h"
#include "shm/table.h"

struct certificates;

/* The row of SEGMENT_ENDPOINTS for upstreams with these settings, one for all that have the same;
 * 1 + its index. What of `files` is not good is left out: a worker reaches nobody by it. */
uint32_t compile_behind(struct seg_builder *b, const struct certificates *files,
			const struct config_upstream_tls *t);
/* For SEGMENT_KEYS: what those rows refer to, those of the directory, and those of `endpoints`,
 * which may be older (NULL: none are). */
void compile_behind_keys(struct seg_builder *b, const struct certificates *files,
			 const struct directory *d, const struct segment *endpoints);
/* Are all files that the rows of `endpoints` refer to among these? */
bool compile_behind_fits(const struct certificates *files, const struct segment *endpoints);
