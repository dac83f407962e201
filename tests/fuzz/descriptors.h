#pragma once

/*
 * descriptors: how many are open, for who looks whether all were given back.
 */

#include <fcntl.h>

#define DESCRIPTORS_MAX 128 /* no target opens more at a time */

static inline unsigned
descriptors(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < DESCRIPTORS_MAX; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}
