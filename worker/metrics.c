#include "metrics.h"

#include "control.h"
#include "metrics_tls.h"
#include "peers.h"
#include "snapshot.h"

#include "lib/xalloc.h"

#include <stdlib.h>

static const char *const class_name[] = { "none", "1xx", "2xx", "3xx", "4xx", "5xx" };

void
metrics_family(struct buf *b, const char *name, const char *type, const char *help)
{
	buf_addf(b, "# HELP yett_%s %s.\n# TYPE yett_%s %s\n", name, help, name, type);
}

void
metrics_label(struct buf *b, struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			buf_addc(b, '\\');
		if (s.p[i] == '\n')
			buf_adds(b, SLICE("\\n"));
		else
			buf_addc(b, s.p[i]);
	}
}

static bool
was_folded(const struct board_master *m, uint64_t instance)
{
	for (size_t i = 0; i < sizeof m->folded / sizeof m->folded[0]; i++) {
		if (board_get(&m->folded[i]) == instance)
			return true;
	}
	return false;
}

/* The base and all living pages, of one moment: tried again while the master folds a page into the
 * base. */
static void
sum_up(struct worker *w, struct board_counts *sum)
{
	const struct board_master *m = w->master_page;

	for (int attempt = 0; attempt < 100; attempt++) {
		uint64_t seq = m ? __atomic_load_n(&m->fold_seq, __ATOMIC_ACQUIRE) : 0;

		memset(sum, 0, sizeof *sum);
		if (m)
			board_fold(sum, &m->base);
		for (size_t i = 0; i < w->peers->count; i++) {
			const struct worker_peer *p = &w->peers->peers[i];

			if (p->page->role == ROLE_TRAFFIC && !(m && was_folded(m, p->instance)))
				board_fold(sum, &p->page->counts);
		}
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (!m || (!(seq & 1) && __atomic_load_n(&m->fold_seq, __ATOMIC_RELAXED) == seq))
			return;
	}
}

/* The last counters. */
static void
write_tls_failed(struct buf *b, const struct board_counts *sum)
{
	const size_t prefix = sizeof "tls_failed_" - 1;

	metrics_family(b, "tls_handshakes_failed_total", "counter",
		       "TLS handshakes with clients that failed, by reason");
	for (int i = COUNTER_tls_failed_protocol; i < COUNTER_N; i++)
		buf_addf(b, "yett_tls_handshakes_failed_total{reason=\"%s\"} %llu\n",
			 board_counter_name[i] + prefix, (unsigned long long)sum->counter[i]);
}

static void
write_totals(struct buf *b, const struct board_counts *sum)
{
	uint64_t below = 0;

	for (int i = 0; i < COUNTER_N; i++) {
		if (i == COUNTER_requests || i >= COUNTER_tls_failed_protocol)
			continue;
		buf_addf(
		    b,
		    "# HELP yett_%s_total %s.\n# TYPE yett_%s_total counter\nyett_%s_total %llu\n",
		    board_counter_name[i], board_counter_help[i], board_counter_name[i],
		    board_counter_name[i], (unsigned long long)sum->counter[i]);
	}
	write_tls_failed(b, sum);
	metrics_family(b, "requests_total", "counter", "Requests by class of status");
	for (int i = 0; i < 6; i++)
		buf_addf(b, "yett_requests_total{class=\"%s\"} %llu\n", class_name[i],
			 (unsigned long long)sum->by_class[i]);
	metrics_family(b, "refusals_total", "counter",
		       "Requests that the gateway answered or ended itself, by reason");
	for (int i = 1; i < REASON_N; i++) {
		if (sum->by_reason[i])
			buf_addf(b, "yett_refusals_total{reason=\"%s\"} %llu\n",
				 reason_info((enum reason)i)->name,
				 (unsigned long long)sum->by_reason[i]);
	}
	metrics_family(b, "request_duration_seconds", "histogram",
		       "From the first byte of the head to the last byte of the answer");
	for (int i = 0; i < BOARD_BUCKETS; i++) {
		below += sum->duration[i];
		if (i < BOARD_BUCKETS - 1)
			buf_addf(b, "yett_request_duration_seconds_bucket{le=\"%g\"} %llu\n",
				 board_bucket_us[i] / 1e6, (unsigned long long)below);
	}
	buf_addf(b,
		 "yett_request_duration_seconds_bucket{le=\"+Inf\"} "
		 "%llu\nyett_request_duration_seconds_sum %.6f\n"
		 "yett_request_duration_seconds_count %llu\n",
		 (unsigned long long)below, (double)sum->duration_us / 1e6,
		 (unsigned long long)below);
}

static void
write_gauges(struct worker *w, struct buf *b)
{
	static const struct {
		const char *name, *help;
		size_t at;
	} gauges[] = {
		{ "worker_connections", "Clients connected",
		  offsetof(struct board_worker, connections) },
		{ "worker_requests_in_flight", "Requests under way",
		  offsetof(struct board_worker, in_flight) },
		{ "worker_requests_queued", "Requests that wait for an endpoint",
		  offsetof(struct board_worker, queued) },
		{ "worker_tunnels", "Open tunnels", offsetof(struct board_worker, tunnels_open) },
		{ "worker_table_version", "Version of the table in force",
		  offsetof(struct board_worker, version) },
		{ "worker_tables", "Versions of the table that are still in use",
		  offsetof(struct board_worker, tables_alive) },
	};

	for (size_t g = 0; g < sizeof gauges / sizeof gauges[0]; g++) {
		metrics_family(b, gauges[g].name, "gauge", gauges[g].help);
		for (size_t i = 0; i < w->peers->count; i++) {
			const struct worker_peer *p = &w->peers->peers[i];

			if (p->page->role == ROLE_TRAFFIC && !board_get(&p->page->draining))
				buf_addf(
				    b, "yett_%s{worker=\"%u\"} %llu\n", gauges[g].name, p->slot,
				    (unsigned long long)board_get(
					(const uint64_t *)((const char *)p->page + gauges[g].at)));
		}
	}
}

static void
write_master(const struct board_master *m, struct buf *b)
{
	const struct {
		const char *name, *type, *help;
		uint64_t value;
	} rows[] = {
		{ "table_version", "gauge", "Newest version of the table", board_get(&m->version) },
		{ "table_published_timestamp_seconds", "gauge", "When it was published",
		  board_get(&m->published_wall) },
		{ "ready", "gauge", "Every worker has a table", board_get(&m->ready) },
		{ "reloads_succeeded_total", "counter", "Reloads that took effect",
		  board_get(&m->reloads_ok) },
		{ "reloads_failed_total", "counter", "Reloads that were refused",
		  board_get(&m->reloads_failed) },
		{ "last_reload_success", "gauge", "Whether the last reload took effect",
		  board_get(&m->last_reload_ok) },
		{ "worker_respawns_total", "counter", "Workers that died and were replaced",
		  board_get(&m->respawns) },
		{ "redis_up", "gauge", "Redis answers", board_get(&m->redis_state) == 1 },
		{ "rules_refused", "gauge", "Rules that stand refused",
		  board_get(&m->rules_refused) },
		{ "rules_refused_closed", "gauge",
		  "Of them, those without a last good version: what they match is answered 503",
		  board_get(&m->rules_closed) },
		{ "rules_withheld", "gauge", "Deletions that are withheld",
		  board_get(&m->rules_withheld) },
		{ "rules_compared_timestamp_seconds", "gauge",
		  "When the rules were last compared in full", board_get(&m->rules_age_wall) },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		metrics_family(b, rows[i].name, rows[i].type, rows[i].help);
		buf_addf(b, "yett_%s %llu\n", rows[i].name, (unsigned long long)rows[i].value);
	}
}

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

		if (table_route_stands(rules, i) && !seen[slot]++)
			row(b, slot ? seg_string(rules, r->id) : SLICE("other"), &sum->route[slot]);
	}
	free(seen);
}

static void
route_requests(struct buf *b, struct slice name, const struct board_route *counts)
{
	for (int c = 0; c < 6; c++) {
		if (counts->by_class[c] == 0)
			continue;
		buf_adds(b, SLICE("yett_route_requests_total{route=\""));
		metrics_label(b, name);
		buf_addf(b, "\",class=\"%s\"} %llu\n", class_name[c],
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
metrics_write(struct worker *w, struct buf *out)
{
	struct board_counts *sum = xcalloc(1, sizeof *sum);

	sum_up(w, sum);
	write_totals(out, sum);
	write_gauges(w, out);
	if (w->master_page) {
		write_master(w->master_page, out);
		metrics_write_certificates(w->master_page, out);
	}
	if (w->table) {
		write_revision(w->table, out);
		write_routes(w->table->segments[SEGMENT_RULES], sum, out);
		write_endpoints(w, w->table->segments[SEGMENT_ENDPOINTS], sum, out);
		write_unverified(w->table->segments[SEGMENT_ENDPOINTS], out);
	}
	free(sum);
}
