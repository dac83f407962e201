#pragma once

/*
 * request: one struct, walked through one table of named steps:
 *
 *     head -> route -> policies -> pick -> connect -> send -> response -> relay -> log
 *
 * Each step returns NEXT, WAIT, REPLY or DONE. One function advances a request (request_advance),
 * one ends it (request_end). Only `response` may go back to `pick`. Whoever waits for something
 * outside holds the request through a pointer that request_end sets to NULL (upstream->request,
 * client->request, call->request).
 */

#include "snapshot.h"
#include "websocket.h"
#include "worker.h"

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/http_head.h"
#include "lib/list.h"
#include "lib/uri.h"
#include "shm/reason.h"
#include "shm/table.h"

struct client;
struct upstream;
struct worker;
struct call;
struct queue;
struct mirror;
struct trace;
struct hub;
struct limit_uses;
struct login;
struct await;
struct identity;
struct session;

enum step {
	STEP_HEAD,
	STEP_ROUTE,
	STEP_POLICIES,
	STEP_PICK,
	STEP_CONNECT,
	STEP_SEND,
	STEP_RESPONSE,
	STEP_RELAY,
	STEP_LOG,
	STEP_N
};
enum result { STEP_NEXT, STEP_WAIT, STEP_REPLY, STEP_DONE };

/* How far it had come when it was refused or broke off (ending.h). */
enum phase {
	PHASE_HEAD,
	PHASE_DECISION,
	PHASE_QUEUE,
	PHASE_CONNECT,
	PHASE_REQUEST_BODY,
	PHASE_FIRST_BYTE,
	PHASE_RESPONSE_HEAD,
	PHASE_RESPONSE_BODY,
	PHASE_TUNNEL
};

enum framing { FRAMING_NONE, FRAMING_LENGTH, FRAMING_CHUNKED, FRAMING_CLOSE };

#define REQUEST_ID_MAX 128
#define REQUEST_TRIES 10 /* the most that limits.retries allows */

#define REQUEST_MAGIC 0x52455155u

struct request {
	uint32_t magic;
	uint8_t step; /* enum step */
	bool advancing, ended;
	bool rehearsed; /* for who wants to know: nothing is spent or asked for */
	struct worker *worker;
	struct client *client;
	struct list link; /* the worker's spare or dead ones; the queue that it waits in */
	struct snapshot *table;
	struct arena arena; /* lives as long as the request */

	/* what the client asks */
	struct http_parser in;
	struct slice path; /* canonical, in the arena: what goes upstream */
	struct slice
	    match_path; /* the same with its triplets in capitals: what rules and the gate see */
	enum table_method route_method; /* by which it is judged: of a preflight the one that it
					   asks about, of another proxy's question that one's */
	struct slice host_field;        /* as it came, in the arena */
	struct uri_host host;
	uint32_t query, query_n; /* offset in the head, with its '?' */
	struct slice query_own;  /* in the arena: in the place of that; p NULL: it is as it came */
	unsigned path_flags;
	enum table_method method;
	uint32_t pattern_work; /* of conditions so far (patterns.h) */
	bool unjudged;         /* a condition met its limit: which route it is, nobody knows */
	bool secure;           /* it came over TLS */
	bool idempotent, asterisk, expect_continue, upgrade, absolute;
	bool te_trailers; /* the client takes trailers */
	bool nominates,
	    answer_nominates; /* Connection names fields that a trailer could bear too */
	int32_t max_forwards; /* of an OPTIONS, -1: none */
	char id[REQUEST_ID_MAX + 1];
	uint8_t id_n;

	/* what was decided */
	struct table_policy policy;
	uint32_t allowed; /* methods (bits) that would have had a route, where this one has none */
	uint32_t route, route_slot, route_flags, upstream_index;
	const struct table_action *action; /* of the table; NULL: it passes on as it is */
	struct slice arm;                  /* of a split, its name */
	struct trace *trace;               /* in the arena; NULL: tracing is off */
	struct mirror *mirror;             /* a copy that waits for the rest of the body */
	struct hub *hub;                   /* what the route asks another service */
	bool collecting;                   /* a step waits for all of the body, in `held` */
	bool mirrored;                     /* it was decided whether there is one */
	struct slice path_rest;            /* behind what the route matched */
	const struct identity *who;        /* in the arena; NULL: nobody, as far as one knows */
	struct slice identity;             /* in the arena, for the log: its name, cut */
	struct session *session;           /* a reference, NULL: none (session.h) */
	struct list session_link;          /* with it: of what is under way for it */
	bool session_looked;               /* for the cookie of one */
	bool session_dead;                 /* there was one, of a session that is no more */
	struct renewed *renewed;           /* refresh.c's own, in the arena */
	uint8_t session_tries;             /* session_caller.c's own, as is the next */
	char session_id[44];
	struct slice set_cookie;  /* whole lines for the answer, in the arena */
	struct slice query_token; /* in the arena: taken out of the query */
	bool query_tokens;        /* there were several */
	bool asks; /* another proxy does, about a request of its own (forward_auth.h) */
	const struct identity *would; /* who shows a token that only the shadow mode asks for */
	enum reason ignored;          /* what was wrong with the token, where none is needed */
	struct await *await;          /* what it waits for of the master */
	uint32_t awaited;             /* bits of enum await_kind: it has */
	uint8_t policy_at;            /* of the policies, the one that is due */
	uint64_t units_until;      /* ms: it waits for units of a limit no longer; 0: it has not */
	bool units_late;           /* it does not wait for them any more */
	struct limit_uses *limits; /* in the arena; NULL: none were asked */
	struct slice real;         /* real_client.c's own, as is the next: p NULL, not asked yet */
	uint8_t real_ip[16];
	enum reason reason;
	struct slice field;       /* that is to blame for it, its name; static or in the arena */
	const char *challenge;    /* RFC 6750 error, for WWW-Authenticate */
	struct slice scope;       /* its scopes, in the arena */
	bool injects;             /* the route tells its upstream of who asks (inject.h) */
	struct slice credentials; /* as fields, in the arena */
	struct slice shown; /* of those and of hubs, in the arena: the token by which it is known */
	uint32_t authorise; /* of the route (shm/table_authorise.h) */
	enum reason shadow; /* it would be refused, were that not in its shadow mode */

	/* the body of the request */
	enum framing body;
	bool body_done;   /* all of it came */
	bool body_lost;   /* `held` is no more all that came of it: it cannot be sent again */
	bool spans_fresh; /* r->in.spans have not been written or held yet */
	uint64_t body_bytes;
	struct buf held; /* what waits for an upstream; with !body_lost all that came so far */

	/* the upstream */
	struct upstream *upstream;
	struct pool *pool;
	uint32_t endpoint, endpoint_slot, upstream_slot;
	uint32_t address, address_first; /* which try of its addresses, and with which it began */
	uint32_t tried[REQUEST_TRIES];
	uint8_t tries;
	uint32_t fallback; /* upstream that has what its own one cannot answer; 0: none */
	bool fell;         /* the fallback has it, in the place of these: */
	uint32_t fell_from, fell_endpoint; /* upstream; endpoint, UINT32_MAX: none was tried */
	struct slice sticky_value; /* of the client's cookie, in the arena; p NULL: not read yet */
	bool sticky_new;           /* the answer sets the cookie */
	bool reused;               /* the present connection came from the pool */
	bool fresh;                /* one of those died under it: only new ones from here on */
	bool untaken; /* upstream_closed and _tls_failed: its application has read nothing of the
			 request */
	bool interim; /* a 1xx of it came */
	bool translating;    /* its answer's body is collected, in `held` */
	enum reason failure; /* of the present try; REASON_none: none */

	/* the answer */
	enum framing framing;
	int status;
	bool started;  /* a byte of the final answer went to the client */
	bool answered; /* all of it did */
	bool keep_alive;
	bool client_closes; /* it asked for no more than this answer */
	bool client_lost;   /* writing to it failed */
	bool tunnel;
	uint8_t tunnel_ends;     /* sides that have ended */
	bool framed;             /* a tunnel whose frames are followed */
	enum reason farewell;    /* of a tunnel that ends behind the frame under way */
	struct websocket frames; /* of the upstream */
	uint64_t bytes_in, bytes_out;
	uint8_t ended_in;           /* enum phase: of one that has a reason */
	uint64_t begin_us, head_us; /* its first byte came, the last one of its head */
	uint64_t connect_us; /* since when the last try connects; 0: its connection was pooled */
	uint64_t send_us, first_us;
	struct timer total;  /* policy.total_ms */
	struct timer expiry; /* of the token, when it `expires` */
	bool expires;
	struct call *call;            /* of the admin worker to the master */
	uint8_t access;               /* enum access_role: of who asks at an admin listener */
	struct login *login;          /* of a path of login's own */
	struct queue *queue;          /* that it waits in for an endpoint */
	uint64_t queued_us, queue_us; /* since when it does; how long it has before */
	uint64_t queue_until_ms;
	struct slice authority; /* of the endpoint, for the log; in the arena */
	struct slice route_id;  /* for the log; in the arena */
};

/* With its '?', or empty: as upstreams get it. */
static inline struct slice
request_query(const struct request *r)
{
	return r->query_own.p ? r->query_own : http_at(&r->in, r->query, r->query_n);
}

struct request *request_new(struct client *c);
/* Runs steps until one waits or the request has ended. */
void request_advance(struct request *r);
/* Bytes of the request came: r->in has parsed them. */
void request_input(struct request *r);
/* Why the client's bytes are no HTTP, with r->field where one field is to blame. */
enum reason request_fault(struct request *r, enum http_outcome outcome);
/* They are none: answered so. */
void request_malformed(struct request *r, enum http_outcome outcome);
/* The rest of its head is not waited for: it did not come in time, or there is no room for it. */
void request_head_ends(struct request *r, enum reason reason);
/* Its time in all is over. */
void request_on_total(struct timer *t);
/* The try at the upstream failed. */
void request_upstream_failed(struct request *r, enum reason failure);
/* Ends it in any state: nothing more is sent; the connection to the upstream goes unless it is
 * clean. */
void request_abort(struct request *r, enum reason reason);
/* An answer of our own from here on, whatever step it is in; impossible once a byte was sent: then
 * it is an abort. */
void request_refuse(struct request *r, enum reason reason);
/* Runs the steps up to and with `last`, for who wants to know what they decide (explain.c): nothing
 * is sent, and nothing goes on by itself afterwards. What the last one said. */
enum result request_rehearse(struct request *r, enum step last);
/* The end of a rehearsal: nobody hears of it. */
void request_drop(struct request *r);
/* Recycles what ended in this loop turn. */
void requests_collect(struct worker *w);
/* Once a second: gives back the spare ones that were not needed since the last time. */
void requests_trim(struct worker *w);
/* Gives back all of the spare ones. */
void requests_shed(struct worker *w);
void requests_free(struct worker *w);

/* The steps, each in its own file; all of them have this form. */
enum result head_step(struct request *r);
enum result route_step(struct request *r);
enum result policies_step(struct request *r);
enum result pick_step(struct request *r);
enum result connect_step(struct request *r);
enum result send_step(struct request *r);
enum result response_step(struct request *r);
enum result relay_step(struct request *r);
enum result log_step(struct request *r);

/* route.c: what table_find is asked for this request, by this path (in match form). */
void route_key(struct request *r, struct slice path, struct table_key *key);

/* The admin listeners' pages, in the place of `route`. */
enum result admin_step(struct request *r);
/* More of a request's body came, which is collected before its page is. */
void admin_input(struct request *r);
