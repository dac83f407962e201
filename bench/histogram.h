#pragma once

/*
 * histogram: counts of durations with a bounded relative error (1/128), in constant memory. Buckets
 * are linear within a power of two, as in HdrHistogram.
 */

#include "lib/buf.h"

#include <stdint.h>

#define HISTOGRAM_SUB_BITS 7
#define HISTOGRAM_BUCKETS ((64 - HISTOGRAM_SUB_BITS + 1) << HISTOGRAM_SUB_BITS)

struct histogram {
	uint64_t count, sum, max; /* ns */
	uint64_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_reset(struct histogram *h);
void histogram_record(struct histogram *h, uint64_t ns);
/* The smallest recorded duration (its bucket's upper end, never above max) that `share` (0..1) of
 * all do not exceed; 0 when nothing was recorded. */
uint64_t histogram_percentile(const struct histogram *h, double share);
/* Appends [[upper end in us, count], ...], buckets that are not empty only. */
void histogram_print(const struct histogram *h, struct buf *out);
