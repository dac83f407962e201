#include "metrics_master.h"

#include "metrics.h"

#define WORD(name) offsetof(struct board_master, name)

static const struct {
	enum metric metric;
	size_t at;
	bool known; /* left out while it is 0 */
} rows[] = {
	{ METRIC_started_timestamp_seconds, WORD(started_wall), false },
	{ METRIC_ready, WORD(ready), false },
	{ METRIC_degraded, WORD(degraded), false },
	{ METRIC_table_version, WORD(version), false },
	{ METRIC_table_published_timestamp_seconds, WORD(published_wall), true },
	{ METRIC_reloads_succeeded_total, WORD(reloads_ok), false },
	{ METRIC_reloads_failed_total, WORD(reloads_failed), false },
	{ METRIC_last_reload_success, WORD(last_reload_ok), false },
	{ METRIC_last_reload_success_timestamp_seconds, WORD(configured_wall), false },
	{ METRIC_worker_respawns_total, WORD(respawns), false },
	{ METRIC_fleet_up, WORD(fleet_up), false },
	{ METRIC_fleet_gateways, WORD(fleet_gateways), false },
	{ METRIC_fleet_keys, WORD(fleet_keys), false },
	{ METRIC_fleet_messages_total, WORD(fleet_messages), false },
	{ METRIC_trace_spans_exported_total, WORD(spans_exported), false },
	{ METRIC_trace_spans_lost_total, WORD(spans_lost), false },
	{ METRIC_trace_exports_failed_total, WORD(span_failures), false },
	{ METRIC_endpoints, WORD(endpoints), false },
	{ METRIC_endpoints_uncounted, WORD(endpoints_uncounted), false },
	{ METRIC_endpoints_unprobed, WORD(endpoints_unprobed), false },
	{ METRIC_dns_names, WORD(dns_names), false },
	{ METRIC_dns_names_failing, WORD(dns_failing), false },
	{ METRIC_dns_oldest_answer_timestamp_seconds, WORD(dns_oldest_wall), true },
	{ METRIC_memory_short, WORD(memory_short), false },
	{ METRIC_memory_limit_bytes, WORD(memory_limit), true },
	{ METRIC_memory_used_bytes, WORD(memory_used), true },
	{ METRIC_rules_refused, WORD(rules_refused), false },
	{ METRIC_rules_refused_closed, WORD(rules_closed), false },
	{ METRIC_rules_withheld, WORD(rules_withheld), false },
	{ METRIC_rules_compared_timestamp_seconds, WORD(rules_age_wall), true },
	{ METRIC_rules_saved_timestamp_seconds, WORD(rules_saved_wall), true },
	{ METRIC_suspensions, WORD(suspensions), false },
	{ METRIC_suspensions_known_timestamp_seconds, WORD(suspensions_wall), true },
	{ METRIC_suspension_keys, WORD(suspension_keys), false },
	{ METRIC_suspension_keys_known, WORD(suspension_keys_known), false },
	{ METRIC_suspension_closed, WORD(suspension_closed), false },
	{ METRIC_cascade_waiting, WORD(cascade_waiting), false },
	{ METRIC_cascade_dead, WORD(cascade_dead), false },
	{ METRIC_cascade_heard_total, WORD(cascade_heard), false },
	{ METRIC_cascade_done_total, WORD(cascade_done), false },
	{ METRIC_cascade_failed_total, WORD(cascade_failed), false },
	{ METRIC_cascade_given_up_total, WORD(cascade_given_up), false },
	{ METRIC_cascade_rejected_total, WORD(cascade_rejected), false },
	{ METRIC_certificates_refused, WORD(certificates_refused), false },
};

static uint64_t
names_taken(const struct board_name *names, uint64_t limit)
{
	uint64_t high = board_get(&names->high), taken = 0;

	for (uint64_t i = 1; i < high && i < limit; i++)
		taken += board_get(&names[i].low) != 0;
	return taken;
}

static void
write_rows(const struct board_names *names, struct buf *out)
{
	const struct {
		const char *of;
		const struct board_name *names;
		uint64_t limit;
	} kinds[] = {
		{ "route", names->route, BOARD_ROUTES },
		{ "limit", names->limit, BOARD_LIMITS },
		{ "endpoint", names->endpoint, BOARD_HEALTH },
		{ "upstream", names->upstream, BOARD_UPSTREAMS },
	};

	metrics_family(out, METRIC_board_rows);
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		metrics_name(out, METRIC_board_rows);
		buf_addf(out, "{of=\"%s\"} %llu\n", kinds[i].of,
			 (unsigned long long)names_taken(kinds[i].names, kinds[i].limit));
	}
}

void
metrics_write_master(const struct board_master *m, struct buf *out)
{
	uint64_t redis = board_get(&m->redis_state);

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint64_t value = board_get((const uint64_t *)((const char *)m + rows[i].at));

		if (value || !rows[i].known)
			metrics_single(out, rows[i].metric, value);
	}
	if (redis != 0)
		metrics_single(out, METRIC_redis_up, redis == 1);
	write_rows(&m->names, out);
}
