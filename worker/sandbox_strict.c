/*
 * The second lock on the door, where the kernel has it: what the filter of sandbox.c lets pass by a
 * mistake, or cannot see, Landlock refuses: to open a file by whatever call, to connect to an
 * abstract Unix socket of a stranger, to signal or trace others. No rule grants anything back.
 */

#include "sandbox_own.h"

#include <errno.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#define VERSION 1u /* LANDLOCK_CREATE_RULESET_VERSION */

/* Of linux/landlock.h as of its version 6, which is younger than the headers of Debian 12. */
struct ruleset {
	uint64_t files, net, scoped;
};

/* How much of it each version knows; what is newer than the last is not needed. */
static const struct {
	struct ruleset all;
	size_t bytes;
} versions[] = {
	{ { .files = (1u << 13) - 1 }, 8 },
	{ { .files = (1u << 14) - 1 }, 8 },
	{ { .files = (1u << 15) - 1 }, 8 },
	{ { .files = (1u << 15) - 1, .net = 1 /* bind */ }, 16 },
	{ { .files = (1u << 16) - 1, .net = 1 }, 16 },
	{ { .files = (1u << 16) - 1, .net = 1, .scoped = 3 /* abstract sockets, signals */ }, 24 },
};
#define VERSIONS (long)(sizeof versions / sizeof *versions)

int
sandbox_files(void)
{
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0, VERSION);
	long fd, r;

	if (version < 0)
		return -errno;
	version = version < VERSIONS ? version : VERSIONS;
	fd = syscall(SYS_landlock_create_ruleset, &versions[version - 1].all,
		     versions[version - 1].bytes, 0);
	if (fd < 0)
		return -errno;
	r = syscall(SYS_landlock_restrict_self, (int)fd, 0) < 0 ? -errno : 0;
	close((int)fd);
	return (int)r;
}

const int *
sandbox_more(void)
{
	static const int none[] = { SANDBOX_NO_CALL };

	return none;
}
