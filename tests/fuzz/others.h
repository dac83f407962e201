#pragma once

/*
 * others: everybody whom a process of the gateway may ask. Each is there as soon as it is asked,
 * and says what the target sends at its end of the connection. And the clocks, which go on when the
 * target says so.
 */

#include "lib/slice.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define OTHERS 32

static struct {
	int ends[OTHERS]; /* ours, in the order in which they were asked; -1: it is closed */
	unsigned count;
	int64_t ahead_ms; /* of the clocks */
} others;

/* In the place of the C library's, for libuv, too. */
__attribute__((visibility("default"))) int
connect(int fd, const struct sockaddr *address, socklen_t n)
{
	int sv[2];

	if (others.count == OTHERS) {
		errno = ECONNREFUSED;
		return -1;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, sv) < 0 ||
	    dup2(sv[0], fd) < 0)
		abort();
	close(sv[0]);
	others.ends[others.count++] = sv[1];
	return 0;
}

__attribute__((visibility("default"))) int
clock_gettime(clockid_t clock, struct timespec *out)
{
	int r = (int)syscall(SYS_clock_gettime, clock, out);

	if (clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_COARSE ||
	    clock == CLOCK_REALTIME) {
		out->tv_sec += others.ahead_ms / 1000;
		out->tv_nsec += others.ahead_ms % 1000 * 1000000;
		out->tv_sec += out->tv_nsec / 1000000000;
		out->tv_nsec %= 1000000000;
	}
	return r;
}

static inline void
others_begin(void)
{
	others.count = 0;
	others.ahead_ms = 0;
}

static inline void
others_say(unsigned which, struct slice bytes)
{
	if (which < others.count && others.ends[which] >= 0 && bytes.n > 0)
		(void)!send(others.ends[which], bytes.p, bytes.n, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static inline void
others_close(unsigned which)
{
	if (which >= others.count || others.ends[which] < 0)
		return;
	close(others.ends[which]);
	others.ends[which] = -1;
}

static inline void
others_end(void)
{
	for (unsigned i = 0; i < others.count; i++)
		others_close(i);
	others_begin();
}
