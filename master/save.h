#pragma once

/*
 * save: what outlives a restart: the last-known-good rules (state_dir/rules.json), and which
 * endpoints' health pages once gave a 2xx (state_dir/seen, one authority a line). Written by a
 * short-lived child, which has a snapshot of both for nothing and may wait for the disk; at most
 * once a second.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct master;

struct saver {
	pid_t child; /* 0: none */
	bool rules_due;
	uint64_t next_ms;     /* not before */
	int64_t saved_wall;   /* age of the rules on disk */
	uint64_t seen_digest; /* of the endpoints on disk */
};

/* Reads both. What is missing or unusable is as good as nothing, and is told in the log. */
void saver_load(struct master *m);
void saver_mark(struct saver *s);
/* At every tick. */
void saver_tick(struct master *m, uint64_t now_ms);
/* At the end: writes what is due, and waits for it. */
void saver_finish(struct master *m);
