#pragma once

/*
 * board: what is happening. One memfd per writer, writable only by it (sealed F_SEAL_FUTURE_WRITE
 * by its maker after it has mapped it), readable by all. Every word has one writer, so an increment
 * is a load and a store; no lock exists. Pages belong to worker instances; the master folds a dead
 * instance's counters into the base on its own page. When the master itself dies, the next one
 * starts from that page: it goes on with the base, and gives each route, endpoint and limit the
 * slot that it had.
 */

#include "asked.h"
#include "busy.h"
#include "faults.h"
#include "reason.h"
#include "tail.h"
#include "top.h"

#include <stdbool.h>
#include <stdint.h>

#define BOARD_MAGIC 0x6472616f62ull /* "board" */
#define BOARD_LAYOUT 22u
#define BOARD_ROUTES 4096     /* slots; 0 is "other" */
#define BOARD_ENDPOINTS 4096  /* slots with counters; 0 is "other" */
#define BOARD_HEALTH 65536    /* slots with health words, the same to begin with */
#define BOARD_LIMITS 512      /* slots; 0 is "other" */
#define BOARD_UPSTREAMS 512   /* slots; 0 is "other" */
#define BOARD_ADDRESSES 16384 /* rows of addresses.h */
#define BOARD_BUCKETS 20
#define BOARD_ROUTE_BUCKETS 12 /* of a route, which may be many: those from this one on: */
#define BOARD_ROUTE_FIRST 5
#define BOARD_SIZES 14
#define BOARD_METHODS 10      /* of enum table_method */
#define BOARD_CODES 501       /* 0: no answer was sent; else the status less 99 */
#define BOARD_CERTIFICATES 64 /* of more, those that expire first */

/* Upper bounds of durations in microseconds and of sizes in bytes; the last bucket is without
 * bound. */
extern const uint32_t board_bucket_us[BOARD_BUCKETS - 1];
extern const uint32_t board_size_bytes[BOARD_SIZES - 1];

/* Requests that the gate let pass: what follows gate_ is a label. */
#define BOARD_GATE_PASSED(X)                                                                       \
	X(gate_identified, "as somebody")                                                          \
	X(gate_anonymous, "as nobody")

/* Handshakes that failed: what follows tls_failed_ is a label. */
#define BOARD_TLS_FAILED(X)                                                                        \
	X(tls_failed_protocol, "no TLS, broken, or with nothing in common")                        \
	X(tls_failed_certificate, "the client's certificate was refused")                          \
	X(tls_failed_alert, "the client refused ours")                                             \
	X(tls_failed_closed, "the client went away")                                               \
	X(tls_failed_timeout, "it took too long")                                                  \
	X(tls_failed_plain, "the client spoke HTTP in clear")

/* Each is a metric of its own (shm/metric.h). */
#define BOARD_PLAIN_COUNTERS(X)                                                                    \
	X(connections, "Connections accepted from clients")                                        \
	X(received_bytes, "Bytes read from clients")                                               \
	X(sent_bytes, "Bytes written to clients")                                                  \
	X(upstream_connects, "Connections opened to upstreams")                                    \
	X(upstream_reuses, "Requests sent on a pooled connection")                                 \
	X(retries, "Requests sent again")                                                          \
	X(retries_refused, "Requests not sent again because the budget was spent")                 \
	X(fallbacks, "Requests given to a fallback upstream")                                      \
	X(last_resorts,                                                                            \
	  "Requests sent to an endpoint that is dead or ejected, as there was no other")           \
	X(token_hits, "Tokens found verified in the worker's cache")                               \
	X(token_misses, "Tokens whose signature was checked")                                      \
	X(tokens_ignored, "Bad tokens taken for none, where none is needed")                       \
	X(credentials_unfit, "Credentials for upstreams that could not stand in a header")         \
	X(log_dropped, "Access log lines lost because the sink was stuck")                         \
	X(error_log_dropped, "Lines of the worker's error log lost because the sink was stuck")    \
	X(pattern_limits, "Times that a pattern met its limit, and the request was refused")       \
	X(tunnels, "Connections upgraded to a tunnel")                                             \
	X(accept_paused, "Times that accepting stopped at a limit")                                \
	X(addresses_uncounted, "Connections that limits.connections_per_address did not count")    \
	X(proxy_protocol_rejected, "Connections closed for want of a good PROXY header")           \
	X(mirrored, "Copies of requests sent to mirrors")                                          \
	X(mirrors_dropped, "Copies of requests not sent: too large, too many, or no endpoint")     \
	X(mirrors_failed, "Copies of requests that a mirror did not answer")                       \
	X(redirects_asked, "Questions to a redirect store")                                        \
	X(redirects_failed, "Questions that a redirect store did not answer")                      \
	X(hub_answered, "Requests to hubs that were answered by who was asked")                    \
	X(hub_refused, "Requests to hubs that nobody was asked for")                               \
	X(hub_failed, "Requests to hubs that who was asked did not answer")                        \
	X(rates_shared,                                                                            \
	  "Questions to rates that were decided by a row of several keys, for want of "            \
	  "room: see limits.rate_memory")                                                          \
	X(concurrency_full, "Requests refused because no row was left to count them in")           \
	X(suspended_closed, "Requests and streams closed when their user was suspended")           \
	X(session_hits, "Requests whose session was in the worker's cache")                        \
	X(session_misses, "Sessions read from Redis")                                              \
	X(session_loads_failed, "Sessions that could not be read from Redis")                      \
	X(sessions_closed, "Requests and streams closed when their session ended")                 \
	X(fleet_waits, "Requests that waited for units of a rate of the fleet")                    \
	X(fleet_alone, "Requests that passed by this gateway's share of such a rate")              \
	X(refreshes, "Tokens that were refreshed")                                                 \
	X(refreshes_gone, "Refresh tokens that their provider knows no more")                      \
	X(refreshes_refused, "Refreshes that a provider refused for what we are or ask")           \
	X(refreshes_unavailable, "Refreshes that a provider did not answer as it should")          \
	X(refreshes_adopted, "Refreshes that a worker took over from one that died")               \
	X(token_exchanges, "Tokens exchanged for such of another audience (RFC 8693)")             \
	X(token_exchanges_failed, "Exchanges of tokens that a provider did not grant")             \
	X(trace_spans_dropped, "Spans that workers did not hand on, as the master was too slow")   \
	X(logins_started, "Browsers sent to an identity provider to log in")                       \
	X(logins_completed, "Logins that ended where they were to end")                            \
	X(tls_handshakes, "TLS handshakes with clients that succeeded")                            \
	X(tls_resumed, "TLS handshakes with clients that resumed a session")

#define BOARD_COUNTERS(X)                                                                          \
	X(requests, "Requests that were answered or broken off")                                   \
	BOARD_PLAIN_COUNTERS(X)                                                                    \
	BOARD_GATE_PASSED(X)                                                                       \
	BOARD_TLS_FAILED(X)

enum board_counter {
#define X(name, help) COUNTER_##name,
	BOARD_COUNTERS(X)
#undef X
	    COUNTER_N
};
extern const char *const board_counter_name[COUNTER_N];

struct board_route_durations {
	uint64_t bucket[BOARD_ROUTE_BUCKETS]; /* the first one has all that is faster, too */
	uint64_t sum;                         /* microseconds */
};

struct board_route {
	uint64_t by_class[6]; /* by status / 100; 0 = none was sent */
	uint64_t bytes_in, bytes_out;
	struct board_route_durations duration;
	uint64_t shadow_refusals; /* passed, because what refuses them is in its shadow mode */
};

struct board_endpoint {
	uint64_t requests, failures, connects, duration_us; /* to the first byte of the answer */
	uint64_t errors, bytes_in, bytes_out; /* answers of 5xx; bytes as the clients count them */
	uint64_t in_flight;                   /* gauge; so are all below */
	uint64_t idle;
	uint64_t retrying; /* of those in flight, sent again after a failure */
	uint64_t failing;  /* failures in a row, since: */
	uint64_t failing_ms;
	uint64_t good_ms; /* the last answer that was no failure */
};

struct board_limit {
	uint64_t refused;
	uint64_t shadowed; /* would have been */
};

struct board_durations {
	uint64_t bucket[BOARD_BUCKETS];
	uint64_t sum; /* microseconds */
};

struct board_sizes {
	uint64_t bucket[BOARD_SIZES];
	uint64_t sum; /* bytes */
};

struct board_upstream {
	uint64_t by_class[6];              /* of the answers that clients got, as of a route */
	struct board_durations first_byte; /* from the request to the first byte of its answer */
};

/* Counters that are folded when their instance is gone. */
struct board_counts {
	uint64_t counter[COUNTER_N];
	uint64_t by_reason[128];
	uint64_t by_code[BOARD_METHODS][BOARD_CODES];
	struct board_durations duration;
	struct board_sizes request_size, response_size;
	struct board_upstream upstream[BOARD_UPSTREAMS];
	struct board_route route[BOARD_ROUTES];
	struct board_endpoint endpoint[BOARD_ENDPOINTS];
	struct board_limit limit[BOARD_LIMITS];
};
enum board_draining {
	BOARD_SERVES,
	BOARD_DRAINING, /* it accepts nobody, and those whom it has may ask for more */
	BOARD_DECIDED,  /* no more requests are to come: it finishes those that it has */
};

enum board_sandbox {
	SANDBOX_OFF,     /* the configuration says so */
	SANDBOX_ON,      /* the filter is in force */
	SANDBOX_MISSING, /* the kernel, or who started us, does not let us have it */
};
extern const char *const board_sandbox_name[];

/* A worker's page. */
struct board_worker {
	uint64_t magic;
	uint32_t layout;
	uint32_t role; /* enum worker_role */
	uint32_t slot;
	uint32_t pid;
	uint64_t instance;
	uint64_t heartbeat_ms; /* CLOCK_MONOTONIC, stored at every tick */
	uint64_t version;      /* of the table in force, 0 before the first */
	uint64_t connections;  /* gauges: clients connected */
	uint64_t in_flight;    /* requests */
	uint64_t queued;       /* of them, those that wait for an endpoint */
	uint64_t tunnels_open;
	uint64_t sessions; /* kept */
	uint64_t store_up; /* the Redis of sessions answers */
	uint64_t tables_alive;
	uint64_t draining;                   /* enum board_draining */
	uint64_t sandbox;                    /* enum board_sandbox */
	uint64_t addresses[BOARD_ADDRESSES]; /* connections by address, see addresses.h */
	struct board_counts counts;
	struct busy busy;      /* touched with `concurrency` alone */
	struct asked asked;    /* touched with replay_keys alone */
	struct top identities; /* touched with statistics.identities alone */
	struct tail tail;      /* touched while somebody looks */
	struct faults faults;  /* of requests that were no HTTP, or none that is taken */
	struct faults refused; /* of those that a route or a policy refused */
};

/* Those whose instance is gone. There are two: one is in force, by a single word, so that a master
 * that is killed leaves the one or the other, never half of it. */
struct board_base {
	uint64_t
	    folded[64]; /* ring of the last instances that are in it: do not count their pages */
	uint64_t folded_count;
	struct board_counts counts;
};

/* Of which identity a slot is, for the next master: 128 bits of its SHA-256. `low` 0: of none, and
 * it is written last. `high` of slot 0: names of this number and those above were never written, so
 * that nobody reads, and takes memory for, what is not used. */
struct board_name {
	uint64_t high, low;
};

struct board_names {
	struct board_name route[BOARD_ROUTES];
	struct board_name limit[BOARD_LIMITS];
	struct board_name endpoint[BOARD_HEALTH];
	struct board_name upstream[BOARD_UPSTREAMS];
};

enum health_state { HEALTH_UNKNOWN, HEALTH_ALIVE, HEALTH_DEAD };

enum drained { DRAINED_NOT, DRAINED_WHOLLY, DRAINED_BUT_STICKY };

struct board_health {   /* by endpoint slot */
	uint32_t state; /* enum health_state */
	uint32_t
	    seen_2xx;  /* its page once gave a 2xx: from then on anything else counts against it */
	uint64_t died; /* sequence: the largest died last; 0 = never */
	uint64_t checked_ms;
	uint32_t last_status;      /* of the page, 0 = no answer */
	uint32_t ejected_count;    /* times in a row; falls while the endpoint is good */
	uint64_t ejected_until_ms; /* past: it is not. Failures before it count no more */
	uint64_t ejections;        /* in all */
	uint64_t up_since_ms;      /* new, alive again or returned; 0 = as long as the gateway */
	uint64_t drained;          /* enum drained: by an operator */
};

struct board_certificate {
	uint64_t until; /* seconds since 1970; 0: a free row, and so are all behind it */
	char name[128]; /* the first one, "-" for none; ends with NUL, as the next */
	char file[256];
};

/* What identities did whose workers are gone. There are two: one is in force, by a single word, so
 * that a master that is killed leaves the one or the other, never half of it. */
struct board_top {
	uint64_t last; /* the instance that was added last */
	struct top top;
};

/* What of these was written to Redis, for the next master: seen[done % 2] was, all of it;
 * seen[pending % 2] is on its way, if that is another number. `last` is the hour that it is written
 * to, in seconds since 1970. */
struct board_flush {
	uint64_t on;         /* 0: nothing was seen yet */
	uint64_t gateway[2]; /* a name at random, by which Redis knows what came already */
	uint64_t done, pending;
	struct board_top seen[2];
};

enum board_redis_of { BOARD_REDIS_RULES, BOARD_REDIS_SESSIONS, BOARD_REDIS_N };

struct board_redis {
	uint64_t changes; /* how often the server that is found was another one */
	char server[264]; /* in use, or last tried; "": there is none */
	char by[304];     /* how it was found: "address", "sentinel 10.0.0.1:26379" */
};

#define BOARD_ISSUERS 64

struct board_issuer {
	uint64_t fetched_wall; /* when its keys were last seen, seconds since 1970; 0: never */
	uint64_t keys;
	uint64_t fetches, failures;
	char name[64]; /* ends with NUL; "": a free row, and so are all behind it */
};

/* Rows of processes: the master, the admin worker, then the workers by slot. */
#define BOARD_PROCESSES 258

struct board_process {
	uint64_t pid;         /* 0: there is none */
	uint64_t cpu_ms;      /* of all its threads */
	uint64_t started_ms;  /* since 1970 */
	uint64_t memory;      /* bytes that are resident */
	uint64_t descriptors; /* that it has open; 0: unknown, as the next */
	uint64_t descriptors_max;
};

/* The master's page. */
struct board_master {
	uint64_t magic;
	uint32_t layout;
	uint32_t pid;
	uint64_t version;        /* newest table published */
	uint64_t published_wall; /* seconds since 1970 */
	uint64_t ready;          /* every worker has a table */
	uint64_t leaving;        /* it ends soon: who has a connection is to make a new one */
	uint64_t degraded;       /* it serves, but not as it should: see its status */
	struct board_process process[BOARD_PROCESSES];    /* as of the last second */
	uint64_t dns_names, dns_failing, dns_oldest_wall; /* of master/resolve.h */
	uint64_t gateway; /* by which others know it (master/roster.h); 0: none yet */
	uint64_t reloads_ok, reloads_failed;
	uint64_t last_reload_ok;  /* 1 or 0 */
	uint64_t configured_wall; /* when the configuration in force was read, seconds since 1970 */
	uint64_t started_wall;    /* the same of the master's start */
	uint64_t respawns;
	uint64_t redis_state;      /* 0 not configured, 1 up, 2 down */
	uint64_t rules_refused;    /* how many stand refused */
	uint64_t rules_closed;     /* of them, those without a last good version */
	uint64_t rules_withheld;   /* deletions not applied */
	uint64_t suspensions;      /* of our own */
	uint64_t suspensions_wall; /* when they were last known to be what Redis has */
	uint64_t suspension_keys;  /* raw keys that suspend somebody */
	uint64_t suspension_keys_known;
	uint64_t suspension_closed; /* nobody with an identity passes */
	uint64_t rules_age_wall; /* when the rules were last compared in full, seconds since 1970 */
	uint64_t rules_saved_wall; /* how old those are that lie on disk; 0: there are none */
	uint64_t cascade_waiting, cascade_dead; /* jobs, as Redis said last */
	uint64_t cascade_heard, cascade_done, cascade_failed, cascade_given_up, cascade_rejected;
	uint64_t certificates_refused; /* pairs that do not serve, or not as they are now */
	uint64_t certificates_seq;     /* odd while the rows change */
	struct board_certificate certificates[BOARD_CERTIFICATES];
	uint64_t redis_seq; /* odd while the rows change */
	struct board_redis redis[BOARD_REDIS_N];
	uint64_t issuers_seq;                       /* odd while the rows change */
	struct board_issuer issuers[BOARD_ISSUERS]; /* whose keys are fetched */
	uint64_t fleet_up, fleet_gateways, fleet_keys, fleet_messages; /* of master/fleet.h */
	uint64_t spans_exported, spans_lost, span_failures;            /* of master/tracer.h */
	uint64_t tail_ms;       /* when somebody looked at the lines of the log (shm/tail.h) */
	uint64_t maintenance_s; /* everything is answered by 503, with this Retry-After; 0 = off */
	uint64_t memory_short;  /* of what follows nearly all is taken: requests are refused */
	uint64_t memory_limit, memory_used; /* bytes; 0: there is no limit */
	uint64_t endpoints, endpoints_uncounted, endpoints_unprobed; /* of master/directory.h */
	struct board_health health[BOARD_HEALTH];
	uint64_t base_turn; /* base[turn % 2] is in force; who sees it change reads again */
	struct board_base base[2];
	struct board_names names; /* the master alone needs them; others count them */
	uint64_t
	    identities_turn; /* identities[turn % 2] is in force; the master alone reads them */
	struct board_top identities[2];
	struct board_flush flush;
};

/* Makes a page of `size` bytes, maps it writable, seals it against every other writer. *out_fd is
 * for handing out (a reader maps it read-only). 0 or a negative errno. */
int board_create(size_t size, void **out_page, int *out_fd) __attribute__((warn_unused_result));
/* Maps another's page read-only after checking size and seals; `fd` is taken over. 0 or -EBADMSG.
 */
int board_map(int fd, size_t size, const void **out_page) __attribute__((warn_unused_result));
void board_unmap(const void *page, size_t size);

/* One writer: a plain increment that no reader sees half. */
#define board_add(field, n) __atomic_store_n((field), *(field) + (uint64_t)(n), __ATOMIC_RELAXED)
#define board_sub(field, n) __atomic_store_n((field), *(field) - (uint64_t)(n), __ATOMIC_RELAXED)
#define board_set(field, v) __atomic_store_n((field), (v), __ATOMIC_RELAXED)
#define board_get(field) __atomic_load_n((field), __ATOMIC_RELAXED)

/* The rows of one moment; `seq` is odd while they change. Whoever writes them may stand still amid
 * that, or have died: then *out is left as it is. */
void board_read(const uint64_t *seq, const void *rows, size_t size, void *out);
/* sum += part, for counters only: the gauges of `part` are left out. */
void board_fold(struct board_counts *sum, const struct board_counts *part);
/* Another one whenever another base is in force. Who reads both sees in it whether the base changed
 * meanwhile: there are but two, and after two turns the first one lies where it did. */
uint64_t board_turn(const struct board_master *m);
/* The base in force. */
const struct board_base *board_base(const struct board_master *m);
/* Is this instance's page in it? */
bool board_has(const struct board_base *base, uint64_t instance);
/* Adds the counters of an instance that is gone to the base, by one store. */
void board_keep(struct board_master *m, const struct board_counts *counts, uint64_t instance);
/* In a histogram. */
void board_add_duration(struct board_durations *d, uint64_t us);
/* In that of all requests and in that of a route. */
void board_add_request(struct board_durations *all, struct board_route *route, uint64_t us);
void board_add_size(struct board_sizes *s, uint64_t bytes);
/* Where by_code counts this status. */
unsigned board_code(int status);
