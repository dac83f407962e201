#pragma once

/*
 * suspensions: who may not pass, in the master. It holds the truth as it knows it (our own set, and
 * the raw keys of Redis that somebody asked for), writes the page that the workers read
 * (shm/suspended.h), has what is under way closed when somebody is suspended, and keeps all of it
 * for the next start. Where the truth comes from: suspend_set.c (our set in Redis), suspend_keys.c
 * (raw keys), suspend_file.c (the state file).
 */

#include "lib/list.h"
#include "lib/map.h"
#include "shm/suspended.h"
#include "side.h"

struct api_call;
struct buf;
struct master;
struct msg_suspension_ask;
struct msg_swept;
struct slot;
struct store_disk;
struct suspend_keys;
struct suspend_set;

/* One of our own, by "kind:id". */
struct suspension {
	int64_t until, before; /* as in shm/suspended.h */
	int64_t since;
	char *by, *why; /* "": not told */
	uint64_t seen;  /* the last full reading of Redis that had it */
	bool local;     /* Redis has not been told of it yet */
};

struct suspension_waiter {
	struct list link;
	uint64_t round, deadline_ms;
	void (*done)(struct suspension_waiter *w, unsigned swept, unsigned workers);
	void *userdata;
};

struct suspensions {
	struct suspended page;
	int page_fd; /* -1: none */
	struct map own;
	bool unreadable; /* the state file was, and nothing else has told since */
	bool full;       /* more are suspended than suspension.max allows */
	bool loading;    /* from the file: all of it is taken, whatever suspension.max says now */
	size_t overflow; /* of the reading under way, those that found no room */
	struct suspend_set *set;
	struct suspend_keys *keys;

	uint64_t round;  /* of sweeps */
	uint64_t closed; /* requests and streams, by all of them */
	uv_timer_t turn;
	struct list waiters;
	struct { /* by slot */
		uint64_t instance, round;
	} * swept;

	struct store_disk *disk; /* suspend_file.c, as is the rest */
	bool saving, changed;
	int64_t saved_wall;
	uint64_t save_ms;
	struct list savers, savers_begun; /* struct suspension_saver: due; under way */
	uint64_t expiry_ms;               /* when it is looked for those that have expired */
};

int suspensions_init(struct master *m) __attribute__((warn_unused_result));
void suspensions_load(struct master *m);
void suspensions_deinit(struct master *m); /* after side_free */
void suspensions_reconfigured(struct master *m);
void suspensions_tick(struct master *m, uint64_t now_ms);
/* Is there a Redis, and do its raw keys count? */
bool suspensions_use_redis(const struct master *m);
bool suspensions_use_keys(const struct master *m);

/* ---- the truth ---- */

/* "sub:alice" to its kind and id; false: it is none. */
bool suspension_split(struct slice field, enum suspended_kind *kind, struct slice *id);
/* What is kept beside the field: JSON. What is not understood suspends without end. */
void suspension_write(const struct suspension *s, struct buf *out);
void suspension_read(struct slice json, struct suspension *out);
void suspension_deinit(struct suspension *s);
/* In force from now on (`s` is taken over). False: there are too many, or the field is none. */
bool suspensions_put(struct master *m, struct slice field, struct suspension *s);
void suspensions_drop(struct master *m, struct slice field);
/* A row of the page, which grows by need. */
void suspensions_row(struct master *m, enum suspended_kind kind, struct slice id,
		     const struct suspended_fact *fact);
void suspensions_row_drop(struct master *m, enum suspended_kind kind, struct slice id);
/* What the page says of what is not known. */
void suspensions_flags(struct master *m);

/* ---- the workers (suspend_sweep.c) ---- */

void suspensions_greet(struct master *m, struct slot *slot);
void suspensions_send_page(struct master *m);
/* Somebody was suspended: what is under way of them is closed at the end of the loop turn. */
void suspensions_sweep(struct master *m);
void suspensions_swept(struct master *m, struct slot *slot, const struct msg_swept *swept);
/* Calls `done` when every worker has closed what was marked up to now, or two seconds later. */
void suspensions_wait(struct master *m, struct suspension_waiter *w);
void suspensions_waiters_settle(struct master *m);
void suspensions_asked(struct master *m, struct slot *slot, const struct msg_suspension_ask *ask);

/* ---- the state file (suspend_file.c) ---- */

struct suspension_saver {
	struct list link;
	void (*done)(void *userdata, int error);
	void *userdata;
};

void suspend_file_init(struct master *m);
void suspend_file_load(struct master *m);
/* What changed is kept soon. */
void suspend_file_mark(struct master *m);
/* The same at once; `done` is told when it is on the disk: 0 or a negative errno. */
void suspend_file_save(struct master *m, void (*done)(void *userdata, int error), void *userdata);
void suspend_file_tick(struct master *m, uint64_t now_ms);
void suspend_file_deinit(struct master *m);

/* For /status: a member of the object. */
void suspensions_status(struct master *m, struct buf *out);
