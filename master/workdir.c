#include "workdir.h"

#include "socket.h"

#include "lib/log.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define MADE "made\n"

/* 0; 1: it is new; a negative errno. */
static int
directory_make(const char *path, mode_t mode)
{
	struct stat st;

	if (mkdir(path, mode) == 0) {
		int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		/* Our umask is not for this: who may not search it reaches no socket in it. */
		if (fd < 0 || fchmod(fd, mode) < 0)
			log_warn("directory=%s error=\"%s\"", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return 1;
	}
	if (errno != EEXIST)
		return -errno;
	if (stat(path, &st) < 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

static void
explain_locked(const char *path, int fd, const char *run_dir, struct buf *error)
{
	char pid[16] = { 0 };

	if (fd < 0 || read(fd, pid, sizeof pid - 1) <= 0)
		snprintf(pid, sizeof pid, "?");
	pid[strcspn(pid, "\n")] = '\0';
	buf_addf(error,
		 "%s: another yett (pid %s) runs with this run_dir; stop it, or set `run_dir` to "
		 "another directory "
		 "than %s\n",
		 path, pid, run_dir);
}

/* A lock file is removed at the end, so what was locked may be no longer what stands there. */
static bool
is_current(const char *path, int fd)
{
	struct stat here, there;

	return fstat(fd, &here) == 0 && stat(path, &there) == 0 && here.st_ino == there.st_ino &&
	       here.st_dev == there.st_dev;
}

static bool
lock_says_made(const struct workdir *w)
{
	char text[32];
	ssize_t n = pread(w->lock, text, sizeof text - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return strstr(text, MADE) != NULL;
}

/* The file says who we are, and that we made the directory: who comes after us, if we are killed,
 * has to remove it. */
static int
lock_write(struct workdir *w)
{
	char text[32];
	int n;

	w->made |= lock_says_made(w);
	n = snprintf(text, sizeof text, "%d\n%s", (int)getpid(), w->made ? MADE : "");
	if (ftruncate(w->lock, 0) < 0 || pwrite(w->lock, text, (size_t)n, 0) < 0)
		return -errno;
	return 0;
}

static int
lock_take(struct workdir *w, int inherited, struct buf *error)
{
	BUF_CLEAN struct buf path = { 0 };
	int r;

	buf_addf(&path, "%s/lock", w->run_dir);
	buf_addc(&path, '\0');
	if (inherited >= 0) {
		w->lock = inherited;
		w->made |= lock_says_made(w);
		return 0;
	}
	for (;;) {
		w->lock = open(path.p, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		if (w->lock < 0 || flock(w->lock, LOCK_EX | LOCK_NB) < 0) {
			r = -errno;
			break;
		}
		if (is_current(path.p, w->lock)) {
			r = lock_write(w);
			if (r < 0)
				log_warn("lock file=%s error=\"%s\"", path.p, strerror(-r));
			return 0;
		}
		close(w->lock);
	}
	if (r == -EWOULDBLOCK)
		explain_locked(path.p, w->lock, w->run_dir, error);
	else
		buf_addf(
		    error,
		    "%s: cannot lock: %s; set `run_dir` to a directory that user %u may write to\n",
		    path.p, strerror(-r), (unsigned)geteuid());
	if (w->lock >= 0)
		close(w->lock);
	w->lock = -1;
	return r;
}

int
workdir_open(struct workdir *w, const struct config *c, int lock, struct buf *error)
{
	int r = directory_make(c->run_dir, 0755);

	*w = (struct workdir){ .lock = -1 };
	if (r < 0) {
		buf_addf(error,
			 "%s: run_dir: cannot make %s: %s; create it, or set `run_dir` to a "
			 "directory that user %u "
			 "may write to\n",
			 c->file, c->run_dir, strerror(-r), (unsigned)geteuid());
		return r;
	}
	w->run_dir = xstrdup(c->run_dir);
	w->made = r > 0;
	r = directory_make(c->state_dir, 0700);
	if (r < 0)
		log_warn("state_dir=%s error=\"%s\" effect=\"rules do not outlive a restart\"",
			 c->state_dir, strerror(-r));
	r = lock_take(w, lock, error);
	if (r < 0) {
		free(w->run_dir);
		w->run_dir = NULL;
	}
	return r;
}

void
workdir_close(struct workdir *w)
{
	BUF_CLEAN struct buf path = { 0 };
	BUF_CLEAN struct buf orphans = { 0 };

	if (!w->run_dir)
		return;
	buf_addf(&path, "%s/lock", w->run_dir);
	buf_addc(&path, '\0');
	buf_addf(&orphans, "%s/takeover.sock", w->run_dir);
	buf_addc(&orphans, '\0');
	/* After a start that failed while orphans serve, the next master still has to learn of
	 * `made`. Else it goes, while it is still locked. */
	if (!w->made || access(orphans.p, F_OK) < 0)
		unlink(path.p);
	close(w->lock);
	if (w->made)
		rmdir(w->run_dir);
	free(w->run_dir);
	w->run_dir = NULL;
}

static void
places_give(const struct config *c, const struct passwd *user)
{
	char *beside =
	    c->admin_socket.unix_path ? socket_name_beside(c->admin_socket.unix_path) : NULL;
	const char *const give[] = { c->run_dir, c->state_dir, c->admin_socket.unix_path, beside };

	for (size_t i = 0; i < sizeof give / sizeof give[0]; i++) {
		if (!give[i] || chown(give[i], user->pw_uid, user->pw_gid) == 0)
			continue;
		if (give[i] != beside || errno != ENOENT) /* mostly it stands at its path */
			log_warn("chown path=%s user=%s error=\"%s\"", give[i], c->user,
				 strerror(errno));
	}
	free(beside);
}

int
workdir_drop_root(const struct config *c, struct buf *error)
{
	const struct passwd *user;
	int r;

	if (geteuid() != 0 || c->user[0] == '\0')
		return 0;
	user = getpwnam(c->user);
	if (!user) {
		buf_addf(error,
			 "%s: user: there is no user `%s`; create it (useradd --system %s)\n",
			 c->file, c->user, c->user);
		return -ENOENT;
	}
	places_give(c, user);
	if (initgroups(user->pw_name, user->pw_gid) < 0 ||
	    setresgid(user->pw_gid, user->pw_gid, user->pw_gid) < 0 ||
	    setresuid(user->pw_uid, user->pw_uid, user->pw_uid) < 0) {
		r = -errno;
		buf_addf(error, "%s: user: cannot become `%s`: %s\n", c->file, c->user,
			 strerror(-r));
		return r;
	}
	log_info("privileges user=%s uid=%u", c->user, (unsigned)user->pw_uid);
	return 0;
}
