#pragma once

/*
 * worker: one process, one loop: it accepts, parses, decides, proxies, logs. Opens no file,
 * resolves no name, compiles nothing. In the role of admin worker it serves the admin listeners by
 * the same code.
 */

#include "lib/buf.h"
#include "lib/http_head.h"
#include "lib/ipc.h"
#include "lib/map.h"
#include "lib/stream.h"
#include "lib/wheel.h"
#include "shm/board.h"
#include "shm/lease.h"
#include "shm/message.h"
#include "shm/rate.h"
#include "shm/suspended.h"
#include "shm/table.h"
#include "store_clock.h"

#include <sys/un.h>
#include <uv.h>

struct assertions;
struct credentials;
struct units_debts;
struct gate;
struct load;
struct sessions;
struct snapshot;
struct store;
struct request;
struct refreshes;
struct tls_front;
struct top_writer;

/* A deadline that knows what to do. */
struct timer {
	struct wheel_node node;
	void (*fire)(struct timer *t);
};

struct worker {
	uv_loop_t loop;
	struct stream_env env;
	struct wheel wheel;
	uv_timer_t tick;
	uv_prepare_t turn; /* end of each loop turn */
	uv_idle_t again; /* runs while `resume` or `env.due` is not empty: the loop must not wait */
	uv_signal_t sigterm;
	struct msg_hello hello;
	struct msg_workers workers; /* of the admin worker: who is none of its operators */
	bool greeted, orphan, draining, stopped;
	unsigned told_early; /* how often the next master has told us to finish before we knew that
				ours is gone */
	bool handed_over;    /* the master said that it goes */
	enum board_sandbox sandbox;
	uint64_t drain_until, drain_idle_until, drain_tunnels_from; /* ms */
	uint64_t ticks;
	uint64_t turn_us; /* worker_us; 0 = not read in this turn */

	struct ipc control;
	bool control_open;
	struct board_worker *blank; /* ours: made before the sandbox is entered */
	struct board_worker *page;  /* the same, once it is said whose it is; else NULL */
	int page_fd;
	struct worker_peers *peers;             /* board pages of the others (control.c) */
	const struct board_master *master_page; /* NULL until it came */
	struct top_writer *top;                 /* who asks; NULL until somebody known does */
	struct rate_table rates;                /* sets NULL until they came */
	struct lease_table leases; /* of limits of the fleet; memory NULL until they came */
	struct units_debts *debts; /* units.c */
	const struct msg_leased *units_word; /* while requests go on for it: */
	uint64_t units_waiting;              /* so many did wait */
	int rates_fd;      /* kept by the admin worker for the next master; else -1 */
	struct load *load; /* of endpoints, over all workers */
	uint64_t told_ms[BOARD_ENDPOINTS]; /* when the master last heard that one fails */

	struct segment *arrived[SEGMENT_N]; /* for the next publication */
	struct snapshot *table;             /* in force; NULL before the first */
	uint64_t tables_alive;

	struct list listeners; /* struct listener */
	bool accept_paused;
	uint64_t descriptors;                          /* the limit, as of the tick */
	unsigned refused;                              /* clients that linger behind a 429 */
	uint64_t proxied_log_at, proxied_unlogged;     /* ms; proxied.c */
	uint64_t strangers_log_at, strangers_unlogged; /* ms; admin.c */
	uint64_t login_log_at, login_unlogged;         /* ms; login_callback.c */
	uint64_t caps_log_at, caps_unlogged;           /* ms; caps.c */
	uint64_t tls_log_at, tls_unlogged;             /* ms; tls_front.c */
	uint64_t behind_log_at, behind_unlogged;       /* ms; behind.c */
	struct list idle;                              /* clients by state: each state is a list */
	struct list active;
	struct list lingering;
	struct list tunnels;
	struct list resume; /* clients with requests left for the end of the turn */
	uint64_t clients;

	struct list pools;   /* struct pool */
	struct list behinds; /* struct behind: ways of TLS to endpoints */
	struct list queues;  /* struct queue: requests that wait for an endpoint */
	uv_timer_t queue_tick;
	struct list awaits;                      /* requests that wait for the master (await.c) */
	struct introspect_wait *introspect_wait; /* the same of tokens */
	struct list exchanges;                   /* struct exchange: the master has them asked */
	unsigned exchanges_count;
	struct refreshes *refreshes; /* NULL: nothing was refreshed yet */
	uint64_t next_exchange;
	struct keys_wait *keys_wait; /* NULL: no key was asked for yet */
	struct list mirrors;         /* struct mirror: copies under way */
	unsigned mirrors_count;
	struct store *store; /* NULL, as the next: no login */
	struct store_clock store_clock;
	struct sessions *sessions;        /* session.c */
	struct redirect_store *redirects; /* NULL: none was asked for yet */
	struct name_wait *name_wait;      /* NULL: no name was asked for yet */
	unsigned hubs_count;              /* services that are being asked */
	uint64_t hub_log_at;              /* ms: no line about one before */
	struct suspended suspended;
	struct {
		uv_idle_t idle;
		bool running;
		uint32_t walk;
		uint64_t round, closed; /* as the master counts; since it heard last */
	} sweep;
	struct gate *gate;
	struct credentials *credentials; /* of the keys in force */
	struct assertions *assertions;   /* of the gateway's own, with their keys */
	struct tls_front *front;
	bool keyless;                    /* the gate protects, and has no keys: told */
	struct map patterns;             /* by text: struct kept_pattern */
	struct list spare;               /* requests to use again */
	struct list dead;                /* requests to recycle at the end of the turn */
	unsigned spare_count, spare_low; /* now, and at least since requests_trim */
	size_t freed,
	    freed_seen; /* bytes, since libc was asked for their pages; as of the last look */

	struct http_limits limits;   /* of heads, from the table in force */
	struct http_scratch scratch; /* of all parsers */
	struct buf head;             /* scratch for heads that are being written */
	struct buf log;              /* access log lines of this turn and the last ones */
	struct buf spans;            /* of this turn, for the master (trace.c) */
	unsigned spans_n;
	uint8_t log_kind;         /* access_log.c's own: of its descriptor */
	bool log_torn;            /* a line was lost after its first part was written */
	bool tailed;              /* somebody looks at the lines, as of the tick */
	struct buf tail_line;     /* scratch for one */
	int log_fd;               /* -1: no access log */
	int64_t log_second;       /* what log_time says: seconds since 1970 */
	uint64_t refusals_second; /* of which refusals were noted last (fault_note.h) */
	uint32_t refusals_noted;  /* in it */
	char log_time[24], log_common[32];
	struct sockaddr_un log_peer; /* of syslog's socket; sun_family 0: none that has a path */
	char date[32];               /* of the Date field, renewed each second */
	int64_t wall;                /* seconds since 1970, as of the turn */
	uint64_t random[4];          /* of worker_random */
	uint32_t seed;
	struct msg_access access; /* of the admin worker */
	struct list calls;        /* requests of the admin worker that wait for the master */
	uint32_t next_call;
};

/* The role `worker`: descriptor 3 is the control channel. Returns the exit status. */
int worker_main(void);
/* The same without a process: of zeroes but for its page, with a loop that is yet to be run, and no
 * channel. */
void worker_init(struct worker *w);
/* Everything is given back, so that a leak shows. */
void worker_deinit(struct worker *w);

static inline uint64_t
worker_now(struct worker *w) /* ms, the clock of the loop turn */
{
	return uv_now(&w->loop);
}

/* Microseconds, read once a loop turn: what happens within one turn has one time. */
static inline uint64_t
worker_us(struct worker *w)
{
	if (!w->turn_us)
		w->turn_us = uv_hrtime() / 1000;
	return w->turn_us;
}

/* For what has to be unique, not secret (xoshiro256**, seeded from the kernel). */
uint64_t worker_random(struct worker *w);

static inline void
timer_init(struct timer *t, void (*fire)(struct timer *t))
{
	wheel_node_init(&t->node);
	t->fire = fire;
}

/* `ms` from now; 0 = no deadline. */
static inline void
timer_set(struct worker *w, struct timer *t, uint32_t ms)
{
	if (ms)
		wheel_set(&w->wheel, &t->node, worker_now(w) + ms);
	else
		t->node.deadline =
		    UINT64_MAX; /* stays linked, never fires: cheaper than unlinking */
}

static inline void
timer_clear(struct timer *t)
{
	wheel_clear(&t->node);
}

/* Is each answer the last of its connection? */
bool worker_leaves(const struct worker *w);
/* Stops accepting, finishes, and ends the loop when nobody is left, or after `grace_ms`. */
void worker_drain(struct worker *w, uint32_t grace_ms, uint32_t idle_ms);
/* The master is gone: serve on, then drain. */
void worker_orphaned(struct worker *w);
