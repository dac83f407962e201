#include "store_disk.h"

#include "keep.h"

#include "lib/failpoint.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#define LINGER_MS 2000 /* for the last child */
#define PAUSE_MS 5
#define READ_SIZE ((size_t)65536)

struct store_disk {
	uv_loop_t *loop;
	pid_t child; /* 0: none */
	int pidfd;
	uv_poll_t *poll;
	void (*done)(void *userdata, int error);
	void *userdata;
};

/* ---- the parent ---- */

static void
on_closed(uv_handle_t *handle)
{
	free(handle);
}

static void
disk_forget(struct store_disk *d)
{
	uv_close((uv_handle_t *)d->poll, on_closed);
	close(d->pidfd);
	d->poll = NULL;
	d->child = 0;
}

/* How the child has ended. */
static int
verdict(int status)
{
	if (WIFEXITED(status))
		return -WEXITSTATUS(status);
	return -EINTR;
}

bool
store_disk_is_busy(const struct store_disk *d)
{
	return d->child != 0;
}

static void
on_ended(uv_poll_t *poll, int error, int events)
{
	struct store_disk *d = poll->data;
	int status;

	if (waitpid(d->child, &status, WNOHANG) != d->child)
		return;
	disk_forget(d);
	d->done(d->userdata, verdict(status));
}

/* Watches a child that lives already. */
static int
disk_watch(struct store_disk *d, pid_t child)
{
	int r;

	d->pidfd = pidfd_open(child, 0);
	if (d->pidfd < 0)
		return -errno;
	d->poll = xcalloc(1, sizeof *d->poll);
	r = uv_poll_init(d->loop, d->poll, d->pidfd);
	if (r < 0) {
		free(d->poll);
		close(d->pidfd);
		return r;
	}
	d->poll->data = d;
	d->child = child;
	return uv_poll_start(d->poll, UV_READABLE, on_ended);
}

pid_t
store_disk_fork(struct store_disk *d, void (*done)(void *userdata, int error), void *userdata)
{
	sigset_t all, before;
	pid_t child, master = getpid();
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	child = fork();
	if (child == 0) {
		/* Signals stay blocked: their handlers write to the master. */
		close_range(3, ~0u, 0);
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != master)
			_exit(EINTR);
		return 0;
	}
	r = child < 0 ? -errno : 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r < 0)
		return r;
	d->done = done;
	d->userdata = userdata;
	r = disk_watch(d, child);
	if (r < 0) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		return r;
	}
	return child;
}

struct store_disk *
store_disk_new(uv_loop_t *loop)
{
	struct store_disk *d = xcalloc(1, sizeof *d);

	d->loop = loop;
	return d;
}

void
store_disk_free(struct store_disk *d)
{
	struct timespec pause = { .tv_nsec = PAUSE_MS * 1000000L };

	for (int i = 0; d->child && i < LINGER_MS / PAUSE_MS; i++) {
		if (waitpid(d->child, NULL, WNOHANG) == d->child)
			disk_forget(d);
		else
			nanosleep(&pause, NULL);
	}
	if (d->child) {
		kill(d->child, SIGKILL);
		disk_forget(d);
	}
	free(d);
}

/* ---- the child ---- */

static int
write_all(int fd, struct slice s)
{
	while (s.n > 0) {
		ssize_t n = write(fd, s.p, s.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? errno : EIO;
		s = slice_make(s.p + n, s.n - (size_t)n);
	}
	return fsync(fd) < 0 ? errno : 0;
}

/* Writes a file of our own that is to become `name`. */
static int
write_new(int dir, const char *next, struct slice content)
{
	int fd = openat(dir, next, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
	int r;

	if (fd < 0)
		return errno;
	FAILPOINT("disk-opened");
	r = write_all(fd, content);
	if (close(fd) < 0 && r == 0)
		r = errno;
	return r;
}

int
store_disk_replace(const char *folder, const char *name, struct slice content)
{
	int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char next[64];
	int r;

	if (dir < 0)
		return errno;
	/* Of this form, what a killed child has begun is swept up at the next start (save.c). */
	snprintf(next, sizeof next, ".new-%d-%s", (int)getpid(), name);
	r = write_new(dir, next, content);
	FAILPOINT("disk-fsynced");
	if (r == 0)
		r = keep_previous(dir, name);
	if (r == 0 && renameat(dir, next, dir, name) < 0)
		r = errno;
	FAILPOINT("disk-renamed");
	if (r != 0)
		unlinkat(dir, next, 0);
	if (r == 0 && fsync(dir) < 0)
		r = errno;
	close(dir);
	return r;
}

int
store_disk_try(const char *folder)
{
	int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char next[64];
	int r;

	if (dir < 0)
		return errno;
	snprintf(next, sizeof next, ".new-%d-try", (int)getpid());
	r = write_new(dir, next, SLICE("1"));
	if (unlinkat(dir, next, 0) < 0 && r == 0)
		r = errno;
	close(dir);
	return r;
}

/* ---- reading ---- */

int
store_disk_read(const char *path, size_t max, struct buf *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	ssize_t n = -1;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		do {
			buf_reserve(out, READ_SIZE);
			n = read(fd, out->p + out->n, READ_SIZE);
			out->n += n > 0 ? (size_t)n : 0;
		} while (n > 0 && out->n < max);
	}
	close(fd);
	return n == 0 ? 0 : -EBADMSG;
}
