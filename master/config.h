#pragma once

/*
 * config: the configuration as the rest of the master sees it: typed, complete (defaults and the
 * profile's values filled in), checked. Made by config_load from the settings table (settings.c);
 * immutable; replaced whole by a reload. All strings live as long as the struct.
 */

#include "config_login.h"

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/slice.h"

#include <stdint.h>

enum profile {
	PROFILE_NONE,
	PROFILE_REDX,
	PROFILE_RIOX,
	PROFILE_ASHINE,
	PROFILE_RENKU,
	PROFILE_NAAVRE
};
enum dialect { DIALECT_BOTH, DIALECT_REDX, DIALECT_RIOX };
enum access_log_to {
	ACCESS_LOG_OFF,
	ACCESS_LOG_STDOUT,
	ACCESS_LOG_STDERR,
	ACCESS_LOG_FILE,
	ACCESS_LOG_SYSLOG
};

struct config_listener {
	struct config_address address;
	const char *socket; /* of a .socket unit; NULL: by the address alone */
	bool proxy_protocol;
	bool tls;
	struct config_place place;
};

struct config_certificate { /* a chain with its key, or a folder of them; what is not given is NULL
			     */
	const char *file;
	const char *key, *key_credential; /* neither: it stands in the same file */
	const char *directory;
	const char *key_path; /* of either; found out when the file is read */
	struct config_place place;
};

enum tickets_where { TICKETS_OFF, TICKETS_OWN, TICKETS_REDIS };

enum clients_verify { CLIENTS_NONE, CLIENTS_OPTIONAL, CLIENTS_REQUIRED };

struct config_clients { /* whose certificates are asked for */
	uint32_t verify;
	const char *ca, *crl; /* NULL: not given */
};

struct config_tls_host {
	const char *host; /* in lower case, or "*.example.org" */
	struct config_clients clients;
	struct config_place place;
};

struct certificates;

struct config_tls { /* of the listeners */
	struct config_certificate *certificates;
	size_t certificates_count;
	const char *default_certificate; /* a name; "": that of the first */
	bool strict_sni;
	uint32_t min_version, max_version; /* enum tls_version */
	const char **suites, **groups;
	size_t suites_count, groups_count;
	uint32_t tickets;                   /* enum tickets_where */
	struct config_secret ticket_secret; /* of those in Redis */
	uint32_t ticket_lifetime_s;
	struct config_clients clients;
	int clients_line;
	struct config_tls_host *hosts;
	size_t hosts_count;
	uint32_t hsts_s; /* 0: off */
	bool hsts_subdomains;
	bool redirect_http;
	uint32_t redirect_port;      /* 0: that of the first listener with TLS */
	uint32_t client_certificate; /* CLIENT_CERTIFICATE_*: how upstreams hear of it */
	struct certificates *loaded; /* what the files say; the master takes it over */
};

struct config_admin_user { /* of the admin socket */
	const char *name;  /* or number */
	uint32_t uid;      /* found out when the file is read */
	uint32_t role;     /* enum access_role */
	struct config_place place;
};

struct config_api_listener {
	struct config_address address;
	struct config_place place;
};

struct config_api_token {
	const char *name;
	uint32_t role; /* enum access_role */
	struct config_secret secret;
	struct config_place place;
};

struct config_api { /* the management API over TCP */
	struct config_api_listener *listen;
	size_t listen_count;
	struct config_api_token *tokens;
	size_t tokens_count;
	const char **hosts; /* that a browser may call it by, beside addresses and localhost */
	size_t hosts_count;
	bool unauthenticated;
};

struct config_timeouts { /* ms, 0 = off; UINT32_MAX in a route: not set there */
	uint32_t connect, first_byte, idle, tunnel_idle, total, client_body;
};

struct config_health {
	bool enabled;
	const char *path;           /* "/isAlive" */
	uint32_t interval, timeout; /* ms */
	uint32_t fall, rise;
};

struct config_balance {                                  /* which endpoint gets a request */
	uint32_t strategy;                               /* enum balance */
	const char *hash_by;                             /* as written; see hash_by.h */
	uint32_t hash_bound;                             /* per cent; 0 = off */
	uint32_t eject_failures;                         /* in a row; 0 = off */
	uint32_t eject_time, eject_max_time, slow_start; /* ms */
	uint32_t max_connections;                        /* 0 = no limit */
	uint32_t queue, queue_timeout /* ms */;
};

struct config_sticky { /* a cookie that names the endpoint; "": none */
	const char *cookie, *path;
	uint32_t same_site, secure; /* enum same_site, sticky_secure */
	uint32_t max_age_s;         /* 0 = until the browser ends */
	bool redx;                  /* the value tells the address, as redx's does */
};

struct config_plugin {                  /* of redx: one of them is set */
	uint32_t name;                  /* enum plugin_name */
	uint32_t score, weighted_score; /* enum score_end */
	struct config_sticky stickiness;
	struct config_place place;
};
enum plugin_name { PLUGIN_NAME_NONE, PLUGIN_NAME_RANDOM };
enum score_end { SCORE_NONE, SCORE_LEAST, SCORE_MOST };

struct config_endpoint { /* "host", "host:port", "http[s]://host:port/base", "unix:/path" */
	struct config_address address;
	const char *base; /* "" or "/base" without a slash at the end */
	bool tls;         /* https */
	uint32_t weight;
	struct config_place place;
};

struct config_upstream {
	const char *name;
	struct config_endpoint *endpoints;
	size_t endpoints_count;
	struct config_health health;
	struct config_balance balance;
	struct config_sticky sticky;
	const char *fallback; /* upstream; "" or "off": none */
	bool all_down_fail;
	uint32_t proxy_protocol;        /* enum proxy_version */
	struct config_upstream_tls tls; /* of endpoints that are https */
	struct config_place place;
};

struct config_header { /* "name: value" of a header that is set or added */
	const char *name, *value;
	struct config_place place;
};

struct config_changes { /* of the fields of a head */
	struct config_header *set, *add;
	size_t set_count, add_count;
	const char **remove;
	size_t remove_count;
};

struct config_cors {
	const char **origins, **methods, **headers, **expose;
	size_t origins_count, methods_count, headers_count, expose_count;
	bool credentials;
	uint32_t max_age_s;
};

struct config_arm { /* of a split */
	const char *upstream;
	uint32_t weight;
	struct config_place place;
};

struct config_hub_target { /* what is different of one that a hub may ask */
	const char *host;  /* as in config_hub.allow */
	const char *ca;    /* file of roots; NULL: as upstream_tls says */
	uint32_t timeout;  /* ms; 0: the hub's */
	struct config_place place;
};

struct config_hub { /* who signs in may have other services asked in his name */
	bool given;
	const char **allow; /* "host", "host:port", "[v6]:port" or "*" */
	size_t allow_count;
	bool allow_http;
	const char **allow_private; /* networks */
	size_t allow_private_count;
	struct config_hub_target *targets;
	size_t targets_count;
	uint32_t timeout; /* ms */
	uint64_t request_limit, response_limit;
	const char *credential; /* provider; "": the token that is shown */
	uint32_t refresh_s;
};

struct config_operation { /* on the JSON of a body: one of these, by pointers of RFC 6901 */
	const char **pick, **drop;
	size_t pick_count, drop_count;
	const char *rename, *to, *flatten, *wrap, *absent; /* NULL: not given */
	const char *value;                                 /* of `absent`, as JSON */
	bool optional;
	struct config_place place;
};

struct config_translate { /* of bodies, in both directions; nothing: they pass as they are */
	struct config_operation *request, *response;
	size_t request_count, response_count;
	uint64_t max;
	bool required;
};

struct config_action {        /* what a route does beside passing requests on as they are */
	const char *redirect; /* template of the target, "" = none */
	uint32_t redirect_status;
	struct {                                      /* of redirects */
		const char *upstream, *path, *source; /* upstream "": none */
		uint32_t ttl_s;
		const char **hosts;
		size_t hosts_count;
	} store;
	uint32_t respond_status; /* 0 = none */
	const char *respond_body, *respond_type;
	const char *replace_prefix; /* "" = none; the check turns it into strip and add_prefix */
	bool rewrite_location, rewrite_cookie_domain;
	struct config_changes request, response;
	struct config_cors cors; /* origins_count 0 = none */
	struct config_arm *arms;
	size_t arms_count;
	const char *split_by;
	const char *mirror; /* upstream, "" = none */
	struct config_hub hub;
	uint32_t mirror_percent;
	uint32_t auth;        /* enum route_auth */
	const char **issuers; /* names; none: all */
	size_t issuers_count;
	uint32_t retries;                  /* UINT32_MAX = the global one */
	uint32_t retry_on;                 /* RETRY_* */
	const struct authorise *authorise; /* who may; NULL: everybody whom `auth` lets in */
	struct config_translate translate;
};

enum route_auth { AUTH_INHERIT, AUTH_REQUIRED, AUTH_NONE, AUTH_OPTIONAL };

struct config_condition { /* on one header field, parameter of the query or fact */
	const char *name;
	uint32_t fact;                      /* enum tls_fact, in the place of a name */
	const char *value, *prefix, *regex; /* at most one of them; NULL: it is not given */
	bool present;                       /* without any of them: shall there be one? */
	bool negated;
	struct config_place place;
};

struct authorise;

struct config_limit { /* on how often, or on how many at a time */
	const char *name;
	const char *limit; /* as written; see limit_spec.h, as for all of it */
	const char *burst; /* NULL: not given */
	const char **per;  /* NULL: not given */
	size_t per_count;
	uint32_t counts, missing; /* enum limit_counts, limit_missing */
	uint32_t fleet;           /* 1: it holds for all gateways together */
	bool shadow, silent;
	struct config_place place;
};

struct config_limited { /* which limits hold: names, or limits as they are written */
	const char **rates, **concurrency;
	size_t rates_count, concurrency_count;
};

struct config_route {
	const char *name;        /* "" or given; identity is "file:<name or host+path>" */
	const char *host, *path; /* path canonical */
	bool exact, strip;
	const char *path_regex; /* NULL: none */
	uint32_t methods;       /* bits of enum table_method, 0 = all */
	struct config_condition *headers, *query, *certificate;
	size_t headers_count, query_count, certificate_count;
	uint32_t unread; /* conditions of a refused one that could not be read: they hold */
	int32_t priority;
	const char *upstream;          /* a target became an upstream named after it,
					  "host:port/base"; empty where the gateway answers itself
					  and where there is a split */
	struct config_endpoint target; /* address.text NULL: the file names an upstream */
	const char *add_prefix, *set_host;
	const char *rewrite;  /* "": none */
	const char *fallback; /* "": that of the upstream; "off": none */
	bool upstream_host;
	bool cascade; /* who is behind it hears of deleted users */
	bool close_on_expiry;
	struct config_timeouts timeouts; /* UINT32_MAX = the global one */
	uint32_t maintenance;            /* ms, 0 = off */
	uint64_t body;                   /* UINT64_MAX = the global one */
	struct config_limited limited;   /* beside what limits all routes */
	struct config_action action;
	struct config_credential *credentials;
	size_t credentials_count;
	uint32_t cookies; /* enum route_cookies: which of the client's go on */
	struct config_place place;
};

struct config_gate_entry {
	const char *path; /* canonical */
	uint32_t methods; /* bits of enum table_method, 0 = all */
	bool exact;
	const struct authorise *authorise; /* of one that protects; NULL: all who are somebody */
	struct config_place place;
};

struct config_policy { /* entries of a gate, under a name */
	const char *name;
	struct config_gate_entry *protect, *except;
	size_t protect_count, except_count;
	bool unread; /* a refused one may protect more, which could not be read */
	struct config_place place;
};

struct config_delegate {  /* a path below which rules of a store may open what the file protects */
	const char *path; /* canonical */
	struct config_place place;
};

struct config_claim {
	const char *claim, *header;
	uint32_t format; /* enum claim_format */
	bool optional;
	struct config_place place;
};

struct config_api_key { /* who shows it is whom its claims say */
	const char *name;
	const char *sha256; /* of the key, 64 hexadecimal digits */
	const char *claims; /* a JSON object, completed by sub */
	int64_t expires;    /* seconds since 1970; INT64_MAX: never */
	struct config_place place;
};

struct config_required {   /* a claim with one of these values */
	const char *claim; /* its name, or a path with dots */
	const char **values;
	size_t values_count;
	struct config_place place;
};

struct config_issuer { /* whose tokens are verified, and how */
	const char *name;
	const char *iss;     /* "": not checked */
	uint32_t algorithms; /* 1 << enum jwt_alg */
	const char **audience;
	size_t audience_count;
	uint32_t leeway_s;
	bool require_exp;
	struct config_required *required;
	size_t required_count;
	struct config_secret secret, public_key; /* where its keys come from: one of these */
	const char *jwks;                        /* file; NULL: none */
	const char *jwks_uri, *discovery;        /* NULL: none; parsed: */
	struct config_url url;
	const char *introspection; /* NULL: none; parsed: */
	struct config_url introspect;
	const char *client_id; /* "": none */
	struct config_secret client_secret;
	uint32_t introspection_cache_s, introspection_timeout /* ms */;
	struct config_secret jwks_text; /* of the file, as it was read with the configuration */
	uint32_t refresh_s;
	bool allow_http;
	struct config_upstream_tls tls;
	const struct config_provider *provider; /* its tokens are good in sessions alone; NULL: it
						 * is of gate.issuers */
	struct config_place place;
};
#define ISSUER_DEFAULT "default"   /* the one that `gate` itself describes */
#define ISSUER_API_KEYS "api_keys" /* not one, but named like one */
#define ISSUERS_MAX 63

struct config_gate {
	struct config_gate_entry *protect, *except;
	size_t protect_count, except_count;
	struct config_delegate *delegate;
	size_t delegate_count;
	uint32_t algorithms; /* 1 << enum jwt_alg */
	struct config_secret secret;
	struct config_secret public_key; /* PEM */
	const char *issuer;
	const char **audience;
	size_t audience_count;
	uint32_t leeway_s;
	bool require_exp;
	uint32_t sources; /* TOKEN_FROM_* */
	const char *cookie, *realm;
	struct config_claim *claims;
	size_t claims_count;
	const char *token_header, *token_query;
	bool development; /* anybody can make tokens */
	bool first_cookie, refuse_bad_optional;
	const char *is_auth, *forward_auth; /* paths; "": none */
	struct config_cors cors;            /* of is_auth */
	const char **reserved;              /* ends of paths */
	size_t reserved_count;
	const char *api_key_header;
	bool api_key_forward;
	const char **role_claims, **group_claims; /* paths of claims */
	size_t role_claims_count, group_claims_count;
	struct config_issuer *issuers; /* those with names of their own */
	size_t issuers_count;
	struct config_issuer *all; /* with the one of the settings above, where it has keys or is
				    * the only one: that comes first */
	size_t all_count;
};

struct config_redis {
	bool configured;
	struct config_address address; /* completed: its text, where seek says where it is */
	struct config_seek seek;
	bool secure; /* TLS, by these: */
	struct config_upstream_tls tls;
	const char *username; /* "" = none */
	struct config_secret password;
	uint32_t database;
	enum dialect dialect;
	uint32_t max_path_length;  /* UINT32_MAX = no limit */
	uint32_t timeout;          /* ms */
	uint32_t compare_interval; /* ms between full comparisons */
	struct config_plugin *plugins;
	size_t plugins_count;
	int32_t default_score;
};

struct config_cascade { /* deletions of users, carried to the services */
	bool enabled;
	const char *channel, *stream; /* "": none */
	const char *path, *header;
	uint32_t timeout, retry, retry_max; /* ms */
	uint32_t give_up_s, remember_s;
	const char **services; /* upstreams of the routes that say so; found out at the check */
	size_t services_count;
};

enum suspension_down { SUSPENSION_DOWN_CLOSED, SUSPENSION_DOWN_OPEN };

struct config_suspension {
	bool redis_keys;                 /* raw keys named by the id */
	enum suspension_down redis_down; /* what becomes of who is not known */
	uint32_t max_age;                /* ms; 0 = without end */
	uint32_t max;                    /* of our own */
	uint32_t known;                  /* raw keys */
};

struct config_page {
	uint32_t status;
	const char *file;
	struct slice html; /* read at load */
	struct config_place place;
};

struct config_statistics { /* of identities */
	bool identities;   /* counted at all */
	uint32_t flush;    /* 1: to Redis, per hour */
	uint32_t interval; /* ms between two */
	uint32_t keep_s;
};

struct config_tracing {
	const char *endpoint; /* NULL: off */
	struct config_url url;
	const char *service_name;
	uint32_t sample; /* of TRACE_PARTS */
	const char **trust;
	size_t trust_count;
	const char *header;
	struct config_secret secret;
	uint32_t interval, timeout; /* ms */
};

#define MEMORY_AUTO 1u /* the limit of the cgroup */

struct config {
	struct arena arena;
	uint64_t serial;  /* no two that were loaded have the same; 0: it was not */
	void *rules;      /* config_rule.c: what its entries begin with */
	const char *file; /* absolute */
	enum profile profile;
	struct config_listener *listeners;
	size_t listeners_count;
	struct config_tls tls;
	struct config_address admin_socket; /* Unix; default <run_dir>/admin.sock */
	struct config_address admin_listen; /* optional TCP, read-only; text NULL = none */
	struct config_admin_user *admin_users;
	size_t admin_users_count;
	uint64_t admin_body;
	struct config_api api;
	uint32_t workers; /* resolved: never 0 */
	const char *run_dir, *state_dir;
	const char *user; /* "" = stay */
	bool sandbox;     /* of workers */
	struct config_redis redis;
	struct config_cascade cascade;
	struct config_gate gate;
	struct config_login login;
	struct config_api_key *api_keys;
	size_t api_keys_count;
	struct config_suspension suspension;
	struct config_policy *policies;
	size_t policies_count;
	struct config_upstream *upstreams;
	size_t upstreams_count;
	struct config_route *routes;
	size_t routes_count;
	struct config_page *pages;
	size_t pages_count;
	uint32_t maintenance; /* ms, 0 = off */
	struct config_timeouts timeouts;
	uint32_t client_head, keepalive; /* ms */
	uint32_t keepalive_requests;
	uint32_t upstream_idle, upstream_idle_max;
	uint32_t drain, orphan_grace, hang, start_wait, preflight, handover, drain_delay; /* ms */
	uint64_t limit_body;
	uint32_t limit_head, limit_fields, limit_uri;
	uint32_t max_connections, max_per_address, fd_reserve;
	uint64_t memory; /* bytes, or MEMORY_AUTO; 0: without end */
	struct config_limit *rates, *concurrency;
	size_t rates_count, concurrency_count;
	struct config_limited limited; /* on all routes */
	uint64_t rate_memory;
	uint32_t fleet_keys, fleet_gateways; /* gateways 0: as many as are seen */
	uint32_t limit_ipv6_bits, limit_headers, limit_headers_always;
	uint32_t replay_keys, build_routes;
	struct config_statistics statistics;
	struct config_tracing tracing;
	uint32_t retries, retry_budget;
	struct config_health health;   /* defaults for every upstream, and for those of Redis */
	uint32_t probe_rate;           /* a second, of all upstreams together */
	struct config_balance balance; /* so are these */
	struct config_upstream_tls upstream_tls; /* so is this */
	int upstream_tls_line, redis_tls_line;
	const char *fallback;
	struct config_secret sticky_secret;
	const char **trusted_proxies;
	size_t trusted_proxies_count;
	bool forwarded_append;
	uint32_t forwarded_send; /* FORWARDED_SEND_* */
	bool via;
	uint32_t no_route_status;
	bool all_down_fail;
	bool reveal_version;
	bool scrub_user_delete, scrub_internal_origin, scrub_repeated_trace;
	bool cut_slash;
	enum access_log_to access_log;
	const char *access_log_file; /* of syslog, what is written */
	struct config_address access_log_syslog;
	const char *access_log_format;
	const char *access_log_program; /* what it is compiled to; "": JSON */
	uint32_t access_log_sample;
	uint32_t log_level;       /* enum log_level */
	struct slice dns_servers; /* "" = the system's; "host:port,host:port" */

	struct config_origin
	    *origins; /* of each scalar that the file gave, for --effective (config.c's own) */
};

/* Reads and checks. 0 and *out; 1: mistakes, each one appended to `report` as "FILE:LINE: KEY: what
 * is wrong; remedy\n"; 2: the file cannot be read (report says why). With 0 and 1 `report` also
 * gets warnings, in the same form with "warning: " behind the key. Resolves no name. */
int config_load(const char *file, struct config **out, struct buf *report)
    __attribute__((warn_unused_result));
/* The same of a gateway that runs with certificates: what it may not read any more goes on. */
int config_load_over(const char *file, const struct certificates *held, struct config **out,
		     struct buf *report) __attribute__((warn_unused_result));
void config_free(struct config *c);
/* Settings that a reload cannot change (listeners, admin, workers, run_dir, state_dir, user):
 * appends one line per difference. Returns how many. */
int config_restart_needed(const struct config *now, const struct config *next, struct buf *report);
/* The path of the admin socket that a gateway with this file listens on: enough of it is read for
 * that, so that a command works where secrets are not readable. Appended to `out`; 0, or 2 and the
 * reason in `report`. */
int config_admin_socket(const char *file, struct buf *out, struct buf *report)
    __attribute__((warn_unused_result));
/* Every setting with its value and origin ("default", "profile riox", "FILE:LINE", "env X"),
 * secrets as <redacted-N-chars>. As text or as JSON. */
void config_effective(const struct config *c, bool json, struct buf *out);
