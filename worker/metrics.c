#include "metrics.h"

#include "control.h"
#include "metrics_table.h"
#include "metrics_issuers.h"
#include "metrics_redis.h"
#include "metrics_tls.h"
#include "peers.h"

#include "lib/xalloc.h"

#include <stdlib.h>

const char *const metrics_classes[METRICS_CLASSES] = { "none", "1xx", "2xx", "3xx", "4xx", "5xx" };

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

static void
add_pages(const struct worker_peer *all, size_t count, const struct board_base *base,
	  struct board_counts *sum)
{
	for (size_t i = 0; i < count; i++) {
		if (all[i].page->role == ROLE_TRAFFIC &&
		    !(base && board_has(base, all[i].instance)))
			board_fold(sum, &all[i].page->counts);
	}
}

/* The base and all pages that are not in it, of one moment: tried again when the master has put
 * another base in force meanwhile. */
static void
sum_up(struct worker *w, struct board_counts *sum)
{
	const struct board_master *m = w->master_page;

	for (int attempt = 0; attempt < 100; attempt++) {
		uint64_t turn = m ? board_turn(m) : 0;
		const struct board_base *base = m ? board_base(m) : NULL;

		memset(sum, 0, sizeof *sum);
		if (base)
			board_fold(sum, &base->counts);
		add_pages(w->peers->peers, w->peers->count, base, sum);
		add_pages(w->peers->earlier, w->peers->earlier_count, base, sum);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (!m || board_turn(m) == turn)
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
	for (int i = 0; i < METRICS_CLASSES; i++)
		buf_addf(b, "yett_requests_total{class=\"%s\"} %llu\n", metrics_classes[i],
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
		{ "worker_sessions", "Sessions in the worker's cache",
		  offsetof(struct board_worker, sessions) },
		{ "worker_sessions_up", "1 where the Redis of sessions answers the worker",
		  offsetof(struct board_worker, store_up) },
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
		{ "degraded", "gauge", "Serves, but not as it should: the status says why",
		  board_get(&m->degraded) },
		{ "reloads_succeeded_total", "counter", "Reloads that took effect",
		  board_get(&m->reloads_ok) },
		{ "reloads_failed_total", "counter", "Reloads that were refused",
		  board_get(&m->reloads_failed) },
		{ "last_reload_success", "gauge", "Whether the last reload took effect",
		  board_get(&m->last_reload_ok) },
		{ "worker_respawns_total", "counter", "Workers that died and were replaced",
		  board_get(&m->respawns) },
		{ "redis_up", "gauge", "Redis answers", board_get(&m->redis_state) == 1 },
		{ "fleet_up", "gauge", "Rates of the fleet are counted together",
		  board_get(&m->fleet_up) },
		{ "fleet_gateways", "gauge", "Gateways that share rates of the fleet",
		  board_get(&m->fleet_gateways) },
		{ "fleet_keys", "gauge", "Keys of such rates that were asked for of late",
		  board_get(&m->fleet_keys) },
		{ "fleet_messages_total", "counter", "Questions to Redis about them",
		  board_get(&m->fleet_messages) },
		{ "endpoints", "gauge", "Endpoints of all upstreams", board_get(&m->endpoints) },
		{ "endpoints_uncounted", "gauge",
		  "Of them, those without counters: neither ejected nor kept to max_connections",
		  board_get(&m->endpoints_uncounted) },
		{ "endpoints_unprobed", "gauge",
		  "Of them, those that are to be probed and are not: there are too many",
		  board_get(&m->endpoints_unprobed) },
		{ "rules_refused", "gauge", "Rules that stand refused",
		  board_get(&m->rules_refused) },
		{ "rules_refused_closed", "gauge",
		  "Of them, those without a last good version: what they match is answered 503",
		  board_get(&m->rules_closed) },
		{ "rules_withheld", "gauge", "Deletions that are withheld",
		  board_get(&m->rules_withheld) },
		{ "rules_compared_timestamp_seconds", "gauge",
		  "When the rules were last compared in full", board_get(&m->rules_age_wall) },
		{ "suspensions", "gauge", "Identities, sessions and tokens that are suspended",
		  board_get(&m->suspensions) },
		{ "suspensions_known_timestamp_seconds", "gauge",
		  "When these were last known to be what Redis has; 0 without it",
		  board_get(&m->suspensions_wall) },
		{ "suspension_keys", "gauge", "Raw keys of Redis that suspend somebody",
		  board_get(&m->suspension_keys) },
		{ "suspension_keys_known", "gauge",
		  "Identities of which it is known whether there is such a key",
		  board_get(&m->suspension_keys_known) },
		{ "suspension_closed", "gauge",
		  "Too little is known of suspensions: nobody with an identity passes",
		  board_get(&m->suspension_closed) },
		{ "cascade_waiting", "gauge",
		  "Deletions of users that services have still to hear of",
		  board_get(&m->cascade_waiting) },
		{ "cascade_dead", "gauge", "Deletions of which a service was given up",
		  board_get(&m->cascade_dead) },
		{ "cascade_heard_total", "counter",
		  "Deletions that this gateway was the first to hear of",
		  board_get(&m->cascade_heard) },
		{ "cascade_done_total", "counter", "Services that this gateway told of one",
		  board_get(&m->cascade_done) },
		{ "cascade_failed_total", "counter", "Attempts to that failed",
		  board_get(&m->cascade_failed) },
		{ "cascade_given_up_total", "counter", "Services that it gave up",
		  board_get(&m->cascade_given_up) },
		{ "cascade_rejected_total", "counter",
		  "Announcements that were no id of a user, or were not kept",
		  board_get(&m->cascade_rejected) },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		metrics_family(b, rows[i].name, rows[i].type, rows[i].help);
		buf_addf(b, "yett_%s %llu\n", rows[i].name, (unsigned long long)rows[i].value);
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
		metrics_write_redis(w->master_page, out);
		metrics_write_certificates(w->master_page, out);
		metrics_write_issuers(w->master_page, out);
	}
	if (w->table)
		metrics_write_table(w, sum, out);
	free(sum);
}
