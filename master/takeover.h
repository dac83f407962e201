#pragma once

/*
 * takeover: when an earlier master was killed, its workers serve on. Its admin worker gives us
 * their listening sockets and their pages; once our own workers serve, the old ones are told to
 * finish. What they count until then is added to the base on our page, but for the counters of
 * single routes and endpoints, as their slots meant others then.
 */

#include "listeners.h"
#include "shm/board.h"

#include <sys/types.h>

struct old_worker {
	pid_t pid;
	int pidfd; /* -1: it is gone */
	uint64_t instance;
	const struct board_worker *page;
	uint64_t *counted; /* what is in our base already */
};

struct takeover {
	struct old_worker *old;
	size_t old_count;
	const struct board_master *page; /* of the earlier master, NULL: none came */
	uint64_t kill_ms;                /* they were told to end, and have time until then */
};

/* Asks whoever listens at run_dir/takeover.sock; waits for it at most two seconds. Sockets are
 * added to `in`. 0; 1: there is nobody; a negative errno: there is somebody who does not answer. */
int takeover_ask(struct takeover *t, const char *run_dir, struct inherited *in)
    __attribute__((warn_unused_result));
/* The counters of old go on in `board`, and its version. */
void takeover_seed(struct takeover *t, struct board_master *board);
/* Our workers serve: the old ones are to finish within grace_ms. */
void takeover_end(struct takeover *t, uint32_t grace_ms);
/* At every tick. */
void takeover_tick(struct takeover *t, struct board_master *board, uint64_t now_ms);
void takeover_deinit(struct takeover *t);
