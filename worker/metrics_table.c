#include "metrics_table.h"

#include "control.h"
#include "metrics.h"
#include "metrics_limits.h"
#include "metrics_requests.h"
#include "metrics_upstreams.h"
#include "snapshot.h"

#include "lib/xalloc.h"

#include <stdlib.h>

/* Labels that come and go: by them a dashboard marks where the rules changed. */
static void
write_revision(const struct snapshot *table, struct buf *b)
{
	if (table->revision.n == 0)
		return;
	metrics_family(b, METRIC_rules_revision_info);
	metrics_name(b, METRIC_rules_revision_info);
	buf_adds(b, SLICE("{revision=\""));
	metrics_label(b, table->revision);
	buf_adds(b, SLICE("\"} 1\n"));
	metrics_family(b, METRIC_rules_revision_timestamp_seconds);
	metrics_name(b, METRIC_rules_revision_timestamp_seconds);
	buf_addf(b, " %lld\n", (long long)table->revision_wall);
}

/* Calls `row` once for each slot of the board that a route has, however many routes share it. */
static void
for_routes(const struct segment *rules, const struct board_counts *sum, struct buf *b,
	   void (*row)(struct buf *b, struct slice name, const struct board_route *counts))
{
	uint8_t *seen = xcalloc(BOARD_ROUTES, 1);

	for (uint32_t i = 0; i < seg_count(rules, RULES_ROUTES); i++) {
		const struct table_route *r = table_route(rules, i);
		uint32_t slot = r->slot < BOARD_ROUTES ? r->slot : 0;

		if (seen[slot] || !table_route_stands(rules, i))
			continue;
		seen[slot] = 1;
		row(b, slot ? table_route_id(rules, r) : SLICE("other"), &sum->route[slot]);
	}
	free(seen);
}

static void
route_requests(struct buf *b, struct slice name, const struct board_route *counts)
{
	for (int c = 0; c < METRICS_CLASSES; c++) {
		if (counts->by_class[c] == 0)
			continue;
		metrics_name(b, METRIC_route_requests_total);
		buf_adds(b, SLICE("{route=\""));
		metrics_label(b, name);
		buf_addf(b, "\",class=\"%s\"} %llu\n", metrics_classes[c],
			 (unsigned long long)counts->by_class[c]);
	}
}

static void
route_bytes(struct buf *b, struct slice name, const struct board_route *counts)
{
	metrics_name(b, METRIC_route_bytes_total);
	buf_adds(b, SLICE("{route=\""));
	metrics_label(b, name);
	buf_addf(b, "\",direction=\"in\"} %llu\n", (unsigned long long)counts->bytes_in);
	metrics_name(b, METRIC_route_bytes_total);
	buf_adds(b, SLICE("{route=\""));
	metrics_label(b, name);
	buf_addf(b, "\",direction=\"out\"} %llu\n", (unsigned long long)counts->bytes_out);
}

/* Of those that were asked for: the others would be thousands of zeros. */
static void
route_durations(struct buf *b, struct slice name, const struct board_route *counts)
{
	BUF_CLEAN struct buf label = { 0 };

	if (counts->duration.sum == 0)
		return;
	buf_adds(&label, SLICE("route=\""));
	metrics_label(&label, name);
	buf_addc(&label, '"');
	metrics_route_durations(b, METRIC_route_duration_seconds, buf_slice(&label),
				&counts->duration);
}

static void
route_shadow(struct buf *b, struct slice name, const struct board_route *counts)
{
	metrics_name(b, METRIC_shadow_refusals_total);
	buf_adds(b, SLICE("{route=\""));
	metrics_label(b, name);
	buf_addf(b, "\"} %llu\n", (unsigned long long)counts->shadow_refusals);
}

static void
write_numbers(const struct segment *rules, struct buf *b)
{
	uint64_t routes = 0, uncounted = 0;

	for (uint32_t i = 0; i < seg_count(rules, RULES_ROUTES); i++) {
		uint32_t slot = table_route(rules, i)->slot;

		if (!table_route_stands(rules, i))
			continue;
		routes++;
		uncounted += slot == 0 || slot >= BOARD_ROUTES;
	}
	metrics_single(b, METRIC_routes, routes);
	metrics_single(b, METRIC_routes_uncounted, uncounted);
}

static void
write_routes(const struct segment *rules, const struct board_counts *sum, struct buf *b)
{
	write_numbers(rules, b);
	metrics_family(b, METRIC_route_requests_total);
	for_routes(rules, sum, b, route_requests);
	metrics_family(b, METRIC_route_bytes_total);
	for_routes(rules, sum, b, route_bytes);
	metrics_family(b, METRIC_route_duration_seconds);
	for_routes(rules, sum, b, route_durations);
	metrics_family(b, METRIC_shadow_refusals_total);
	for_routes(rules, sum, b, route_shadow);
}

void
metrics_write_table(struct worker *w, const struct board_counts *sum, struct buf *out)
{
	const struct snapshot *table = w->table;

	write_revision(table, out);
	write_routes(table->segments[SEGMENT_RULES], sum, out);
	metrics_write_upstreams(w, sum, out);
	metrics_write_limits(w, sum, out);
}
