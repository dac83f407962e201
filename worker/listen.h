#pragma once

/*
 * listen: the sockets that this worker accepts on: those of its slot, and those lent to it.
 * Accepting stops at the limit of connections or at the reserve of descriptors, and goes on when
 * there is room.
 */

#include "worker.h"

struct listener {
	uv_poll_t poll;
	struct list link;
	struct worker *worker;
	struct msg_listener info;
	int fd;
	int family;
	unsigned batch; /* how many to accept at a time */
	bool accepting;
};

/* Takes over the descriptor. `held`: kept for the next master, never accepted on. */
void listener_add(struct worker *w, const struct msg_listener *info, int fd, bool held);
/* Stops accepting on what matches id, slot and kind, and closes it. */
void listener_remove(struct worker *w, const struct msg_listener *info);
void listeners_stop(struct worker *w); /* draining: accept what is queued by now, then nothing */
void listeners_orphaned(struct worker *w); /* the next master may call now */
void listeners_check(struct worker *w);    /* at each tick: is there room again? */
