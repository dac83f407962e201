#include "handed.h"

#include "lib/slice.h"
#include "lib/xalloc.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define FIRST 3 /* SD_LISTEN_FDS_START */
#define MOST 65536

static size_t
handed_count(void)
{
	const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
	unsigned long n;

	if (!pid || !count || strtoul(pid, NULL, 10) != (unsigned long)getpid())
		return 0;
	n = strtoul(count, NULL, 10);
	return n > MOST ? 0 : n;
}

void
handed_take(struct handed *h)
{
	const char *names = getenv("LISTEN_FDNAMES");
	struct slice rest = slice_of(names ? names : "");
	size_t n = handed_count();

	*h = (struct handed){ .all = xcalloc(n + 1, sizeof *h->all) };
	for (size_t i = 0; i < n; i++) {
		struct slice name = slice_cut(rest, ':', &rest);
		int fd = FIRST + (int)i;

		if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
			continue; /* it is not there */
		h->all[h->count].fd = fd;
		h->all[h->count++].name = name.n ? xstrndup(name.p, name.n) : xstrdup("unknown");
	}
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
}

void
handed_deinit(struct handed *h)
{
	for (size_t i = 0; i < h->count; i++) {
		if (h->all[i].fd >= 0)
			close(h->all[i].fd);
		free(h->all[i].name);
	}
	free(h->all);
	*h = (struct handed){ 0 };
}
