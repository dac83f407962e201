#include "metrics_table.h"

#include "control.h"
#include "metrics.h"
#include "metrics_limits.h"
#include "peers.h"
#include "snapshot.h"

#include "lib/xalloc.h"

#include <stdlib.h>

/* Labels that come and go: by them a dashboard marks where the rules changed. */
static void
write_revision(const struct snapshot *table, struct buf *b)
{
	if (table->revision.n == 0)
		return;
	metrics_family(b, "rules_revision_info", "gauge", "The revision of the rules in force");
	buf_addf(b, "yett_rules_revision_info{revision=\"%.*s\"} 1\n", SLICE_F(table->revision));
	metrics_family(b, "rules_revision_timestamp_seconds", "gauge", "When it was made");
	buf_addf(b, "yett_rules_revision_timestamp_seconds %lld\n",
		 (long long)table->revision_wall);
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
		buf_adds(b, SLICE("yett_route_requests_total{route=\""));
		metrics_label(b, name);
		buf_addf(b, "\",class=\"%s\"} %llu\n", metrics_classes[c],
			 (unsigned long long)counts->by_class[c]);
	}
}

static void
route_bytes(struct buf *b, struct slice name, const struct board_route *counts)
{
	buf_adds(b, SLICE("yett_route_bytes_total{route=\""));
	metrics_label(b, name);
	buf_addf(b, "\",direction=\"in\"} %llu\n", (unsigned long long)counts->bytes_in);
	buf_adds(b, SLICE("yett_route_bytes_total{route=\""));
	metrics_label(b, name);
	buf_addf(b, "\",direction=\"out\"} %llu\n", (unsigned long long)counts->bytes_out);
}

static void
route_seconds(struct buf *b, struct slice name, const struct board_route *counts)
{
	buf_adds(b, SLICE("yett_route_duration_seconds_total{route=\""));
	metrics_label(b, name);
	buf_addf(b, "\"} %.6f\n", (double)counts->duration_us / 1e6);
}

static void
route_shadow(struct buf *b, struct slice name, const struct board_route *counts)
{
	buf_adds(b, SLICE("yett_shadow_refusals_total{route=\""));
	metrics_label(b, name);
	buf_addf(b, "\"} %llu\n", (unsigned long long)counts->shadow_refusals);
}

static void
write_routes(const struct segment *rules, const struct board_counts *sum, struct buf *b)
{
	metrics_family(b, "route_requests_total", "counter",
		       "Requests by route and class of status");
	for_routes(rules, sum, b, route_requests);
	metrics_family(b, "route_bytes_total", "counter", "Bytes by route and direction");
	for_routes(rules, sum, b, route_bytes);
	metrics_family(b, "route_duration_seconds_total", "counter",
		       "Time that the requests of a route took in all, tunnels left out");
	for_routes(rules, sum, b, route_seconds);
	metrics_family(
	    b, "shadow_refusals_total", "counter",
	    "Requests that authorize would have refused, were it not in its shadow mode");
	for_routes(rules, sum, b, route_shadow);
}

static void
endpoint_label(struct buf *b, const char *name, const struct segment *s,
	       const struct table_upstream *u, const struct table_endpoint *e)
{
	buf_addf(b, "yett_%s{upstream=\"", name);
	metrics_label(b, seg_string(s, u->name));
	buf_adds(b, SLICE("\",endpoint=\""));
	metrics_label(b, seg_string(s, e->authority));
	buf_adds(b, SLICE("\"} "));
}

/* A gauge has no part in the base: the living pages are added up. */
static uint64_t
gauge_of(struct worker *w, uint32_t slot, size_t at)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < w->peers->count; i++) {
		const struct board_worker *page = w->peers->peers[i].page;

		sum +=
		    board_get((const uint64_t *)((const char *)&page->counts.endpoint[slot] + at));
	}
	return sum;
}

enum endpoint_kind {
	ENDPOINT_COUNTER,
	ENDPOINT_SECONDS,
	ENDPOINT_GAUGE,
	ENDPOINT_UP,
	ENDPOINT_EJECTED,
	ENDPOINT_EJECTIONS
};

static const struct endpoint_row {
	const char *name, *type, *help;
	enum endpoint_kind kind;
	size_t at;
} endpoint_rows[] = {
	{ "upstream_requests_total", "counter", "Requests sent to the endpoint", ENDPOINT_COUNTER,
	  offsetof(struct board_endpoint, requests) },
	{ "upstream_failures_total", "counter", "Tries that failed", ENDPOINT_COUNTER,
	  offsetof(struct board_endpoint, failures) },
	{ "upstream_errors_total", "counter", "Answers of 5xx that came from the endpoint",
	  ENDPOINT_COUNTER, offsetof(struct board_endpoint, errors) },
	{ "upstream_received_bytes_total", "counter",
	  "Bytes of the requests that it answered, as clients sent them", ENDPOINT_COUNTER,
	  offsetof(struct board_endpoint, bytes_in) },
	{ "upstream_sent_bytes_total", "counter",
	  "Bytes of its answers, as they were sent to clients", ENDPOINT_COUNTER,
	  offsetof(struct board_endpoint, bytes_out) },
	{ "upstream_connections_total", "counter", "Connections opened", ENDPOINT_COUNTER,
	  offsetof(struct board_endpoint, connects) },
	{ "upstream_first_byte_seconds_total", "counter",
	  "Time from the request to the first byte of its answer, in all", ENDPOINT_SECONDS,
	  offsetof(struct board_endpoint, duration_us) },
	{ "upstream_requests_in_flight", "gauge", "Requests under way", ENDPOINT_GAUGE,
	  offsetof(struct board_endpoint, in_flight) },
	{ "upstream_idle_connections", "gauge", "Connections in the pools", ENDPOINT_GAUGE,
	  offsetof(struct board_endpoint, idle) },
	{ "upstream_requests_retrying", "gauge", "Requests under way that were sent again",
	  ENDPOINT_GAUGE, offsetof(struct board_endpoint, retrying) },
	{ "upstream_up", "gauge", "0 when the health check says dead", ENDPOINT_UP, 0 },
	{ "upstream_ejected", "gauge", "1 while the endpoint is ejected", ENDPOINT_EJECTED, 0 },
	{ "upstream_ejections_total", "counter", "Times that the endpoint was ejected",
	  ENDPOINT_EJECTIONS, 0 },
};

static void
endpoint_value(struct worker *w, const struct endpoint_row *row, uint32_t slot,
	       const struct board_counts *sum, struct buf *b)
{
	const struct board_health *h = w->master_page ? &w->master_page->health[slot] : NULL;
	uint64_t count = *(const uint64_t *)((const char *)&sum->endpoint[slot] + row->at);

	switch (row->kind) {
	case ENDPOINT_COUNTER:
		buf_addf(b, "%llu\n", (unsigned long long)count);
		break;
	case ENDPOINT_SECONDS:
		buf_addf(b, "%.6f\n", (double)count / 1e6);
		break;
	case ENDPOINT_GAUGE:
		buf_addf(b, "%llu\n", (unsigned long long)gauge_of(w, slot, row->at));
		break;
	case ENDPOINT_UP:
		buf_addf(b, "%d\n", !h || board_get(&h->state) != HEALTH_DEAD);
		break;
	case ENDPOINT_EJECTED:
		buf_addf(b, "%d\n", h && board_get(&h->ejected_until_ms) > worker_now(w));
		break;
	case ENDPOINT_EJECTIONS:
		buf_addf(b, "%llu\n", (unsigned long long)(h ? board_get(&h->ejections) : 0));
		break;
	}
}

static void
write_endpoints(struct worker *w, const struct segment *s, const struct board_counts *sum,
		struct buf *b)
{
	uint32_t end = table_upstreams(s);

	for (size_t row = 0; row < sizeof endpoint_rows / sizeof endpoint_rows[0]; row++) {
		metrics_family(b, endpoint_rows[row].name, endpoint_rows[row].type,
			       endpoint_rows[row].help);
		for (uint32_t i = 0; i < end; i++) {
			const struct table_upstream *u = table_upstream(s, i);

			for (uint32_t j = 0; u && j < u->count; j++) {
				const struct table_endpoint *e = table_endpoint(s, u->first + j);

				if (!e || e->slot == 0 || e->slot >= BOARD_ENDPOINTS)
					continue;
				endpoint_label(b, endpoint_rows[row].name, s, u, e);
				endpoint_value(w, &endpoint_rows[row], e->slot, sum, b);
			}
		}
	}
}

static bool
is_unverified(const struct segment *s, const struct table_upstream *u)
{
	for (uint32_t i = 0; u && i < u->count; i++) {
		const struct table_endpoint *e = table_endpoint(s, u->first + i);

		if (e && e->tls &&
		    table_upstream_tls(s, e->tls - 1)->flags & UPSTREAM_TLS_UNVERIFIED)
			return true;
	}
	return false;
}

static void
write_unverified(const struct segment *s, struct buf *b)
{
	uint32_t end = table_upstreams(s);

	metrics_family(b, "upstream_unverified", "gauge",
		       "1: whoever answers in the place of an https endpoint is taken for it");
	for (uint32_t i = 0; i < end; i++) {
		const struct table_upstream *u = table_upstream(s, i);

		if (!is_unverified(s, u))
			continue;
		buf_adds(b, SLICE("yett_upstream_unverified{upstream=\""));
		metrics_label(b, seg_string(s, u->name));
		buf_adds(b, SLICE("\"} 1\n"));
	}
}

void
metrics_write_table(struct worker *w, const struct board_counts *sum, struct buf *out)
{
	const struct snapshot *table = w->table;

	write_revision(table, out);
	write_routes(table->segments[SEGMENT_RULES], sum, out);
	write_endpoints(w, table->segments[SEGMENT_ENDPOINTS], sum, out);
	write_unverified(table->segments[SEGMENT_ENDPOINTS], out);
	metrics_write_limits(w, sum, out);
}
