#pragma once

/*
 * cgroup: how much memory a process may have with those around it, and what they have taken, by
 * cgroups of version 2 (the kernel's Documentation/admin-guide/cgroup-v2.rst) or, where memory is
 * still there, of version 1.
 */

#include "buf.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct cgroup {
	uint64_t least; /* limit of all that it is in */
	/* Of the one that has least room left, where others that are in it count, too: */
	uint64_t limit;
	uint64_t used; /* bytes that the kernel could not take back by forgetting files */
};

/* The path of its cgroup of version 2, with its leading slash and a NUL; empty: it has none. `pid`
 * 0 is who asks. */
void cgroup_path(pid_t pid, struct buf *out);
/* Limits of memory: where processes are killed, or held up long before (memory.high). 1, 0 where
 * there is none, or -EIO where nobody can tell now. */
int cgroup_find(pid_t pid, struct cgroup *out);
