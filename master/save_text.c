#include "save_text.h"

#include "master.h"

#include "lib/failpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int
save_sync(const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = fd < 0 || fsync(fd) < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return r;
}

static int
write_all(int folder, const char *name, struct slice text)
{
	int fd = openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	int r = fd < 0 ? -errno : 0;

	FAILPOINT("save-opened");
	while (r == 0 && text.n > 0) {
		ssize_t n = write(fd, text.p, text.n);

		if (n < 0)
			r = -errno;
		else
			text = slice_make(text.p + n, text.n - (size_t)n);
	}
	FAILPOINT("save-written");
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (fd >= 0)
		close(fd);
	return r;
}

int
save_text(const struct master *m, const char *name, struct slice text)
{
	int folder = open(m->config->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char next[64]; /* of our own: whoever else writes there does not write into it */
	int r;

	if (folder < 0)
		return -errno;
	snprintf(next, sizeof next, SAVE_NEW "%d-%s", (int)getpid(), name);
	r = write_all(folder, next, text);
	FAILPOINT("save-fsynced");
	if (r == 0 && renameat(folder, next, folder, name) < 0)
		r = -errno;
	if (r < 0)
		unlinkat(folder, next, 0);
	FAILPOINT("save-renamed");
	close(folder);
	return r < 0 ? r : save_sync(m->config->state_dir);
}
