#pragma once

/*
 * metric: every metric of /metrics has a row here, which makes its head there, `yett help metrics`
 * and the list of yett-metrics(7), which a test compares with this one.
 *
 * Row: name behind "yett_", type, labels with commas between them, what it says (no period). The
 * plain counters of the board are metrics, too, called as they are there and _total.
 */

#include "board.h"

#define METRICS(X)                                                                                 \
	X(build_info, GAUGE, "version", "1, with the version that runs")                           \
	X(started_timestamp_seconds, GAUGE, "", "When the master began")                           \
	X(ready, GAUGE, "", "1 when every worker has a table")                                     \
	X(degraded, GAUGE, "", "1: serves, but not as it should; the status says why")             \
	X(master_up, GAUGE, "", "0: there is no master; the workers go on by what they have")      \
	X(requests_total, COUNTER, "code,method",                                                  \
	  "Requests by the status of the answer (none: none was sent) and the method")             \
	X(request_duration_seconds, HISTOGRAM, "",                                                 \
	  "From the first byte of the head to the last byte of the answer, tunnels left out")      \
	X(request_size_bytes, HISTOGRAM, "", "Bytes of a request, tunnels left out")               \
	X(response_size_bytes, HISTOGRAM, "", "Bytes of an answer, tunnels left out")              \
	X(refusals_total, COUNTER, "reason",                                                       \
	  "Requests that the gateway answered or ended itself, by reason (yett(8), REASONS)")      \
	X(gate_verdicts_total, COUNTER, "verdict",                                                 \
	  "What the gate said of requests: identified and anonymous passed, all else is a reason") \
	X(tls_handshakes_failed_total, COUNTER, "reason",                                          \
	  "TLS handshakes with clients that failed, by reason")                                    \
	X(worker_connections, GAUGE, "worker", "Clients connected")                                \
	X(worker_requests_in_flight, GAUGE, "worker", "Requests under way")                        \
	X(worker_requests_queued, GAUGE, "worker", "Requests that wait for an endpoint")           \
	X(worker_tunnels, GAUGE, "worker", "Open tunnels")                                         \
	X(worker_table_version, GAUGE, "worker", "Version of the table in force")                  \
	X(worker_tables, GAUGE, "worker", "Versions of the table that are still in use")           \
	X(worker_heartbeat_age_seconds, GAUGE, "worker", "Since when its loop was last seen")      \
	X(worker_sessions, GAUGE, "worker", "Sessions in the worker's cache, with login")          \
	X(worker_sessions_up, GAUGE, "worker",                                                     \
	  "1 where the Redis of sessions answers the worker, with login")                          \
	X(worker_respawns_total, COUNTER, "", "Workers that died and were replaced")               \
	X(sandbox_missing, GAUGE, "",                                                              \
	  "Workers without the sandbox that they should have, with the admin worker")              \
	X(table_version, GAUGE, "", "Newest version of the table")                                 \
	X(table_published_timestamp_seconds, GAUGE, "", "When it was published")                   \
	X(reloads_succeeded_total, COUNTER, "", "Reloads that took effect")                        \
	X(reloads_failed_total, COUNTER, "", "Reloads that were refused")                          \
	X(last_reload_success, GAUGE, "", "1 when the last reload took effect; so has the start")  \
	X(last_reload_success_timestamp_seconds, GAUGE, "",                                        \
	  "When the configuration in force was read")                                              \
	X(endpoints, GAUGE, "", "Endpoints of all upstreams")                                      \
	X(endpoints_uncounted, GAUGE, "",                                                          \
	  "Of them, those without counters: neither ejected nor kept to max_connections")          \
	X(endpoints_unprobed, GAUGE, "",                                                           \
	  "Of them, those that are to be probed and are not: there are too many")                  \
	X(board_rows, GAUGE, "of",                                                                 \
	  "Rows of counters that are taken, of routes, limits, endpoints and upstreams")           \
	X(dns_names, GAUGE, "", "Names of endpoints that are looked up")                           \
	X(dns_names_failing, GAUGE, "",                                                            \
	  "Of them, those whose last look-up failed: their endpoints keep the addresses of "       \
	  "before")                                                                                \
	X(dns_oldest_answer_timestamp_seconds, GAUGE, "",                                          \
	  "When the name was answered whose last answer is the oldest, where any was")             \
	X(memory_short, GAUGE, "",                                                                 \
	  "1: the limit of memory is nearly reached, so that requests are refused")                \
	X(memory_limit_bytes, GAUGE, "", "That limit, where there is one")                         \
	X(memory_used_bytes, GAUGE, "", "What is taken of it")                                     \
	X(rules_refused, GAUGE, "", "Rules that stand refused")                                    \
	X(rules_refused_closed, GAUGE, "",                                                         \
	  "Of them, those without a last good version: what they match is answered 503")           \
	X(rules_withheld, GAUGE, "", "Deletions that are withheld")                                \
	X(rules_compared_timestamp_seconds, GAUGE, "",                                             \
	  "When the rules were last compared in full with those of Redis, where there is one")     \
	X(rules_saved_timestamp_seconds, GAUGE, "",                                                \
	  "When the rules were saved that a start without Redis begins with, where there is one")  \
	X(rules_revision_info, GAUGE, "revision", "1, with the revision of the rules in force")    \
	X(rules_revision_timestamp_seconds, GAUGE, "", "When it was made")                         \
	X(redis_up, GAUGE, "", "1 when the Redis of rules answers, where there is one")            \
	X(redis_server_info, GAUGE, "of,server,found",                                             \
	  "1, with the server that is in use or was last tried, and how it was found")             \
	X(redis_server_changes_total, COUNTER, "of",                                               \
	  "How often sentinels or a cluster named another server than before")                     \
	X(fleet_up, GAUGE, "", "1 when rates of the fleet are counted together")                   \
	X(fleet_gateways, GAUGE, "", "Gateways that share rates of the fleet")                     \
	X(fleet_keys, GAUGE, "", "Keys of such rates that were asked for of late")                 \
	X(fleet_messages_total, COUNTER, "", "Questions to Redis about them")                      \
	X(trace_spans_exported_total, COUNTER, "", "Spans that the collector of traces took")      \
	X(trace_spans_lost_total, COUNTER, "",                                                     \
	  "Spans that it did not take, or for which there was no room meanwhile")                  \
	X(trace_exports_failed_total, COUNTER, "", "Requests to it that failed")                   \
	X(suspensions, GAUGE, "", "Identities, sessions and tokens that are suspended")            \
	X(suspensions_known_timestamp_seconds, GAUGE, "",                                          \
	  "When these were last known to be what Redis has, where there is one")                   \
	X(suspension_keys, GAUGE, "", "Raw keys of Redis that suspend somebody")                   \
	X(suspension_keys_known, GAUGE, "",                                                        \
	  "Identities of which it is known whether there is such a key")                           \
	X(suspension_closed, GAUGE, "",                                                            \
	  "1: too little is known of suspensions, nobody with an identity passes")                 \
	X(cascade_waiting, GAUGE, "", "Deletions of users that services have still to hear of")    \
	X(cascade_dead, GAUGE, "", "Deletions of which a service was given up")                    \
	X(cascade_heard_total, COUNTER, "",                                                        \
	  "Deletions that this gateway was the first to hear of")                                  \
	X(cascade_done_total, COUNTER, "", "Services that this gateway told of one")               \
	X(cascade_failed_total, COUNTER, "", "Attempts to that failed")                            \
	X(cascade_given_up_total, COUNTER, "", "Services that it gave up")                         \
	X(cascade_rejected_total, COUNTER, "",                                                     \
	  "Announcements that were no id of a user, or were not kept")                             \
	X(certificates_refused, GAUGE, "",                                                         \
	  "Certificates whose files cannot serve; where there is one of before, it does")          \
	X(certificate_expiry_seconds, GAUGE, "certificate,file",                                   \
	  "How long the certificate is good yet; of many, the 64 that end first")                  \
	X(jwks_age_seconds, GAUGE, "issuer",                                                       \
	  "Since when the keys of an issuer were last seen where they come from")                  \
	X(jwks_keys, GAUGE, "issuer", "Keys of an issuer that are in force")                       \
	X(jwks_fetches_total, COUNTER, "issuer,result",                                            \
	  "Fetches of the keys of an issuer, by what came of them: ok or failed")                  \
	X(routes, GAUGE, "", "Routes in force")                                                    \
	X(routes_uncounted, GAUGE, "",                                                             \
	  "Of them, those without series of their own, as there are too many")                     \
	X(route_requests_total, COUNTER, "route,class",                                            \
	  "Requests by route and class of status: none, or 1xx to 5xx")                            \
	X(route_bytes_total, COUNTER, "route,direction",                                           \
	  "Bytes by route and direction: in is from the client, out is to it")                     \
	X(route_duration_seconds, HISTOGRAM, "route",                                              \
	  "As request_duration_seconds, of a route that was asked for")                            \
	X(shadow_refusals_total, COUNTER, "route",                                                 \
	  "Requests that authorize would have refused, were it not in its shadow mode")            \
	X(upstream_responses_total, COUNTER, "upstream,class",                                     \
	  "Requests sent to the upstream, by class of the status that clients got")                \
	X(upstream_latency_seconds, HISTOGRAM, "upstream",                                         \
	  "From the request to the first byte of its answer; other: there were too many "          \
	  "upstreams")                                                                             \
	X(upstream_requests_total, COUNTER, "upstream,endpoint",                                   \
	  "Requests sent to the endpoint by all upstreams that have it")                           \
	X(upstream_failures_total, COUNTER, "upstream,endpoint", "Tries that failed")              \
	X(upstream_errors_total, COUNTER, "upstream,endpoint",                                     \
	  "Answers of 5xx that came from the endpoint")                                            \
	X(upstream_received_bytes_total, COUNTER, "upstream,endpoint",                             \
	  "Bytes of the requests that it answered, as clients sent them")                          \
	X(upstream_sent_bytes_total, COUNTER, "upstream,endpoint",                                 \
	  "Bytes of its answers, as they were sent to clients")                                    \
	X(upstream_connections_total, COUNTER, "upstream,endpoint", "Connections opened")          \
	X(upstream_first_byte_seconds_total, COUNTER, "upstream,endpoint",                         \
	  "Time from the request to the first byte of its answer, in all")                         \
	X(upstream_requests_in_flight, GAUGE, "upstream,endpoint", "Requests under way")           \
	X(upstream_idle_connections, GAUGE, "upstream,endpoint", "Connections in the pools")       \
	X(upstream_requests_retrying, GAUGE, "upstream,endpoint",                                  \
	  "Requests under way that were sent again")                                               \
	X(upstream_up, GAUGE, "upstream,endpoint", "0 when the health check says dead")            \
	X(upstream_drained, GAUGE, "upstream,endpoint", "1 while a command has taken it out")      \
	X(upstream_ejected, GAUGE, "upstream,endpoint", "1 while the endpoint is ejected")         \
	X(upstream_ejections_total, COUNTER, "upstream,endpoint",                                  \
	  "Times that the endpoint was ejected")                                                   \
	X(upstream_addresses, GAUGE, "upstream,endpoint",                                          \
	  "Addresses that its name has; without any it gets no requests")                          \
	X(upstream_unverified, GAUGE, "upstream",                                                  \
	  "1: whoever answers in the place of an https endpoint is taken for it")                  \
	X(limited_total, COUNTER, "limit", "Requests that a limit refused")                        \
	X(limited_shadow_total, COUNTER, "limit",                                                  \
	  "Requests that a limit in shadow would have refused")                                    \
	X(rate_rows, GAUGE, "", "Keys that there is room for in limits.rate_memory")               \
	X(rate_rows_used, GAUGE, "", "Keys that have spent something, by a sample")

/* By the names that every exporter has. */
#define METRICS_OF_PROCESSES(X)                                                                    \
	X(cpu_seconds_total, COUNTER, "process",                                                   \
	  "Processor time of a process: master, admin, or worker- and its number")                 \
	X(resident_memory_bytes, GAUGE, "process", "Its memory, with what it shares with others")  \
	X(start_time_seconds, GAUGE, "process", "When it began, in seconds since 1970")            \
	X(open_fds, GAUGE, "process", "Its open descriptors, where it may be looked at")           \
	X(max_fds, GAUGE, "process", "How many it may have")

/* With compatibility: renku, beside those: the names of its gateway. */
#define METRICS_OF_RENKU(X)                                                                        \
	X(requests_total, COUNTER, "code,method,host",                                             \
	  "Requests by status, method and host, which is that of renkuBaseURL")                    \
	X(request_duration_seconds, HISTOGRAM, "", "As yett_request_duration_seconds")             \
	X(request_size_bytes, HISTOGRAM, "", "As yett_request_size_bytes")                         \
	X(response_size_bytes, HISTOGRAM, "", "As yett_response_size_bytes")

enum metric {
#define X(name, type, labels, help) METRIC_##name,
	METRICS(X)
#undef X
#define X(name, help) METRIC_##name##_total,
	    BOARD_PLAIN_COUNTERS(X)
#undef X
#define X(name, type, labels, help) METRIC_process_##name,
		METRICS_OF_PROCESSES(X)
#undef X
#define X(name, type, labels, help) METRIC_gateway_##name,
		    METRICS_OF_RENKU(X)
#undef X
			METRIC_N
};

/* The plain counters, in the order in which the board has them. */
#define METRIC_COUNTERS_FIRST METRIC_connections_total
#define METRIC_COUNTERS_LAST METRIC_tls_resumed_total

struct metric_info {
	const char *name, *type, *labels, *help;
};

const struct metric_info *metric_info(enum metric m);
