#pragma once

/*
 * save: what outlives a restart: the last-known-good rules (state_dir/rules.json, and in
 * rules.json.more what changed behind many of them), and which
 * endpoints' health pages once gave a 2xx (state_dir/seen, one authority a line), and the keys of
 * issuers that were fetched (state_dir/issuers.json). Written by a
 * short-lived child, which has a snapshot of them for nothing and may wait for the disk; at most
 * once a second; it ends with its master. state_dir/.lock sees to it that there is one writer.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

struct master;
struct rules_loading;

struct saver {
	pid_t child; /* 0: none */
	bool locked; /* we hold `lock`, a descriptor that is the master's alone */
	int lock;
	struct rules_loading
	    *loading; /* the rules that there were, in parts; NULL: they are read */
	uv_idle_t idle;
	bool rules_due;
	bool rules_failed;           /* what is on disk is not known: all of them are written */
	bool more;                   /* rules.json.more stands behind rules.json */
	uint64_t next_ms;            /* not before */
	int64_t saved_wall;          /* age of the rules on disk */
	int64_t saving_wall;         /* of those that the child writes; 0: it writes none */
	unsigned failures;           /* one after the other; 0: what is to be on disk is */
	uint64_t seen_changes;       /* prober_seen_changes of the endpoints on disk */
	uint64_t issuers_generation; /* the same of issuers */
	int64_t issuers_wall;
	uint64_t image_version, image_base; /* of the table on disk */
	uint64_t image_ms, base_ms;         /* its two parts: not before */
};

/* Takes the lock and reads them. What is missing or unusable is as good as nothing, and is told in
 * the log; but a state_dir that another master writes to ends the process, with the reason on
 * stderr and exit status 1. To be called when there is no worker yet. */
void saver_load(struct master *m);
/* Of more rules than a start waits for the rest is read in turns of the loop, and then the store is
 * looked at; or now. */
void saver_load_all(struct master *m);
void saver_mark(struct saver *s);
/* Are what Redis said last and what is on disk two things yet? */
bool saver_owes(const struct master *m);
/* At every tick. */
void saver_tick(struct master *m, uint64_t now_ms);
/* At the end: writes what is due, waits for it, but not for a disk that hangs, and lets the lock
 * go. */
void saver_finish(struct master *m);
