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
	char folder[512];
	bool first; /* of version 1 */
	uint64_t limit;
};

/* The path of its cgroup of version 2, with its leading slash and a NUL; empty: it has none. `pid`
 * 0 is who asks. */
void cgroup_path(pid_t pid, struct buf *out);
/* Of those that it is in, the one with the least limit of memory. False: there is no limit. */
bool cgroup_find(pid_t pid, struct cgroup *out);
/* Bytes of memory that it has taken and that the kernel could not take back by forgetting files;
 * 0: unknown. */
uint64_t cgroup_used(const struct cgroup *g);
