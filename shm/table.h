#pragma once

/*
 * table: what the segments hold, and the questions that a worker asks of them. The compiler
 * (master/compile.c) fills the same structs through table_builder_*.
 *
 * One order decides between routes: host (as written, host:port, host, longest wildcard, any), then
 * the longest path, then exact before prefix, then priority (higher first), then more conditions
 * before fewer, then the file before native rules before those of redx. Where host:port and host
 * both match, the longer path wins, then host:port (as redx). A route whose conditions do not hold
 * is no match: the next one in this order has its turn.
 *
 * Rules and endpoints may come as an overlay (segment.h): what changed since the base was compiled.
 * Of the rules it has the places (host and path) whose routes are others now, with all routes that
 * stand there; the gate and what is global are the base's. Of the endpoints it has the upstreams
 * that are others now. Whoever asks gives the overlay and sees one table.
 */

#include "lib/map.h"
#include "segment.h"
#include "table_api_key.h"
#include "table_authorise.h"
#include "table_behind.h"
#include "table_hub.h"
#include "table_limits.h"
#include "table_login.h"
#include "table_tls.h"
#include "table_translation.h"
#include "trie.h"

/* ---- SEGMENT_RULES ---- */

enum rules_section {
	RULES_STRINGS,
	RULES_GLOBAL, /* one struct table_global */
	RULES_HOSTS,  /* struct table_host, open addressing by hash of the name; wildcards under
			 ".example.org" */
	RULES_NODES,  /* tries of routes */
	RULES_EDGES,
	RULES_ROUTES,   /* struct table_route */
	RULES_SHAPES,   /* struct table_shape: routes refer to it */
	RULES_POLICIES, /* struct table_policy; 0 is the default one */
	RULES_GATE_NODES,
	RULES_GATE_EDGES,
	RULES_GATES,      /* struct table_gate: entries of the gate's trie */
	RULES_ISSUERS,    /* struct table_issuer */
	RULES_AUDIENCES,  /* struct seg_ref, runs of them belong to issuers and their claims */
	RULES_REQUIRED,   /* struct table_required, the same */
	RULES_CLAIMS,     /* struct table_claim */
	RULES_STRIP,      /* struct table_strip: inbound header names to remove, folded */
	RULES_TRUSTED,    /* struct table_cidr: peers whose X-Forwarded-* are believed */
	RULES_PAGES,      /* struct table_page: the operator's error pages */
	RULES_CONDITIONS, /* struct table_condition, runs of them belong to routes */
	RULES_ACTIONS,    /* struct table_action; 0 is empty, for routes that have none */
	RULES_CHANGES,    /* struct table_change, runs of them belong to actions */
	RULES_ORIGINS,    /* struct seg_ref, the same */
	RULES_ARMS,       /* struct table_arm, the same */
	RULES_HEADS,      /* struct trie_head: of an overlay */
	RULES_FACTS,      /* struct seg_ref: paths of claims that rules ask for */
	RULES_GONE,       /* uint32_t, rising: of an overlay, routes of the base that are no more */
	RULES_AUTHORISE,  /* struct table_authorise: routes and entries of the gate refer to it */
	RULES_CLAUSES,    /* struct table_clause, a run of them is one of those */
	RULES_VALUES,     /* struct seg_ref, runs of them belong to clauses */
	RULES_NETWORKS,   /* struct table_cidr, the same */
	RULES_LIMITS, /* struct table_limit; those with a name in the file first, in its order */
	RULES_LIMIT_KEYS, /* struct table_limit_key, runs of them belong to limits */
	RULES_LIMITED,    /* uint32_t: indices in RULES_LIMITS, runs of them belong to policies */
	RULES_RESERVED,  /* struct seg_ref: ends of paths that are the gateway's alone to ask for */
	RULES_LOGIN,     /* struct table_login: one, or none */
	RULES_PROVIDERS, /* struct table_provider */
	RULES_SEQUENCE,  /* uint32_t: indices in RULES_PROVIDERS */
	RULES_REDIRECTS, /* struct seg_ref: origins that a login may end at */
	RULES_CREDENTIALS,  /* struct table_credential, runs of them belong to routes */
	RULES_STORES,       /* struct table_store: actions refer to it */
	RULES_HUBS,         /* struct table_hub, of actions */
	RULES_HUB_TARGETS,  /* struct table_hub_target, runs of them belong to hubs */
	RULES_TRANSLATIONS, /* struct table_translation */
	RULES_OPERATIONS,   /* struct table_operation, runs of them belong to those */
	RULES_POINTERS,     /* struct seg_ref, runs of them belong to operations */
	RULES_TRACED,       /* struct table_cidr: peers whose traceparent is believed */
};

enum { FORWARDED_REPLACE, FORWARDED_APPEND }; /* X-Forwarded-* of an untrusted peer */
#define FORWARDED_SEND_X 1u                   /* X-Forwarded-*, X-Real-IP */
#define FORWARDED_SEND_RFC7239 2u             /* Forwarded */

#define CLIENT_CERTIFICATE_RFC9440 1u /* Client-Cert */
#define CLIENT_CERTIFICATE_X 2u       /* X-Forwarded-Client-Cert */
#define CLIENT_CERTIFICATE_X_CERT 4u  /* the same, with all of the certificate in it */

#define SCRUB_USER_DELETE 1u     /* id, on a path that ends in /user-delete */
#define SCRUB_INTERNAL_ORIGIN 2u /* Origin: __internal__ */
#define SCRUB_REPEATED_TRACE 4u  /* sentry-trace and baggage of what Renku's UI sends again */

#define TRACE_PARTS 1000000000u

#define GATE_AUTHORISES 1u
#define GATE_AUTHORISES_LOOKS 2u /* a floor has a ROUTE_LOOK route's program */

struct table_global {
	/* The first six and strip_lengths are set by table_builder_finish. */
	uint32_t root_any;  /* trie of the routes for any host, TRIE_NONE when there are none */
	uint32_t gate_root; /* TRIE_NONE: nothing is protected */
	uint32_t
	    hosts_verbatim;  /* hosts are also looked up as written, case and port kept (Riox) */
	uint32_t hosts_port; /* some host names a port */
	uint32_t hosts_wildcard;
	uint32_t methods;         /* some route asks for certain ones */
	uint32_t forwarded;       /* FORWARDED_* */
	uint32_t forwarded_send;  /* FORWARDED_SEND_* */
	uint32_t no_route_status; /* 404; 502 as redx */
	uint32_t rules_loaded; /* 0: Redis is configured and never answered: no route means 503 */
	uint32_t fallback;     /* route of what no other one matches; TRIE_NONE: there is none */
	uint32_t redx_headers; /* upstreams hear of X-Redx-* */
	uint32_t scrub;        /* SCRUB_* */
	uint32_t client_head_ms, keepalive_ms, keepalive_requests;
	uint32_t head_bytes, head_fields, uri_bytes;
	uint32_t access_log;        /* 0: off */
	uint32_t log_sample;        /* of the requests that went well, one of so many has a line */
	struct seg_ref log_format;  /* compiled (shm/log_format.h); "": JSON */
	uint32_t upstream_idle_ms;  /* of pooled connections */
	uint32_t upstream_idle_max; /* pooled connections per endpoint and worker */
	uint32_t retry_budget;      /* per cent of an upstream's requests in flight */
	uint32_t sources;           /* TOKEN_FROM_* */
	struct seg_ref cookie;      /* name of the token's cookie */
	struct seg_ref api_key_header, token_header, token_query;
	uint32_t first_cookie;        /* of several tokens in cookies the first; else none */
	uint32_t refuse_bad_optional; /* a bad token is refused where none is needed */
	struct seg_ref is_auth;       /* path that says whether a token is good; "": none */
	uint32_t is_auth_route;       /* what stands for it */
	uint32_t cut_slash;           /* one slash at the end of a path is taken off */
	struct seg_ref introspection; /* who is asked for tokens that say nothing; "": nobody */
	uint32_t introspecting;       /* whose they are: index in RULES_ISSUERS */
	uint32_t introspection_ms;    /* a request waits so long for an answer */
	struct seg_ref forward_auth;  /* path by which other proxies ask; "": none */
	struct seg_ref realm;
	struct seg_ref via;            /* our pseudonym in Via; "": no Via is added, no loop seen */
	uint32_t token_profile;        /* TOKEN_REPLY_*: whose wording and statuses */
	uint32_t reveal_version;       /* header X-Yett-Table on each answer */
	struct seg_ref hsts;           /* Strict-Transport-Security of answers over TLS; "": none */
	uint32_t https_port;           /* plain listeners answer with 308 to it; 0: they serve */
	uint32_t client_certificate;   /* CLIENT_CERTIFICATE_*: how upstreams hear of it */
	uint32_t gate_authorises;      /* GATE_AUTHORISES*; 0: no entry of the gate does */
	uint32_t limit_ipv6_bits;      /* of an address that a limit counts by */
	uint32_t limit_headers;        /* LIMIT_HEADERS_*: how clients hear of limits */
	uint32_t limit_headers_always; /* ... not only who is refused */
	uint32_t tracing;              /* 0: trace context is any other field */
	uint32_t trace_sample;         /* of TRACE_PARTS traces that begin here */
	uint32_t profile_renku;        /* a 429 reads as renku's does, metrics have its names */
	uint64_t
	    strip_lengths[32]; /* filter of RULES_STRIP by first letter (folded, its low 5 bits):
				* bit n stands for names of n bytes, bit 63 for all longer ones */
};

#define TOKEN_FROM_BEARER 1u
#define TOKEN_FROM_BASIC 2u
#define TOKEN_FROM_COOKIE 4u
#define TOKEN_FROM_BARE 8u /* Authorization without a scheme (Riox) */
#define TOKEN_FROM_API_KEY 16u
#define TOKEN_FROM_HEADER 32u /* table_global.token_header */
#define TOKEN_FROM_QUERY 64u  /* table_global.token_query */
enum { TOKEN_REPLY_RFC6750, TOKEN_REPLY_ASHINE };

enum { HOST_NAME, HOST_VERBATIM, HOST_WILDCARD };

struct table_host {
	uint32_t hash; /* of the name, seeded with the kind */
	uint32_t root; /* of its trie; TRIE_NONE: a free slot */
	struct seg_ref name;
	uint32_t kind; /* HOST_*: a canonical name, one that is compared as written, ".example.org"
			  of a wildcard */
};

#define ROUTE_EXACT 1u          /* the whole path, else a prefix on a segment boundary */
#define ROUTE_EXACT_SLASH 2u    /* with ROUTE_EXACT: the path ends in '/' */
#define ROUTE_STRIP 4u          /* take the matched prefix off the path */
#define ROUTE_REFUSED 8u        /* its rule was refused: 503 */
#define ROUTE_UPSTREAM_HOST 16u /* send the endpoint's authority as Host */
#define ROUTE_AUTH 32u          /* a token is needed, whatever the gate says */
#define ROUTE_OPEN 64u          /* none is, unless the floor of the gate says so */
#define ROUTE_OPTIONAL 256u     /* with ROUTE_OPEN: whose token it is is found out all the same */
#define ROUTE_LOOK                                                                                 \
	512u /* who asks is found out for authorize in its shadow mode, and nothing else */
#define ROUTE_FLOOR 128u /* of the store: one is where a GATE_ROUTE says so */
/* Of the client's cookies all go upstream but the gateway's own (own_cookies.h); or none; or, so
 * that an upstream shares the session, all. */
#define ROUTE_COOKIES_NONE 1024u
#define ROUTE_COOKIES_ALL 2048u
#define ROUTE_REWRITE 4096u /* add_prefix is a whole path, as in rewrite.h */

/* One has a place of its own for what tells it from the others alone: there may be a million. */
struct table_route {
	uint32_t next;     /* in the chain of its node: exact first, then by priority */
	uint32_t shape;    /* index in RULES_SHAPES */
	uint32_t upstream; /* index in ENDPOINTS_UPSTREAMS */
	uint32_t slot;     /* on the board */
	/* Its id, where it begins among the strings, and behind that, or in it, its host and path
	 * (table_builder_texts). */
	uint32_t text;
	uint16_t id_size, host_at, host_size, path_at, path_size;
	uint16_t pad;
};

struct table_shape {                           /* the rest, which most share with many */
	uint32_t flags;                        /* ROUTE_* */
	uint32_t conditions, conditions_count; /* run of RULES_CONDITIONS; all must hold */
	uint32_t policy;
	uint32_t action;   /* index in RULES_ACTIONS, 0 = none: it passes requests on as they are */
	uint32_t fallback; /* upstream of what its own one cannot answer; 0 = none */
	uint32_t authorise;                      /* 1 + index in RULES_AUTHORISE; 0 = none */
	uint32_t credentials, credentials_count; /* run of RULES_CREDENTIALS */
	int32_t priority;
	struct seg_ref add_prefix; /* put before the path after stripping, "" for none; see
				      ROUTE_REWRITE */
	struct seg_ref set_host;   /* Host for the upstream, "" = keep */
};

enum {
	CONDITION_METHODS,
	CONDITION_HEADER,
	CONDITION_QUERY,
	CONDITION_PATH,
	CONDITION_CERTIFICATE /* of the client, where it was verified */
};
enum { CONDITION_PRESENT, CONDITION_EQUAL, CONDITION_PREFIX, CONDITION_REGEX };

struct table_condition {
	uint32_t kind, how; /* CONDITION_*; the path is always a CONDITION_REGEX */
	uint32_t negated;
	union {
		uint32_t methods; /* CONDITION_METHODS: bits of enum table_method */
		uint32_t fact;    /* CONDITION_CERTIFICATE: enum tls_fact (lib/tls_peer.h) */
	};
	struct seg_ref name;  /* of the header, the parameter or the fact */
	struct seg_ref value; /* text, prefix or pattern (lib/pattern.h) */
};

struct table_policy {
	uint32_t connect_ms, first_byte_ms, idle_ms, tunnel_idle_ms, total_ms; /* 0 = off */
	uint32_t client_body_ms;
	uint32_t retries, retry_on; /* so often; RETRY_* */
	uint32_t flags;             /* POLICY_* */
	uint32_t maintenance_s;     /* all is answered by 503, with this Retry-After; 0 = off */
	uint64_t body_bytes;        /* largest request body */
	uint64_t issuers;           /* bits: whose tokens are good, by index in RULES_ISSUERS */
	uint32_t limits_first, limits_count; /* run of RULES_LIMITED */
};

#define POLICY_CLOSE_ON_EXPIRY 1u /* what is under way ends with its token */

#define RETRY_CONNECT 1u
#define RETRY_RESET 2u
#define RETRY_502 4u
#define RETRY_503 8u
#define RETRY_504 16u

#define ACTION_REDIRECT 1u      /* answered with `status` and Location, a template of `text` */
#define ACTION_RESPOND 2u       /* answered with `status`, `text` and `type` */
#define ACTION_BACK 4u          /* Location and paths of cookies are changed back */
#define ACTION_COOKIE_DOMAIN 8u /* Domain is taken off cookies */
#define ACTION_CREDENTIALS 16u  /* of CORS */
#define ACTION_ANY_HEADER 32u   /* of CORS: what is asked for may be sent */
#define ACTION_STORE 64u        /* a redirect to where an upstream says: `store`, `text` */

enum split_by { SPLIT_REQUEST, SPLIT_USER, SPLIT_ADDRESS, SPLIT_COOKIE, SPLIT_HEADER };

struct table_action {   /* what a route does beside passing requests on as they are */
	uint32_t flags; /* ACTION_* */
	uint32_t status;
	struct seg_ref text, type;
	uint32_t request_first, request_count;   /* changes of the request's fields */
	uint32_t response_first, response_count; /* of the answer's */
	uint32_t origins_first, origins_count;   /* of CORS, as in cors.h; 0 = none */
	struct seg_ref methods, headers, expose; /* of CORS, as lists in a field; "" = none */
	uint32_t max_age_s;
	uint32_t split_by;               /* enum split_by */
	uint32_t arms_first, arms_count; /* 0 = the route's upstream */
	struct seg_ref split_name;       /* of the cookie or the header */
	uint32_t mirror;                 /* index in ENDPOINTS_UPSTREAMS */
	uint32_t mirror_percent;         /* 0 = no mirror */
	uint32_t store;                  /* index in RULES_STORES */
	uint32_t hub;                    /* 1 + index in RULES_HUBS; 0 = none */
	uint32_t translation;            /* 1 + index in RULES_TRANSLATIONS; 0 = none */
};

enum { CHANGE_REMOVE, CHANGE_SET, CHANGE_ADD };

struct table_change {
	struct seg_ref name;
	struct seg_ref value; /* template (lib/template.h) */
	uint32_t kind;        /* CHANGE_* */
	uint32_t pad;
};

struct table_store {         /* where redirects are asked for; `text` of the action is what of */
	struct seg_ref name; /* of the upstream */
	struct seg_ref path; /* before what is asked for */
	uint32_t upstream;   /* index in ENDPOINTS_UPSTREAMS */
	uint32_t ttl_s;      /* an answer is good for so long */
	uint32_t hosts_first,
	    hosts_count; /* run of RULES_ORIGINS: where one may lead; none: anywhere */
};

struct table_arm {
	uint32_t upstream; /* index in ENDPOINTS_UPSTREAMS */
	uint32_t fallback; /* as that of a shape */
	uint32_t weight;
	struct seg_ref name;
};

#define GATE_PROTECT 1u
#define GATE_EXCEPT 2u
#define GATE_EXACT                                                                                 \
	4u /* the whole path ('/a' and '/a/' are one), else a prefix on a segment boundary */

#define GATE_STORE 8u     /* a policy of the store, else of the file, which is a floor */
#define GATE_DELEGATE 16u /* below this path policies of the store open what the file closes */
#define GATE_ROUTE                                                                                 \
	32u /* a route of the file that needs a token: routes of the store do here, too */
#define GATE_FLOOR 64u /* one that authorises: what it asks, routes of the store ask here, too */

#define GATE_ISSUERS                                                                               \
	128u /* a route of the file: routes of the store accept no others in its place */

struct table_gate { /* of the file's and of the store's entries each the deepest one that applies
		       decides; at one depth an exception beats a protection */
	uint32_t next;
	uint32_t flags;
	uint32_t methods;    /* bits of enum table_method, 0 = all */
	uint32_t authorise;  /* as that of a shape */
	uint64_t issuers;    /* of a GATE_ISSUERS: bits, by index in RULES_ISSUERS */
	struct seg_ref host; /* of a GATE_ROUTE, GATE_FLOOR or GATE_ISSUERS: a name, one with a
				port, "*.example.org", "" = any */
};

enum table_method { /* bit numbers */
		    METHOD_GET,
		    METHOD_HEAD,
		    METHOD_POST,
		    METHOD_PUT,
		    METHOD_DELETE,
		    METHOD_PATCH,
		    METHOD_OPTIONS,
		    METHOD_CONNECT,
		    METHOD_TRACE,
		    METHOD_OTHER
};

#define ISSUERS_N 63 /* most; a set of them has one bit more: */
#define ISSUERS_API_KEYS (UINT64_C(1) << 63)

struct table_issuer {        /* whose tokens are verified, and how */
	uint32_t algorithms; /* bits: 1 << enum jwt_alg (lib/jwt.h) */
	uint32_t leeway_s;
	uint64_t asked; /* whom to ask for a key that is not there; 0: nobody */
	struct seg_ref name;
	struct seg_ref iss;                      /* "" = not checked */
	uint32_t audience_first, audience_count; /* any of; 0 = not checked */
	uint32_t required_first, required_count; /* run of RULES_REQUIRED; all must hold */
	uint32_t require_exp;
	uint32_t pad;
};

struct table_required {        /* a claim with one of these values */
	struct seg_ref claim;  /* its name, or a path with dots */
	uint32_t first, count; /* run of RULES_AUDIENCES */
};

enum claim_format { CLAIM_TEXT, CLAIM_JSON, CLAIM_BASE64 /* of the JSON */ };

struct table_claim {           /* a claim that becomes a header */
	struct seg_ref claim;  /* its path (lib/json.h, json_find) */
	struct seg_ref header; /* as sent */
	uint32_t format;       /* enum claim_format */
	uint32_t optional;     /* else a token without it is refused */
};

#define FACTS_MAX 256u

/* The path of a claim (lib/json.h, json_find) that some rule asks for; empty for an index outside.
 */
struct slice table_fact(const struct segment *rules, uint32_t i);

struct table_strip {
	struct seg_ref name; /* folded: lower case, '_' and '.' are '-' */
	uint32_t prefix;     /* 1: all names that start so */
	uint32_t pad;
};

struct table_cidr {
	uint8_t address[16]; /* IPv4 as ::ffff:a.b.c.d */
	uint32_t bits;       /* 0..128 */
};

struct table_page {
	uint32_t status;
	uint32_t pad;
	struct seg_ref html;
};

struct table_match {
	uint32_t route; /* index, TRIE_NONE when nothing matches */
	const struct table_route *r;
	struct slice rest; /* of the path behind what matched: starts with '/' or is empty */
};

enum table_miss {                 /* why a route that lies on the way was not taken */
		  MISS_EXACT,     /* it is for its path alone, and the request's goes on */
		  MISS_CONDITION, /* this one does not hold */
		  MISS_ORDER,     /* it matches; another one of its place comes first */
		  MISS_PATH,      /* it matches; another one has a longer path */
		  MISS_HOST,      /* it matches; another one has a nearer host */
};

/* `host`: canonical (lower case, no port, no trailing dot, IPv6 in brackets); `host_port`: with
 * ":port" when the client named one, else equal to host; `host_raw`: the Host field as it came;
 * `path`: canonical. */
struct table_key {
	struct slice host, host_port, host_raw, path;
	enum table_method method;
	/* Does this condition (never CONDITION_METHODS) hold? NULL: there is no request, and all
	 * conditions hold. */
	bool (*test)(const struct table_key *key, uint32_t condition);
	/* NULL, or told of each route on the way that was not taken, and of the condition that
	 * failed (else TRIE_NONE). Then all of them are looked at, so it costs more. */
	void (*note)(const struct table_key *key, uint32_t route, enum table_miss why,
		     uint32_t condition);
	void *userdata; /* of the two */
};

const struct table_global *
table_global(const struct segment *rules); /* NULL only if it was not verified */
void table_find(const struct segment *rules, const struct table_key *key, struct table_match *out);
/* When nothing was found: bits of the methods with which something would have been; 0: none. */
uint32_t table_allowed(const struct segment *rules, const struct table_key *key);
/* Does the file close this path for this method, and leave it to nobody else? */
bool table_gate_is_floor(const struct segment *rules, enum table_method method, struct slice path);
/* The entry of a route of the file that needs a token for what a ROUTE_FLOOR matched, NULL: none
 * does. *at as above. */
const struct table_gate *table_route_floor(const struct segment *rules, const struct table_key *key,
					   struct slice *at);
/* Does it protect this path for this method? */
bool table_gate_protects(const struct segment *rules, enum table_method method, struct slice path);
/* Does what a route with these flags (ROUTE_AUTH and the like) matched need a token, and who says
 * so? */
struct table_protection {
	bool needed;
	bool by_route;                 /* the route's own flags do; else: */
	const struct table_gate *gate; /* the entry that does, or NULL */
	struct slice at;               /* as above */
	uint64_t issuers; /* whose tokens are good in the place of a route of the file */
};
struct table_protection table_route_protection(const struct segment *rules,
					       const struct table_key *key, uint32_t flags);
/* NULL for an index outside. */
const struct table_route *table_route(const struct segment *rules, uint32_t i);
/* Of a verified table there is one. */
const struct table_shape *table_shape(const struct segment *rules, const struct table_route *r);
/* Stable: "file:users", "redis:test.com/a/". */
struct slice table_route_id(const struct segment *rules, const struct table_route *r);
/* As written, for logs. */
struct slice table_route_host(const struct segment *rules, const struct table_route *r);
struct slice table_route_path(const struct segment *rules, const struct table_route *r);
/* Is it one of those that table_find can find? An overlay takes some of its base away. */
bool table_route_stands(const struct segment *rules, uint32_t i);
const struct table_condition *table_condition(const struct segment *rules, uint32_t i);
const struct table_policy *table_policy(const struct segment *rules, uint32_t i);
const struct table_action *table_action(const struct segment *rules, uint32_t i);
const struct table_store *table_store(const struct segment *rules, uint32_t i);
/* The operator's page for a status; empty when there is none. */
struct slice table_page(const struct segment *rules, int status);
/* Is the name (as it came) one that must not pass? Case, '-', '_' and '.' make no difference. */
bool table_strips(const struct segment *rules, struct slice name);
/* `address`: 16 bytes, IPv4 mapped. */
bool table_trusts(const struct segment *rules, const uint8_t address[16]);
/* The same of what it says of traces. */
bool table_traces(const struct segment *rules, const uint8_t address[16]);
bool table_cidr_holds(const struct table_cidr *c, const uint8_t address[16]);

/* ---- SEGMENT_ENDPOINTS ---- */

enum endpoints_section {
	ENDPOINTS_STRINGS,
	ENDPOINTS_UPSTREAMS,
	ENDPOINTS_ENDPOINTS,
	ENDPOINTS_ADDRESSES,
	ENDPOINTS_PLUGINS, /* struct table_plugin: runs of them belong to upstreams */
	ENDPOINTS_STICKY,  /* struct table_sticky: one belongs to an upstream */
	ENDPOINTS_MOVED,   /* struct table_moved, open addressing by index: of an overlay */
	ENDPOINTS_TLS,     /* struct table_upstream_tls */
	ENDPOINTS_PINS     /* struct table_pin: runs of them belong to ENDPOINTS_TLS */
};

enum balance { /* which endpoint gets a request */
	       BALANCE_ROUND_ROBIN,
	       BALANCE_LEAST, /* the one with the fewest requests under way */
	       BALANCE_RANDOM,
	       BALANCE_TWO,   /* the better of two at random */
	       BALANCE_HASH,  /* by a key of the request */
	       BALANCE_CHAIN, /* the plugins of redx, in their order */
	       BALANCE_N
};

enum hash_by {
	HASH_BY_ADDRESS,
	HASH_BY_PATH,
	HASH_BY_HEADER,
	HASH_BY_COOKIE,
	HASH_BY_CLAIM,
	HASH_BY_N
};

enum plugin_kind { /* of two of a kind with a direction the first one keeps the low scores */
		   PLUGIN_RANDOM,
		   PLUGIN_SCORE_LEAST,
		   PLUGIN_SCORE_MOST,
		   PLUGIN_WEIGHTED_LEAST,
		   PLUGIN_WEIGHTED_MOST,
		   PLUGIN_STICKINESS,
		   PLUGIN_N
};

struct table_plugin {
	uint32_t kind;    /* enum plugin_kind */
	uint32_t has_max; /* the backend has a _max_score: */
	double max_score;
};

enum same_site { SAME_SITE_LAX, SAME_SITE_STRICT, SAME_SITE_NONE, SAME_SITE_N };
enum sticky_secure { STICKY_SECURE_AUTO, STICKY_SECURE_ON, STICKY_SECURE_OFF, STICKY_SECURE_N };

struct table_sticky {
	struct seg_ref cookie;
	struct seg_ref path; /* "": that of the route */
	uint32_t same_site, secure;
	uint32_t max_age_s; /* 0: until the browser ends */
	uint32_t pad;
};

#define UPSTREAMS_MAX (1u << 24)  /* an index is smaller; who keeps rows by it has so many */
#define UPSTREAM_ABSENT 1u        /* a hole: no such upstream in this table */
#define UPSTREAM_ALL_DOWN_FAIL 2u /* all dead: 503; else the one that died last is tried */

struct table_upstream {
	uint32_t flags;
	uint32_t
	    eject_failures; /* in a row that eject an endpoint; 0 = its ejections do not count */
	uint32_t slow_start_ms;
	uint32_t max_connections; /* requests in flight at an endpoint, 0 = no limit; then wait */
	uint32_t queue, queue_ms; /* so many in a worker, so long */
	uint32_t proxy;      /* enum proxy_version: the header that each connection begins with */
	uint32_t balance;    /* enum balance */
	uint32_t hash_by;    /* enum hash_by */
	uint32_t hash_bound; /* per cent of the mean load that an endpoint may have; 0 = any */
	uint32_t plugins_first, plugins_count; /* of BALANCE_CHAIN */
	uint32_t sticky;                       /* 1 + index in ENDPOINTS_STICKY; 0: not at all */
	struct seg_ref hash_name; /* of the header (a claim is one too) or the cookie */
	uint32_t first, count;    /* endpoints */
	uint32_t weight_total;    /* of the endpoints; count when all weigh the same */
	uint32_t stride; /* coprime to weight_total: turns that follow one another fall far apart */
	uint32_t slot;   /* on the board */
	struct seg_ref name;
};

struct table_moved { /* upstream `index` is this row of the overlay's */
	uint32_t index;
	uint32_t row; /* TRIE_NONE: a free slot */
};

struct table_endpoint {
	uint32_t slot; /* on the board: counters and health */
	uint32_t weight;
	uint32_t first, count; /* addresses; 0 = its name does not resolve */
	uint64_t generation;   /* changes with the set of addresses */
	uint64_t identity;     /* hash of authority and base, for BALANCE_HASH */
	double score;          /* of redx */
	uint32_t tls;          /* 1 + index in ENDPOINTS_TLS; 0: plain */
	uint32_t pad;
	struct seg_ref authority; /* "host:port", "https://host:port"; also the label of metrics */
	struct seg_ref host;      /* what Host says of it: without the port of https */
	struct seg_ref base;      /* path put before the request's, "" for none */
	struct seg_ref sticky;    /* the value of its upstream's cookie that means it */
};

struct table_address {
	uint16_t family; /* AF_INET, AF_INET6, AF_UNIX */
	uint16_t port;   /* host order */
	uint8_t ip[16];
	struct seg_ref path; /* AF_UNIX */
};

/* Rows of ENDPOINTS_UPSTREAMS are an upstream's index in a base; in an overlay ENDPOINTS_MOVED says
 * which row it is. */
const struct table_upstream *table_upstream(const struct segment *endpoints, uint32_t i);
/* One more than the largest index. */
uint32_t table_upstreams(const struct segment *endpoints);
const struct table_endpoint *table_endpoint(const struct segment *endpoints, uint32_t i);
const struct table_address *table_address(const struct segment *endpoints, uint32_t i);
const struct table_plugin *table_plugin(const struct segment *endpoints, uint32_t i);
const struct table_sticky *table_sticky(const struct segment *endpoints, uint32_t i);

/* ---- SEGMENT_KEYS ---- (secret: never mapped but by traffic workers and the master) */

enum keys_section {
	KEYS_STRINGS,
	KEYS_KEYS,
	KEYS_TLS,          /* struct table_tls: one, or none when nothing speaks TLS */
	KEYS_CERTIFICATES, /* struct table_certificate */
	KEYS_CHOICES,      /* uint32_t: runs of indices in KEYS_CERTIFICATES, the preferred first */
	KEYS_NAMES,        /* struct table_tls_name, open addressing by hash; wildcards under
			      ".example.org" */
	KEYS_CLIENTS,      /* struct table_clients */
	KEYS_CLIENT_HOSTS, /* struct table_client_host: the same addressing */
	KEYS_TICKETS,      /* struct table_ticket: the sealing one first */
	KEYS_NUMBERS,      /* uint32_t: suites and groups */
	KEYS_ROOTS,        /* struct table_roots: whom endpoints are verified by */
	KEYS_API_KEYS,     /* struct table_api_key, open addressing by digest */
	KEYS_SECRETS       /* struct table_secret */
};

struct table_key_material {
	uint32_t issuer;     /* index in RULES_ISSUERS */
	uint32_t kind;       /* KEY_* */
	uint32_t algorithms; /* of those of its issuer, the ones that it is for */
	uint32_t pad;
	struct seg_ref kid;
	struct seg_ref bytes;
};
enum { KEY_SECRET, KEY_PUBLIC /* PEM */ };

const struct table_key_material *table_key_material(const struct segment *keys, uint32_t i);

/* ---- building the rules segment ---- */

struct table_builder {
	struct seg_builder seg;
	struct trie_builder routes, gates;
	struct table_global global; /* for the caller to fill */
	struct table_host *hosts;   /* growing hash while building */
	uint32_t hosts_count, hosts_cap;
	uint32_t root_any, gate_root;
	struct map shapes, texts; /* 1 + index; 1 + where it stands: those that are there */
	struct buf scratch;
	uint32_t node;                 /* of the route that was added last */
	bool verbatim, port, wildcard; /* some host is */
};

void table_builder_init(struct table_builder *b);
/* Begins an overlay of `base`, which outlives the builder. The first route that is added at a place
 * of the base takes the place of all that the base has there. */
void table_builder_init_over(struct table_builder *b, const struct segment *base);
/* Of an overlay: there is nothing at this node of the base any more, unless routes are added behind
 * this. */
void table_builder_clear(struct table_builder *b, uint32_t node);
void table_builder_deinit(struct table_builder *b);
/* Stores a text that may be there already, with a shape's for example, once. */
struct seg_ref table_builder_text(struct table_builder *b, struct slice s);
/* Its index; one that is there already is not stored again. Its texts are table_builder_text's. */
uint32_t table_builder_shape(struct table_builder *b, const struct table_shape *shape);
/* Stores what a route is called, and its host and path as written. */
void table_builder_texts(struct table_builder *b, struct table_route *route, struct slice id,
			 struct slice host, struct slice path);
/* Adds a route under its host ("" = any, "*.x" = wildcard, "x:port", verbatim: compared as written,
 * with table_key.host_raw alone) and path; where the path that it has among its texts begins with
 * `path` the trie shares its bytes. Routes of one node must be added in the order in which they win
 * (exact first, then priority); one that cannot win after those before it is stored but never
 * found. Its shape and the conditions of that are added before. Returns its index. */
uint32_t table_builder_route(struct table_builder *b, struct slice host, bool verbatim,
			     struct slice path, const struct table_route *route);
uint32_t table_builder_gate(struct table_builder *b, struct slice path,
			    const struct table_gate *gate);
/* The index of the fact for this path of a claim, made where missing. TRIE_NONE: there are
 * FACTS_MAX already; or this is an overlay, and the base has none for it. */
uint32_t table_builder_fact(struct table_builder *b, struct slice path);
/* Everything else is added with seg_builder_add under its section. Writes global, hosts, tries;
 * seals. */
int table_builder_finish(struct table_builder *b, uint64_t generation, struct segment **out)
    __attribute__((warn_unused_result));

/* The table of ENDPOINTS_MOVED for upstreams that were added to an overlay one behind the other:
 * indices[i] is that of the i-th. */
void table_moved_write(struct seg_builder *b, const uint32_t *indices, uint32_t count);

/* For seg_open's caller: does the content hold together (indexes inside, chains without a loop,
 * global present)? Called once when a segment arrives; an overlay has its base by then, which is
 * verified, and only what is its own is read. 0 or -EBADMSG. */
int table_verify_rules(const struct segment *s);
int table_verify_endpoints(const struct segment *s);
int table_verify_keys(const struct segment *s);
