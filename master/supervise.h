#pragma once

/*
 * supervise: the workers, each in its slot. Starts them, watches them, starts them again, lends the
 * sockets of a slot that keeps failing to a sibling, kills the hung, drains. Knows nothing of
 * configuration files, tables and operators: what a new worker is to be told of these comes through
 * `struct supervisor_ops`.
 *
 * A slot's process is known by its pid and its instance; only pids of slots are ever waited for.
 */

#include "lib/ipc.h"
#include "kin.h"
#include "listeners.h"
#include "shm/board.h"
#include "shm/message.h"
#include "spawn.h"

enum slot_state {
	SLOT_DEAD,     /* no process, none wanted */
	SLOT_STARTING, /* a process that has not acknowledged a table yet */
	SLOT_RUNNING,
	SLOT_BACKOFF,  /* no process until retry_ms: it died too often */
	SLOT_DRAINING, /* told to end; not started again */
};
extern const char *const slot_state_name[];

struct supervisor;

struct slot {
	struct supervisor *supervisor;
	uint32_t number; /* 0.. or WORKER_SLOT_ADMIN */
	enum worker_role role;
	enum slot_state state;
	pid_t pid; /* 0: none */
	uint64_t instance;
	struct ipc *control;             /* NULL: none, or it ended */
	const struct board_worker *page; /* NULL until it came */
	int page_fd;                     /* for handing out */
	uint64_t started_ms, retry_ms;
	uint64_t gone_ms; /* when its channel ended, 0 = it has not */
	unsigned quick;   /* deaths in a row within a second of starting */
	uint64_t restarts;
	uint64_t acked;       /* table version */
	uint64_t refused;     /* table version */
	struct slot *lent_to; /* who accepts on our sockets meanwhile */
	bool killed;          /* by us, as hung */
	bool behind; /* publish.c: it takes nothing at the moment, and gets the newest table when it
			does again */
};

struct supervisor_ops {
	/* A new worker has its pages: send it segments and MSG_PUBLISH. Its listeners follow. */
	void (*greet)(void *userdata, struct slot *slot);
	/* The page of a worker came; it is about to go, and is in the base. */
	void (*page)(void *userdata, struct slot *slot);
	void (*page_gone)(void *userdata, struct slot *slot);
	/* A table was acknowledged or refused, or a worker came or went: see the slots. */
	void (*changed)(void *userdata);
	/* A traffic worker says that an endpoint fails. */
	void (*failing)(void *userdata, const struct msg_failing *failing);
	/* A traffic worker met a token that is signed with a key which is not there. */
	void (*token_ask)(void *userdata, struct slot *slot, const struct msg_token_ask *ask);
	void (*keys_ask)(void *userdata, struct slot *slot, const struct msg_keys_ask *ask);
	/* A traffic worker wants the addresses of a host. */
	void (*name_ask)(void *userdata, struct slot *slot, const struct msg_name_ask *ask);
	/* A traffic worker has something posted to a provider; `fd` stays the caller's. 0 or
	 * -EBADMSG. And: a result of that is stored. */
	int (*exchange)(void *userdata, struct slot *slot, const struct msg_exchange *ask, int fd);
	void (*exchange_kept)(void *userdata, struct slot *slot,
			      const struct msg_exchange_kept *kept);
	/* A traffic worker tells of requests that are traced. 0 or -EBADMSG. */
	int (*spans)(void *userdata, struct slot *slot, struct slice records);
	/* A traffic worker explains; `m->fd` may be taken over. */
	void (*explained)(void *userdata, struct slot *slot, const struct msg_explained *answer,
			  struct ipc_message *m);
	/* A traffic worker says which sessions a user has; the same. */
	void (*sessions_told)(void *userdata, struct slot *slot,
			      const struct msg_sessions_told *answer, struct ipc_message *m);
	/* A traffic worker asks for a raw key, or has closed what was suspended. */
	void (*suspension_ask)(void *userdata, struct slot *slot,
			       const struct msg_suspension_ask *ask);
	void (*swept)(void *userdata, struct slot *slot, const struct msg_swept *swept);
	/* A traffic worker wants units of a limit of the fleet, or spent some. */
	void (*lease)(void *userdata, struct slot *slot, const struct msg_lease *ask);
	/* The admin worker asks; `m->fd` may be taken over. */
	void (*call)(void *userdata, struct slot *slot, const struct msg_call *call,
		     struct ipc_message *m);
	/* After supervisor_drain: the last one has ended. */
	void (*empty)(void *userdata);
};

struct supervisor_settings { /* what a worker hears in MSG_HELLO, and our own patience */
	uint32_t log_level, orphan_grace_ms, drain_ms, handover_ms, fd_reserve;
	uint32_t max_connections, max_per_address, replay_keys, identities;
	uint32_t hang_ms; /* 0: nobody is taken for hung */
	const char *version;
};

struct supervisor {
	uv_loop_t *loop;
	const struct supervisor_ops *ops;
	void *userdata;
	struct supervisor_settings settings;
	const struct spawn *spawn;
	struct listeners *listeners;
	struct board_master *board;
	int board_fd;
	int access_log; /* descriptor, the caller's; -1: none */
	uint64_t next_instance;
	struct kin kin;     /* see supervisor_kin */
	struct slot *slots; /* the traffic workers, then the admin worker */
	uint32_t slots_count;
	uint64_t ticked_ms;
	uint64_t kill_ms; /* when the patience with the draining ends, 0 = not draining */
	bool ending;      /* nobody is started any more */
	bool emptied;
	uv_signal_t sigchld;
};

/* `workers` traffic slots and the admin slot; starts nobody yet. The pointers stay the caller's and
 * must live on. */
int supervisor_init(struct supervisor *s, uv_loop_t *loop, uint32_t workers,
		    const struct supervisor_ops *ops, void *userdata)
    __attribute__((warn_unused_result));
/* When nobody is left; closes its handles: run the loop once more. */
void supervisor_deinit(struct supervisor *s);
void supervisor_start(struct supervisor *s);
/* Every 100 ms. */
void supervisor_tick(struct supervisor *s, uint64_t now_ms);
/* New settings, told to every worker by another MSG_HELLO. */
void supervisor_configure(struct supervisor *s, const struct supervisor_settings *settings);
/* A new descriptor for the access log, for workers of now and later; stays the caller's. */
void supervisor_reopen(struct supervisor *s, int access_log);
/* `kin` has changed: the admin worker is told. */
void supervisor_kin(struct supervisor *s);
/* To one worker; if it does not take messages any more it is killed, and started again. */
void supervisor_send(struct slot *slot, enum message_type type, const void *body, size_t n, int fd);
/* The traffic workers finish within grace_ms, then the admin worker ends. May be called again with
 * less patience. */
void supervisor_drain(struct supervisor *s, uint32_t grace_ms, uint32_t idle_ms);
/* The slot's process is left to its own: it serves on until it is told (SIGTERM). Its pid, and
 * descriptors of it and of its page, which are the caller's from then on; then supervisor_refill is
 * due. 0; -EBUSY: it is not one that serves; another negative errno. */
int supervisor_release(struct slot *slot, pid_t *pid, int *pidfd, int *page_fd)
    __attribute__((warn_unused_result));
void supervisor_refill(struct slot *slot);
/* While they drain: nobody is killed for being late before that (clock_mono_ms). */
void supervisor_spare(struct supervisor *s, uint64_t until_ms);

/* Is there a process that was not told to end? */
bool slot_is_live(const struct slot *slot);
