#pragma once

/*
 * message: what master and workers say to each other over lib/ipc. Fixed structs; the receiver
 * checks the size. M> is sent by the master, W> by a worker, A> by the admin worker only.
 */

#include <stdint.h>

enum message_type {
	MSG_HELLO = 1, /* M> struct msg_hello: who you are; first message */
	MSG_BOARD, /* W> struct msg_board + fd: my page (sealed against other writers). M> the same,
		    * to let one worker read the page of the master (slot == BOARD_SLOT_MASTER) or
		    * of a sibling, or of one of an earlier master (BOARD_SLOT_EARLIER); fd -1: that
		    * instance is gone */
	MSG_LISTENER, /* M> struct msg_listener + fd: accept on it (a socket of your slot, or one
			 lent to you) */
	MSG_UNLISTEN, /* M> struct msg_listener: stop accepting on it and close it (what was lent
			 goes back) */
	MSG_SEGMENT,  /* M> struct msg_segment + fd: a sealed segment, to be used at the next
			 MSG_PUBLISH */
	MSG_PUBLISH,  /* M> struct msg_publish: swap to this table now */
	MSG_ACK,      /* W> struct msg_ack: the table is in force (the board says so too) */
	MSG_NACK,  /* W> struct msg_ack: the segment was refused (it does not verify); the old table
		      serves */
	MSG_DRAIN, /* M> struct msg_drain: stop accepting, finish, exit 0 */
	MSG_REOPEN,  /* M> no body + fd: a new descriptor for the access log */
	MSG_FAILING, /* W> struct msg_failing: an endpoint failed too often in a row */
	MSG_CALL, /* A> struct msg_call + fd: an operator asks; the memfd holds what (shm/call.h) */
	MSG_REPLY,   /* M> struct msg_reply + fd: a memfd with the answer (JSON); fd -1: it is empty
		      */
	MSG_EXPLAIN, /* M> struct msg_explain + fd: the head of a request; what would become of it?
		      */
	MSG_EXPLAINED, /* W> struct msg_explained + fd: a memfd with the answer (JSON) */
	MSG_ACCESS,    /* M> struct msg_access: to the admin worker, who may do what */
	MSG_RATES, /* M> struct rate_head (shm/rate.h) + fd: the rows that rates are kept in, before
		      the first table that has any; to the admin worker for keeping, too */
	MSG_KEYS_ASK,     /* W> struct msg_keys_ask: a token names a key of this issuer that is not
			     there */
	MSG_KEYS_SETTLED, /* M> struct msg_keys_settled: what a fetch brought is in force, or that
			     there is none now */

	MSG_SUSPENDED,        /* M> no body + fd: the page of who is suspended (shm/suspended.h) */
	MSG_SUSPENSION_ASK,   /* W> struct msg_suspension_ask: is there a key of that name? */
	MSG_SUSPENSION_KNOWN, /* M> struct msg_suspension_known: the page says it now, or Redis
				 could not be asked */
	MSG_SWEEP,            /* M> struct msg_sweep: close what is under way of who is suspended */
	MSG_SWEPT,            /* W> struct msg_swept */
	MSG_LEASES, /* M> struct lease_head (shm/lease.h) + fd: rows of limits of the fleet; they
		     * take the place of those before */
	MSG_LEASE,  /* W> struct msg_lease: units of a key are wanted, or were spent without any */
	MSG_LEASED, /* M> struct msg_leased: who waits for this key may look again */
	MSG_TOKEN_ASK,     /* W> struct msg_token_ask: whose token is this? */
	MSG_SESSIONS,      /* M> struct msg_sessions: which sessions has this user? */
	MSG_SESSIONS_TOLD, /* W> struct msg_sessions_told + fd: a memfd with JSON, or with a
			      sentence */
	MSG_TOKEN_TOLD,    /* M> struct msg_token_told: what its issuer says */
	MSG_EXCHANGE,  /* W> struct msg_exchange + fd: post this form to a provider of identity */
	MSG_EXCHANGED, /* M> struct msg_exchanged + fd: its answer; fd -1: there is no body */
	MSG_EXCHANGE_ADOPT, /* M> struct msg_exchange + fd: the worker that asked is gone, and this
			       is yours; the memfd has the context alone, the answer follows */
	MSG_EXCHANGE_KEPT,  /* W> struct msg_exchange_kept: what an EXCHANGE_REFRESH brought is
			       stored, or nothing was to be */
	MSG_NAME_ASK,  /* W> struct msg_name_ask: what are the addresses of a host that stands in
			  no table? */
	MSG_NAME_TOLD, /* M> struct msg_name_told: these */
	MSG_HANDOVER,  /* M> no body: this channel ends next, and others take your place */
	MSG_LAYOUTS,   /* A> no body + fd: to the next master, before the pages, how they are laid
			  out: a sealed memfd with lines of shm/board_fields.h */
	MSG_SPANS,     /* W> records of shm/span.h, one behind the other */
	MSG_WORKERS, /* M> struct msg_workers: to the admin worker, all of them, when it changes */
};

#define BOARD_SLOT_MASTER 0xffffffffu
#define BOARD_SLOT_EARLIER 0xfffffffdu /* a worker of an earlier master, who finishes */
#define WORKER_SLOT_ADMIN 0xfffffffeu

enum worker_role { ROLE_TRAFFIC, ROLE_ADMIN };

struct msg_hello {
	uint32_t role;            /* enum worker_role */
	uint32_t slot;            /* 0.. or WORKER_SLOT_ADMIN */
	uint64_t instance;        /* unique over all workers of a master's life, never 0 */
	uint32_t max_per_address; /* connections of one address over all workers, 0 = no limit */
	uint32_t log_level;
	uint32_t
	    orphan_grace_ms; /* go on serving for so long when the master is gone, then drain */
	uint32_t drain_ms;
	uint32_t handover_ms;     /* the same when the next master has taken over */
	uint32_t fd_reserve;      /* stop accepting when so few descriptors are left */
	uint32_t max_connections; /* over all workers, 0 = by descriptors only */
	uint32_t replay_keys;     /* 0: the page keeps none of them */
	uint32_t identities;      /* 0: the page counts none of them */
	char version[32];
};

struct msg_board {
	uint32_t slot;
	uint32_t pad;
	uint64_t instance;
};

enum listener_kind {
	LISTENER_HTTP,
	LISTENER_ADMIN, /* Unix: by the peer's user */
	LISTENER_ADMIN_READONLY,
	LISTENER_API, /* TCP: by token */
	LISTENER_TAKEOVER
};

#define LISTENER_PROXY 1u /* each connection begins with a header of the PROXY protocol */
#define LISTENER_TLS 2u   /* its clients speak TLS (behind that header) */

struct msg_listener {
	uint32_t id;    /* index into the configuration's listeners */
	uint32_t slot;  /* whose socket it is: differs from the receiver's when it is lent */
	uint32_t kind;  /* enum listener_kind */
	uint16_t port;  /* host order, 0 for a Unix socket: X-Forwarded-Port */
	uint16_t flags; /* LISTENER_* */
};

struct msg_segment {
	uint32_t kind; /* enum table_segment */
	uint32_t pad;
	uint64_t generation;
};

struct msg_publish {
	uint64_t version;
	uint64_t generation[4]; /* by enum table_segment: which generation of each makes up this
				   version */
	int64_t revision_wall;  /* seconds since 1970 */
	char revision[48];      /* of the rules; empty: none is known */
};

struct msg_ack {
	uint64_t version;
};

struct msg_failing {
	uint32_t endpoint; /* slot on the board */
	uint32_t upstream; /* whose limit was reached: index in ENDPOINTS_UPSTREAMS */
};

struct msg_keys_ask {
	uint64_t asked; /* table_issuer.asked */
};

struct msg_keys_settled {
	uint64_t asked;
	uint32_t cool_ms; /* no key of it is fetched for a token before that */
	uint32_t pad;
};

#define LEASE_WANT 1u /* more units */
#define LEASE_WAIT 2u /* somebody waits for them: say MSG_LEASED */
#define LEASE_NAME_MAX 64

struct msg_lease {
	uint64_t key;
	uint64_t spent; /* by requests that passed without units, since the last message */
	uint64_t count, period_us, burst;
	uint64_t waiting;          /* requests, when word last came */
	uint32_t window;           /* enum limit_window */
	uint32_t wants;            /* LEASE_WANT, LEASE_WAIT */
	char name[LEASE_NAME_MAX]; /* of the limit */
};

struct msg_leased {
	uint64_t key;
	uint64_t full; /* no row is left for it: nothing will come */
};

#define TOKEN_NAME 32         /* bytes by which a worker knows a token */
#define TOKEN_ASKED_MAX 4096u /* bytes of one */
#define TOKEN_CLAIMS_MAX 8192u

struct msg_token_ask {
	uint8_t name[TOKEN_NAME]; /* comes back with the answer */
	uint32_t n;
	char token[TOKEN_ASKED_MAX];
};

enum token_told { TOKEN_ACTIVE, TOKEN_INACTIVE, TOKEN_UNJUDGED };

struct msg_token_told {
	uint8_t name[TOKEN_NAME];
	int64_t until; /* seconds since 1970: the answer is not good any more */
	uint32_t told; /* enum token_told; TOKEN_UNJUDGED: nobody could say */
	uint32_t n;
	char claims[TOKEN_CLAIMS_MAX]; /* JSON, of TOKEN_ACTIVE */
};

enum exchange_kind {
	EXCHANGE_CODE,    /* an authorization code (RFC 6749 section 4.1.3) */
	EXCHANGE_REFRESH, /* a refresh token (section 6); its answer outlives who asked */
	EXCHANGE_REVOKE,  /* RFC 7009 */
	EXCHANGE_TOKEN,   /* RFC 8693 */
	EXCHANGE_KIND_N
};

#define EXCHANGE_PROVIDER_MAX 64u
#define EXCHANGE_FORM_MAX (64u << 10)
#define EXCHANGE_CONTEXT_MAX 4096u
#define EXCHANGE_ANSWER_MAX (64u << 10)
#define EXCHANGE_MS 10000u /* from the question to the last byte of the answer */

/* The memfd has context_n bytes for whoever stores the result, then the form, without the client's
 * authentication. */
struct msg_exchange {
	uint64_t id; /* comes back with the answer; those of MSG_EXCHANGE_ADOPT are the master's */
	uint64_t
	    begin_ms;  /* CLOCK_MONOTONIC: not to be sent after that; 0: there is no such time */
	uint32_t kind; /* enum exchange_kind */
	uint32_t context_n;
	char provider[EXCHANGE_PROVIDER_MAX];
};

struct msg_exchanged {
	uint64_t id;
	int32_t status;   /* of HTTP, or a negative errno */
	uint32_t retry_s; /* Retry-After; 0: none */
};

struct msg_exchange_kept {
	uint64_t id;
};

#define NAME_HOST_MAX 256u
#define NAME_ADDRESSES 8u

struct msg_name_ask {
	uint64_t key;  /* the worker's own, comes back */
	uint32_t port; /* addresses that are listeners of ours there are left out */
	uint32_t n;
	char host[NAME_HOST_MAX];
};

struct msg_name_told {
	uint64_t key;
	uint32_t count; /* 0: it does not resolve */
	uint32_t pad;
	uint8_t addresses[NAME_ADDRESSES][16]; /* IPv4 mapped */
};

struct msg_drain {
	uint32_t grace_ms;
	uint32_t idle_ms; /* idle connections are closed after this, staggered */
};

struct msg_explain {
	uint32_t id;         /* comes back in the answer */
	uint8_t address[16]; /* from whom, IPv4 mapped */
	uint32_t secure;     /* over TLS */
};

struct msg_explained {
	uint32_t id;
	uint32_t route; /* index in the rules of this version; 0xffffffff: none */
	uint64_t version;
};

#define SESSIONS_USER_MAX 1024

struct msg_sessions {
	uint32_t id;  /* comes back in the answer */
	uint32_t end; /* 1: each of them is ended */
	uint32_t n;
	char user[SESSIONS_USER_MAX];
};

struct msg_sessions_told {
	uint32_t id;
	uint32_t status; /* HTTP, for the operator: what else than 200 has a sentence */
};

struct msg_call {
	uint32_t id; /* the admin worker's own number, comes back in the reply */
	uint32_t pad;
};

struct msg_reply {
	uint32_t id;
	uint32_t status;  /* HTTP status for the operator */
	char fields[128]; /* whole header lines, or empty */
};

enum access_kind { ACCESS_USER, ACCESS_TOKEN };

struct access_entry {
	char name[64];
	uint32_t kind; /* enum access_kind */
	uint32_t role; /* enum access_role */
	uint32_t uid;
	uint32_t pad;
	uint8_t digest[32]; /* of the token: SHA-256 */
};

#define SUSPENSION_ID_MAX 512

struct msg_suspension_ask {
	uint64_t key; /* the worker's own, comes back */
	uint32_t n;
	char name[SUSPENSION_ID_MAX];
	uint32_t pad;
};

struct msg_suspension_known {
	uint64_t key;
};

struct msg_sweep {
	uint64_t round; /* rising */
};

struct msg_swept {
	uint64_t round; /* the last that it heard of */
	uint64_t closed;
};

#define WORKERS_MAX 2048

/* Processes that are workers of this gateway, or were a moment ago. */
struct msg_workers {
	uint32_t count;
	uint32_t pids[WORKERS_MAX];
};

#define ACCESS_MAX 120

struct msg_access {
	uint64_t body_bytes; /* of a request */
	uint32_t anyone;     /* role of who comes to LISTENER_API without a token */
	uint32_t count;
	char hosts[1024]; /* names that such a one may call us by, with blanks between */
	struct access_entry entries[ACCESS_MAX];
};
