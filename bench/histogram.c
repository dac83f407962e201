#include "histogram.h"

static unsigned
bucket_of(uint64_t ns)
{
	unsigned shift;

	if (ns < (1u << HISTOGRAM_SUB_BITS))
		return (unsigned)ns;
	shift = 63u - (unsigned)__builtin_clzll(ns) - HISTOGRAM_SUB_BITS;
	/* ns >> shift has its leading one at HISTOGRAM_SUB_BITS; the bits below it are the place
	 * within the power. */
	return ((shift + 1) << HISTOGRAM_SUB_BITS) + (unsigned)(ns >> shift) -
	       (1u << HISTOGRAM_SUB_BITS);
}

static uint64_t
bucket_end(unsigned bucket)
{
	unsigned power = bucket >> HISTOGRAM_SUB_BITS;
	uint64_t within = bucket & ((1u << HISTOGRAM_SUB_BITS) - 1);

	if (power == 0)
		return within;
	return (((1u << HISTOGRAM_SUB_BITS) + within + 1) << (power - 1)) - 1;
}

void
histogram_reset(struct histogram *h)
{
	memset(h, 0, sizeof *h);
}

void
histogram_record(struct histogram *h, uint64_t ns)
{
	h->buckets[bucket_of(ns)]++;
	h->count++;
	h->sum += ns;
	if (ns > h->max)
		h->max = ns;
}

uint64_t
histogram_percentile(const struct histogram *h, double share)
{
	uint64_t need = (uint64_t)(share * (double)h->count + 0.5), seen = 0;

	if (h->count == 0)
		return 0;
	if (need == 0)
		need = 1;
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += h->buckets[i];
		if (seen >= need)
			return bucket_end(i) < h->max ? bucket_end(i) : h->max;
	}
	return h->max;
}

void
histogram_print(const struct histogram *h, struct buf *out)
{
	const char *sep = "";

	buf_addc(out, '[');
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		if (h->buckets[i] == 0)
			continue;
		buf_addf(out, "%s[%.3f,%llu]", sep, (double)bucket_end(i) / 1000.0,
			 (unsigned long long)h->buckets[i]);
		sep = ",";
	}
	buf_addc(out, ']');
}
