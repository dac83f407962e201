/*
 * failpoint: what is armed stands in a file beside the image, NAME.failpoints, which all processes
 * share: a worker that opens no file has it mapped from its start.
 */

#include "failpoint.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define DELETED " (deleted)" /* behind the name of an image that was replaced */

/* As tests/e2e/harness/failpoints.py writes it. */
struct failpoint {
	uint32_t left; /* the how many'th process to come there ends; 0: none does */
	uint32_t pid;  /* who has */
	char name[56];
};

static struct failpoint *armed;

static void __attribute__((constructor)) failpoint_map(void)
{
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - sizeof ".failpoints");
	void *memory;
	char *end;
	int fd;

	if (n <= 0)
		return;
	path[n] = '\0';
	end = strstr(path, DELETED);
	snprintf(end ? end : path + n, sizeof ".failpoints", ".failpoints");
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	memory = mmap(NULL, sizeof *armed, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	armed = memory == MAP_FAILED ? NULL : memory;
}

void
failpoint_reached(const char *name)
{
	uint32_t left = armed ? __atomic_load_n(&armed->left, __ATOMIC_ACQUIRE) : 0;

	if (left == 0 || strncmp(armed->name, name, sizeof armed->name) != 0)
		return;
	if (!__atomic_compare_exchange_n(&armed->left, &left, left - 1, false, __ATOMIC_ACQ_REL,
					 __ATOMIC_RELAXED) ||
	    left > 1)
		return;
	__atomic_store_n(&armed->pid, (uint32_t)getpid(), __ATOMIC_RELEASE);
	raise(SIGKILL);
	_exit(137); /* a filter of system calls may not let us */
}
