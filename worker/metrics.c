#include "metrics.h"

#include "control.h"
#include "metrics_issuers.h"
#include "metrics_master.h"
#include "metrics_process.h"
#include "metrics_redis.h"
#include "metrics_requests.h"
#include "metrics_table.h"
#include "metrics_tls.h"
#include "peers.h"
#include "snapshot.h"

#include "lib/xalloc.h"
#include "shm/table_login.h"

#include <stdlib.h>

const char *const metrics_classes[METRICS_CLASSES] = { "none", "1xx", "2xx", "3xx", "4xx", "5xx" };

void
metrics_family(struct buf *b, enum metric m)
{
	const struct metric_info *info = metric_info(m);

	buf_addf(b, "# HELP %s %s.\n# TYPE %s %s\n", info->name, info->help, info->name,
		 info->type);
}

void
metrics_name(struct buf *b, enum metric m)
{
	buf_adds(b, slice_of(metric_info(m)->name));
}

/* One name that is no UTF-8, and Prometheus would take nothing of all that is told. */
void
metrics_label(struct buf *b, struct slice s)
{
	while (s.n > 0) {
		size_t n = utf8_length(s);

		if (*s.p == '"' || *s.p == '\\')
			buf_addc(b, '\\');
		if (*s.p == '\n')
			buf_adds(b, SLICE("\\n"));
		else if (n == 0)
			buf_adds(b, SLICE("\xef\xbf\xbd"));
		else
			buf_add(b, s.p, n);
		n = n ? n : 1;
		s = slice_make(s.p + n, s.n - n);
	}
}

void
metrics_single(struct buf *b, enum metric m, uint64_t value)
{
	metrics_family(b, m);
	metrics_name(b, m);
	buf_addf(b, " %llu\n", (unsigned long long)value);
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

/* Is this a worker that has series of its own? One that drains is about to give its number away. */
static bool
metrics_shows(const struct worker_peer *p)
{
	return p->page->role == ROLE_TRAFFIC && !board_get(&p->page->draining);
}

static void
worker_sample(struct buf *b, enum metric m, const struct worker_peer *p)
{
	metrics_name(b, m);
	buf_addf(b, "{worker=\"%u\"} ", p->slot);
}

static void
write_heartbeats(struct worker *w, struct buf *b)
{
	uint64_t now = uv_hrtime() / 1000000;

	metrics_family(b, METRIC_worker_heartbeat_age_seconds);
	for (size_t i = 0; i < w->peers->count; i++) {
		const struct worker_peer *p = &w->peers->peers[i];
		uint64_t beat = board_get(&p->page->heartbeat_ms);

		if (!metrics_shows(p))
			continue;
		worker_sample(b, METRIC_worker_heartbeat_age_seconds, p);
		buf_addf(b, "%.3f\n", now > beat ? (double)(now - beat) / 1e3 : 0.0);
	}
}

static void
write_gauges(struct worker *w, struct buf *b)
{
	static const struct {
		enum metric metric;
		bool of_login;
		size_t at;
	} gauges[] = {
		{ METRIC_worker_connections, false, offsetof(struct board_worker, connections) },
		{ METRIC_worker_requests_in_flight, false,
		  offsetof(struct board_worker, in_flight) },
		{ METRIC_worker_requests_queued, false, offsetof(struct board_worker, queued) },
		{ METRIC_worker_tunnels, false, offsetof(struct board_worker, tunnels_open) },
		{ METRIC_worker_table_version, false, offsetof(struct board_worker, version) },
		{ METRIC_worker_tables, false, offsetof(struct board_worker, tables_alive) },
		{ METRIC_worker_sessions, true, offsetof(struct board_worker, sessions) },
		{ METRIC_worker_sessions_up, true, offsetof(struct board_worker, store_up) },
	};
	bool login = w->table && table_login(w->table->segments[SEGMENT_RULES]);

	for (size_t g = 0; g < sizeof gauges / sizeof gauges[0]; g++) {
		if (gauges[g].of_login && !login)
			continue;
		metrics_family(b, gauges[g].metric);
		for (size_t i = 0; i < w->peers->count; i++) {
			const struct worker_peer *p = &w->peers->peers[i];
			const char *page = (const char *)p->page;

			if (!metrics_shows(p))
				continue;
			worker_sample(b, gauges[g].metric, p);
			buf_addf(
			    b, "%llu\n",
			    (unsigned long long)board_get((const uint64_t *)(page + gauges[g].at)));
		}
	}
}

static bool
lacks_sandbox(const struct board_worker *page)
{
	return board_get(&page->sandbox) == SANDBOX_MISSING;
}

/* Who writes this is none of its own peers. */
static void
write_sandbox(struct worker *w, struct buf *b)
{
	uint64_t missing = lacks_sandbox(w->page);

	for (size_t i = 0; i < w->peers->count; i++) {
		if (metrics_shows(&w->peers->peers[i]))
			missing += lacks_sandbox(w->peers->peers[i].page);
	}
	metrics_single(b, METRIC_sandbox_missing, missing);
}

static void
write_build(const struct worker *w, struct buf *b)
{
	metrics_family(b, METRIC_build_info);
	metrics_name(b, METRIC_build_info);
	buf_adds(b, SLICE("{version=\""));
	metrics_label(b, slice_of(w->hello.version));
	buf_adds(b, SLICE("\"} 1\n"));
}

void
metrics_write(struct worker *w, struct buf *out)
{
	struct board_counts *sum = xcalloc(1, sizeof *sum);

	sum_up(w, sum);
	write_build(w, out);
	metrics_write_requests(sum, out);
	write_gauges(w, out);
	write_heartbeats(w, out);
	write_sandbox(w, out);
	metrics_write_processes(w, out);
	metrics_single(out, METRIC_master_up, w->control_open);
	if (w->master_page) {
		metrics_write_master(w->master_page, out);
		metrics_write_redis(w->master_page, out);
		metrics_write_certificates(w->master_page, out);
		metrics_write_issuers(w->master_page, out);
	}
	if (w->table) {
		metrics_write_table(w, sum, out);
		metrics_write_renku(w->table->segments[SEGMENT_RULES], sum, out);
	}
	free(sum);
}
