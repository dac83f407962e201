#pragma once

/*
 * kin: the processes that are workers of ours, of this master and of those before it, and those
 * that were a moment ago. The admin worker is told of them: what comes to its socket from one of
 * them is no operator's, whatever its user. A worker's own word is not taken for it.
 */

#include "shm/message.h"

#include <stddef.h>
#include <sys/types.h>

struct kin {
	struct kinsman {
		pid_t pid;
		uint64_t gone_ms; /* CLOCK_MONOTONIC; 0: it lives */
	} * all;
	size_t count;
};

void kin_deinit(struct kin *k);
void kin_add(struct kin *k, pid_t pid);
/* It has ended. What it has sent may not be read yet: it is one of ours for a while longer. */
void kin_gone(struct kin *k, pid_t pid, uint64_t now_ms);
/* Writes all of them; those that are gone for long are forgotten. */
void kin_tell(struct kin *k, uint64_t now_ms, struct msg_workers *out);
