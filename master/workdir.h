#pragma once

/*
 * workdir: the directories that a master owns, the lock that makes it the only one, and the user it
 * stays.
 */

#include "config.h"

struct workdir {
	char *run_dir;
	bool made; /* by us, or by a master that was killed: removed at the end */
	int lock;  /* descriptor; held as long as the master lives, by nobody else */
};

/* Makes run_dir and state_dir where they are missing and takes the lock; `lock`: we hold it already
 * (it is taken over), -1: not yet. 0; or a negative errno
 * with reason and remedy in `error`. A state_dir that cannot be had is a warning. */
int workdir_open(struct workdir *w, const struct config *c, int lock, struct buf *error)
    __attribute__((warn_unused_result));
void workdir_close(struct workdir *w);
/* Started as root with `user` set: gives that user the directories and becomes it, for good. */
int workdir_drop_root(const struct config *c, struct buf *error)
    __attribute__((warn_unused_result));
