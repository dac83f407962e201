#pragma once

/*
 * handed: the descriptors that the service manager gave to this process at its start
 * (sd_listen_fds(3)): the sockets of .socket units, and what an earlier master had it keep
 * (kept.h).
 */

#include <stddef.h>

struct handed_fd {
	int fd;     /* -1: taken */
	char *name; /* FileDescriptorName= or FDNAME=, "unknown" where there is none */
};

struct handed {
	struct handed_fd *all;
	size_t count;
};

/* Reads and removes the variables, so that no child takes the descriptors for its own; they are not
 * inherited. */
void handed_take(struct handed *h);
/* Closes what nobody took. */
void handed_deinit(struct handed *h);
