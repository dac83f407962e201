#include "metrics_limits.h"

#include "metrics.h"
#include "snapshot.h"
#include "worker.h"

#include "lib/clock.h"
#include "lib/xalloc.h"

#include <stdlib.h>

static void
write_sample(struct buf *b, enum metric m, struct slice limit, uint64_t value)
{
	metrics_name(b, m);
	buf_adds(b, SLICE("{limit=\""));
	metrics_label(b, limit);
	buf_addf(b, "\"} %llu\n", (unsigned long long)value);
}

/* Once for each slot of the board, however many limits share it. */
static void
write_counter(const struct segment *rules, const struct board_counts *sum, bool shadow,
	      struct buf *b)
{
	enum metric m = shadow ? METRIC_limited_shadow_total : METRIC_limited_total;
	uint8_t *seen = xcalloc(BOARD_LIMITS, 1);
	const struct table_limit *l;

	metrics_family(b, m);
	for (uint32_t i = 0; (l = table_limit(rules, i)) != NULL; i++) {
		uint32_t slot = l->slot < BOARD_LIMITS ? l->slot : 0;
		const struct board_limit *counts = &sum->limit[slot];

		if (seen[slot]++ || (slot && shadow && !(l->flags & LIMIT_SHADOW)))
			continue;
		write_sample(b, m, slot ? seg_string(rules, l->name) : SLICE("other"),
			     shadow ? counts->shadowed : counts->refused);
	}
	free(seen);
}

void
metrics_write_limits(struct worker *w, const struct board_counts *sum, struct buf *out)
{
	const struct segment *rules = w->table->segments[SEGMENT_RULES];
	struct rate_usage usage;

	if (seg_count(rules, RULES_LIMITS) == 0)
		return;
	write_counter(rules, sum, false, out);
	write_counter(rules, sum, true, out);
	if (!w->rates.sets)
		return;
	rate_usage(&w->rates, clock_mono_ns(), &usage);
	metrics_single(out, METRIC_rate_rows, usage.rows);
	metrics_single(out, METRIC_rate_rows_used, usage.used);
}
