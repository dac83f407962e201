#pragma once

/*
 * master: one process that accepts no connection. It owns everything below; each part is a module
 * of its own, and this struct is what they meet in. Nothing in it may block the loop once the loop
 * runs.
 */

#include "cascade.h"
#include "certificates.h"
#include "config.h"
#include "drains.h"
#include "eject.h"
#include "exchange.h"
#include "explain.h"
#include "fleet.h"
#include "flush.h"
#include "handover.h"
#include "introspect.h"
#include "issuers.h"
#include "listeners.h"
#include "maintenance.h"
#include "memory.h"
#include "probe.h"
#include "publish.h"
#include "rate_memory.h"
#include "renewal.h"
#include "resolve.h"
#include "revisions.h"
#include "roster.h"
#include "rules.h"
#include "save.h"
#include "seek.h"
#include "shm/board.h"
#include "side.h"
#include "spawn.h"
#include "sticky_key.h"
#include "store.h"
#include "store_redis.h"
#include "supervise.h"
#include "suspensions.h"
#include "systemd.h"
#include "takeover.h"
#include "ticket_share.h"
#include "tickets.h"
#include "tracer.h"
#include "upgrade.h"
#include "workdir.h"

#define MASTER_SIGNALS 6

enum master_phase {
	MASTER_WAITING,  /* for the rules and the names: nobody is served yet */
	MASTER_STARTING, /* workers are on their way */
	MASTER_SERVING,  /* every worker had a table */
	MASTER_DRAINING,
	MASTER_ENDED,
};

struct master {
	uv_loop_t loop;
	uv_timer_t tick;
	uv_signal_t signals[MASTER_SIGNALS];
	enum master_phase phase;
	uint64_t census_ms; /* when it is due */
	struct memory memory;
	uint64_t leaving_ms; /* then it drains; 0: it was not told to end yet */
	uint64_t started_ms;
	char **argv;    /* as we were started */
	unsigned calls; /* of operators, that are not answered yet (api.c) */
	struct upgrade upgrade;

	struct config *config;
	struct workdir workdir;
	struct systemd systemd;
	struct spawn spawn;
	struct listeners listeners;
	struct handover handover; /* of the image before us, and its sockets: until they are used */
	struct inherited inherited;
	struct takeover takeover;
	bool kept; /* what the service manager keeps is ours, no longer that of an earlier master */
	struct supervisor supervisor;
	int access_log;

	struct board_master *page;
	int page_fd;

	struct rules *rules; /* of Redis, or of the file store */
	struct revisions revisions;
	char store_fault[512];   /* what is wrong with the file of the rules; "": nothing */
	bool remembered;         /* they were last-known-good ones from the state file */
	int64_t remembered_wall; /* when those were saved */
	struct resolver *resolver;
	struct seek *seek, *seek_sessions; /* where Redis is, where no address says it */
	struct seek_user sessions_found;
	struct store_redis *store;
	struct side *side; /* for what is no rule */
	struct cascade *cascade;
	struct tracer *tracer;
	struct store writes;
	struct prober *prober;
	struct ejector *ejector;
	struct publisher publisher;
	struct builder aside; /* makes answers (api_aside.c) */
	struct rate_memory rates;
	struct sticky_key sticky_key; /* where the configuration has none */
	struct introspector *introspector;
	struct exchanger *exchanger;
	unsigned names_asked;              /* by workers, and not told yet (name_ask.c) */
	struct issuers *issuers;           /* whose keys are not in the configuration */
	struct certificates *certificates; /* as they were last read */
	struct tickets tickets;
	struct renewal renewal;
	struct ticket_share ticket_share;
	struct explainer explainer;
	struct suspensions suspensions;
	struct drains drains;
	struct maintenance maintenance;
	struct flusher flusher;
	struct fleet fleet;
	struct roster roster;
	struct saver saver;
	char image[96]; /* of the start: "in force", or why it was not (image.h); "": there was none
			 */

	struct { /* for status */
		bool ok;
		int64_t wall; /* 0: there was none */
		char *error;
	} last_reload;
};

/* `yett run`: does not return before the gateway has ended. The exit status: 0; 1 mistakes in the
 * configuration or something that it needs cannot be had; 2 the configuration cannot be read.
 * `argv`: for the image that may follow. */
int master_main(char **argv, const char *file);
/* Its parts, once it has a loop, a configuration and places. What lives on the loop: fails only
 * when the system is out of descriptors or memory; what it goes on with from the state directory;
 * and all of it given back, so that a leak shows. */
int master_open(struct master *m) __attribute__((warn_unused_result));
void master_begin(struct master *m);
void master_end(struct master *m);

/* master.c, for start.c: signals and the tick; what the parts call back. 0 or a negative errno. */
int master_watch(struct master *m) __attribute__((warn_unused_result));
extern const struct supervisor_ops master_supervisor_ops;
extern const struct store_redis_ops master_store_ops;
extern const struct introspect_ops master_introspect_ops;
extern const struct issuers_ops master_issuers_ops;
void master_names_changed(void *userdata);
void master_sessions_found(void *userdata);

/* False while Redis is configured, never answered, and there were no last-known-good rules. */
bool master_rules_loaded(const struct master *m);
/* Waiting: have the rules come, or was the wait long enough? */
bool master_rules_awaited(const struct master *m);
/* The first table is published. */
void master_start_workers(struct master *m);
/* Another worker takes the place of this one, which finishes for timeouts.handover. 0; -ENOENT;
 * -EBUSY: it is not one that serves. */
int master_replace_worker(struct master *m, uint32_t number);
