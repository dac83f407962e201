#include "file.h"

#include "lib/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/wait.h>
#include <unistd.h>

#define STAMP_AGE 2 /* seconds; coarser clocks of file systems are rare */

static int
check(int fd, size_t max, struct stat *st)
{
	if (fstat(fd, st) < 0)
		return -errno;
	if (S_ISDIR(st->st_mode))
		return -EISDIR;
	if (!S_ISREG(st->st_mode))
		return -EINVAL;
	return (uint64_t)st->st_size > max ? -EFBIG : 0;
}

/* The file may grow under us. No byte of it is left behind in a smaller piece of memory: there is
 * room for all of it at once. */
static int
read_all(int fd, size_t max, struct buf *out)
{
	size_t had = out->n;

	buf_reserve(out, max + 1);
	while (out->n - had <= max) {
		ssize_t n = read(fd, out->p + out->n, max + 1 - (out->n - had));

		if (n == 0)
			return 0;
		if (n > 0)
			out->n += (size_t)n;
		else if (errno != EINTR)
			return -errno;
	}
	return -EFBIG;
}

int
file_read(const char *path, size_t max, struct buf *out, struct stat *st)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	struct stat own;
	int r;

	if (fd < 0)
		return -errno;
	if (!st)
		st = &own;
	r = check(fd, max, st);
	if (r == 0) {
		size_t size = (size_t)st->st_size + 4096;

		r = read_all(fd, size < max ? size : max, out);
	}
	close(fd);
	return r;
}

struct file_stamp
file_stamp(const char *path)
{
	struct file_stamp stamp = { 0 };
	struct stat st;

	if (stat(path, &st) < 0 || st.st_ctim.tv_sec + STAMP_AGE > clock_wall())
		return stamp;
	stamp.changed = st.st_ctim;
	stamp.written = st.st_mtim;
	stamp.device = st.st_dev;
	stamp.number = st.st_ino;
	stamp.size = st.st_size;
	return stamp;
}

static bool
same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool
file_stamp_same(const struct file_stamp *a, const struct file_stamp *b)
{
	return a->number != 0 && a->number == b->number && a->device == b->device &&
	       a->size == b->size && same_time(a->changed, b->changed) &&
	       same_time(a->written, b->written);
}

static int
open_as(const char *path, const struct passwd *user)
{
	if (initgroups(user->pw_name, user->pw_gid) < 0 || setgid(user->pw_gid) < 0 ||
	    setuid(user->pw_uid) < 0)
		return 1;
	return open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY) < 0;
}

bool
file_readable_by(const char *path, const char *user)
{
	const struct passwd *entry = getpwnam(user);
	int status = 1;
	pid_t child;

	if (!entry)
		return false;
	child = fork();
	if (child == 0)
		_exit(open_as(path, entry));
	if (child < 0)
		return true; /* it will be seen when it is read */
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

const char *
file_error(int error)
{
	switch (-error) {
	case ENOENT:
		return "there is no such file; check the path";
	case ENOTDIR:
		return "part of the path is no folder; check the path";
	case EACCES:
	case EPERM:
		return "it is not readable for this user; check owner and mode of the file and of "
		       "its folders";
	case EISDIR:
		return "it is a folder; name a file";
	case EINVAL:
		return "it is no regular file; name a regular file";
	case EFBIG:
		return "it is too large; is it the right file?";
	default:
		return strerror(-error);
	}
}

void
file_wipe(struct buf *b)
{
	if (b->p)
		explicit_bzero(b->p, b->cap);
	buf_deinit(b);
}
