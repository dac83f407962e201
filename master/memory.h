#pragma once

/*
 * memory: how much of it the gateway has taken, beside what it may (limits.memory). Where that is
 * nearly all, every worker refuses requests (503, overloaded) and lets go of what it keeps for
 * later (worker/shed.h), before the kernel would kill one of them.
 */

#include "lib/buf.h"

#include <stdbool.h>
#include <stdint.h>

struct master;

struct memory {
	uint64_t told_ms; /* when it was logged last */
	bool by_group;    /* the limit is that of a cgroup, as is what it has taken */
};

/* Ten times a second. */
void memory_tick(struct master *m, uint64_t now_ms);
/* For the status: a JSON object. */
void memory_write(const struct master *m, struct buf *out);
