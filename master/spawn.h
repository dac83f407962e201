#pragma once

/*
 * spawn: fork and exec of the running image. What a worker gets is a fixed table of descriptors (0
 * null, 1 access log, 2 error log, 3 control channel), a short environment without secrets, default
 * signals and a process group of its own; everything else is closed. The image is a descriptor that
 * was opened at the start, so that a package which replaces the file under a running gateway
 * changes nothing.
 */

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

struct spawn {
	int image;           /* O_PATH descriptor of the executable */
	struct stat is;      /* of that */
	int null;            /* /dev/null */
	char path[PATH_MAX]; /* where that was when the gateway was started; "": not known */
	const char *run_dir; /* by which the next master knows its workers; NULL: none. Borrowed */
	bool unconfined;     /* workers are not to take what they do not need from themselves */
};

/* 0 or a negative errno. */
int spawn_init(struct spawn *s) __attribute__((warn_unused_result));
void spawn_deinit(struct spawn *s);
/* Starts "yett worker RUN_DIR"; `admin`: in which role. `access_log`: its descriptor 1, -1 for
 * /dev/null; stays the caller's. *control: our end of the channel, the caller's from then on. Never
 * blocks. 0 or a negative errno; that exec failed shows as exit status 127. */
int spawn_worker(const struct spawn *s, bool admin, int access_log, pid_t *pid, int *control)
    __attribute__((warn_unused_result));
