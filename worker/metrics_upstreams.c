#include "metrics_upstreams.h"

#include "metrics.h"
#include "metrics_requests.h"
#include "peers.h"
#include "snapshot.h"

#include "lib/xalloc.h"

#include <stdlib.h>

/* ---- upstreams ---- */

static void
upstream_responses(struct buf *b, struct slice name, const struct board_upstream *counts)
{
	for (int c = 0; c < METRICS_CLASSES; c++) {
		if (counts->by_class[c] == 0)
			continue;
		metrics_name(b, METRIC_upstream_responses_total);
		buf_adds(b, SLICE("{upstream=\""));
		metrics_label(b, name);
		buf_addf(b, "\",class=\"%s\"} %llu\n", metrics_classes[c],
			 (unsigned long long)counts->by_class[c]);
	}
}

static void
upstream_latency(struct buf *b, struct slice name, const struct board_upstream *counts)
{
	BUF_CLEAN struct buf label = { 0 };

	buf_adds(&label, SLICE("upstream=\""));
	metrics_label(&label, name);
	buf_addc(&label, '"');
	metrics_durations(b, METRIC_upstream_latency_seconds, buf_slice(&label),
			  &counts->first_byte);
}

/* A family, once for each slot of the board that an upstream has. */
static void
write_each(const struct segment *s, const struct board_counts *sum, struct buf *b, enum metric m,
	   void (*row)(struct buf *b, struct slice name, const struct board_upstream *counts))
{
	bool seen[BOARD_UPSTREAMS] = { false };
	uint32_t end = table_upstreams(s);

	metrics_family(b, m);
	for (uint32_t i = 0; i < end; i++) {
		const struct table_upstream *u = table_upstream(s, i);
		uint32_t slot = u && u->slot < BOARD_UPSTREAMS ? u->slot : 0;

		if (!u || u->name.size == 0 || seen[slot])
			continue;
		seen[slot] = true;
		row(b, slot ? seg_string(s, u->name) : SLICE("other"), &sum->upstream[slot]);
	}
}

/* Upstreams of the file and of Redis may have the same name. */
static bool
is_new(struct map *seen, struct slice name)
{
	void **place = map_put(seen, name);

	if (*place)
		return false;
	*place = seen;
	return true;
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
	struct map seen = { 0 };

	metrics_family(b, METRIC_upstream_unverified);
	for (uint32_t i = 0; i < end; i++) {
		const struct table_upstream *u = table_upstream(s, i);

		if (!is_unverified(s, u) || !is_new(&seen, seg_string(s, u->name)))
			continue;
		metrics_name(b, METRIC_upstream_unverified);
		buf_adds(b, SLICE("{upstream=\""));
		metrics_label(b, seg_string(s, u->name));
		buf_adds(b, SLICE("\"} 1\n"));
	}
	map_deinit(&seen, NULL);
}

/* ---- endpoints ---- */

struct shown { /* of one name each */
	const struct table_upstream *upstream;
	const struct table_endpoint *endpoint;
};

static void
endpoint_label(struct buf *b, enum metric m, const struct segment *s, const struct shown *row)
{
	metrics_name(b, m);
	buf_adds(b, SLICE("{upstream=\""));
	metrics_label(b, seg_string(s, row->upstream->name));
	buf_adds(b, SLICE("\",endpoint=\""));
	metrics_label(b, seg_string(s, row->endpoint->authority));
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
	ENDPOINT_DRAINED,
	ENDPOINT_EJECTED,
	ENDPOINT_EJECTIONS,
	ENDPOINT_ADDRESSES
};

static const struct endpoint_row {
	enum metric metric;
	enum endpoint_kind kind;
	size_t at;
} endpoint_rows[] = {
	{ METRIC_upstream_requests_total, ENDPOINT_COUNTER,
	  offsetof(struct board_endpoint, requests) },
	{ METRIC_upstream_failures_total, ENDPOINT_COUNTER,
	  offsetof(struct board_endpoint, failures) },
	{ METRIC_upstream_errors_total, ENDPOINT_COUNTER, offsetof(struct board_endpoint, errors) },
	{ METRIC_upstream_received_bytes_total, ENDPOINT_COUNTER,
	  offsetof(struct board_endpoint, bytes_in) },
	{ METRIC_upstream_sent_bytes_total, ENDPOINT_COUNTER,
	  offsetof(struct board_endpoint, bytes_out) },
	{ METRIC_upstream_connections_total, ENDPOINT_COUNTER,
	  offsetof(struct board_endpoint, connects) },
	{ METRIC_upstream_first_byte_seconds_total, ENDPOINT_SECONDS,
	  offsetof(struct board_endpoint, duration_us) },
	{ METRIC_upstream_requests_in_flight, ENDPOINT_GAUGE,
	  offsetof(struct board_endpoint, in_flight) },
	{ METRIC_upstream_idle_connections, ENDPOINT_GAUGE, offsetof(struct board_endpoint, idle) },
	{ METRIC_upstream_requests_retrying, ENDPOINT_GAUGE,
	  offsetof(struct board_endpoint, retrying) },
	{ METRIC_upstream_up, ENDPOINT_UP, 0 },
	{ METRIC_upstream_drained, ENDPOINT_DRAINED, 0 },
	{ METRIC_upstream_ejected, ENDPOINT_EJECTED, 0 },
	{ METRIC_upstream_ejections_total, ENDPOINT_EJECTIONS, 0 },
	{ METRIC_upstream_addresses, ENDPOINT_ADDRESSES, 0 },
};

static void
endpoint_value(struct worker *w, const struct endpoint_row *row, const struct table_endpoint *e,
	       const struct board_counts *sum, struct buf *b)
{
	uint32_t slot = e->slot;
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
	case ENDPOINT_DRAINED:
		buf_addf(b, "%d\n", h && board_get(&h->drained));
		break;
	case ENDPOINT_EJECTED:
		buf_addf(b, "%d\n", h && board_get(&h->ejected_until_ms) > worker_now(w));
		break;
	case ENDPOINT_EJECTIONS:
		buf_addf(b, "%llu\n", (unsigned long long)(h ? board_get(&h->ejections) : 0));
		break;
	case ENDPOINT_ADDRESSES:
		buf_addf(b, "%u\n", e->count);
		break;
	}
}

static bool
is_first(struct map *seen, const struct segment *s, const struct shown *row)
{
	BUF_CLEAN struct buf name = { 0 };

	buf_adds(&name, seg_string(s, row->upstream->name));
	buf_addc(&name, '\n');
	buf_adds(&name, seg_string(s, row->endpoint->authority));
	return is_new(seen, buf_slice(&name));
}

/* Those without a slot are not told of. */
static size_t
list_endpoints(const struct segment *s, struct shown **out)
{
	uint32_t end = table_upstreams(s);
	struct map seen = { 0 };
	size_t n = 0;

	*out = NULL;
	for (uint32_t i = 0; i < end; i++) {
		const struct table_upstream *u = table_upstream(s, i);

		for (uint32_t j = 0; u && j < u->count; j++) {
			struct shown row = { u, table_endpoint(s, u->first + j) };

			if (!row.endpoint || row.endpoint->slot == 0 ||
			    row.endpoint->slot >= BOARD_ENDPOINTS || !is_first(&seen, s, &row))
				continue;
			if (n % 64 == 0)
				*out = xrealloc(*out, (n + 64) * sizeof row);
			(*out)[n++] = row;
		}
	}
	map_deinit(&seen, NULL);
	return n;
}

static void
write_endpoints(struct worker *w, const struct segment *s, const struct board_counts *sum,
		struct buf *b)
{
	struct shown *all;
	size_t n = list_endpoints(s, &all);

	for (size_t row = 0; row < sizeof endpoint_rows / sizeof endpoint_rows[0]; row++) {
		metrics_family(b, endpoint_rows[row].metric);
		for (size_t i = 0; i < n; i++) {
			endpoint_label(b, endpoint_rows[row].metric, s, &all[i]);
			endpoint_value(w, &endpoint_rows[row], all[i].endpoint, sum, b);
		}
	}
	free(all);
}

void
metrics_write_upstreams(struct worker *w, const struct board_counts *sum, struct buf *out)
{
	const struct segment *s = w->table->segments[SEGMENT_ENDPOINTS];

	write_each(s, sum, out, METRIC_upstream_responses_total, upstream_responses);
	write_each(s, sum, out, METRIC_upstream_latency_seconds, upstream_latency);
	write_endpoints(w, s, sum, out);
	write_unverified(s, out);
}
