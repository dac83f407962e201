/*
 * What proc(5) says of the workers of an earlier master: whose a page is, and those of whom nobody
 * told us, among all processes of our user.
 */

#include "takeover.h"

#include "lib/log.h"
#include "lib/xalloc.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define COMMAND_MAX 256 /* a run_dir is shorter: sockets lie in it */

/* ---- whose a page is ---- */

/* A page is sealed once it is mapped, so that whoever has it mapped for writing made it
 * (board_create). */
static bool
writes(int proc, const struct stat *page)
{
	int fd = openat(proc, "maps", O_RDONLY | O_CLOEXEC);
	FILE *maps = fd < 0 ? NULL : fdopen(fd, "r");
	unsigned major, minor;
	unsigned long inode;
	bool found = false;
	char *line = NULL;
	size_t room = 0;

	while (maps && !found && getline(&line, &room, maps) >= 0)
		found = sscanf(line, "%*x-%*x rw-s %*x %x:%x %lu", &major, &minor, &inode) == 3 &&
			inode == page->st_ino && makedev(major, minor) == page->st_dev;
	free(line);
	if (maps)
		fclose(maps);
	return found;
}

int
takeover_owner(pid_t pid, const struct stat *page)
{
	char path[32];
	int proc, pidfd;

	snprintf(path, sizeof path, "/proc/%d", (int)pid);
	proc = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (proc < 0)
		return -1;
	pidfd = pidfd_open(pid, 0);
	/* `proc` stands for one process, as in search_process. */
	if (pidfd >= 0 && !writes(proc, page)) {
		log_warn("takeover pid=%d error=\"a page names it that it does not write\"",
			 (int)pid);
		close(pidfd);
		pidfd = -1;
	}
	close(proc);
	return pidfd;
}

/* ---- who has lost a master ---- */

/* As spawn.c names it. `named`: of this run_dir. */
static bool
is_worker(int proc, const char *run_dir, bool *named)
{
	static const char want[] = "yett\0worker";
	char got[COMMAND_MAX];
	int fd = openat(proc, "cmdline", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, got, sizeof got);
	close(fd);
	if (n < (ssize_t)sizeof want || memcmp(got, want, sizeof want) != 0)
		return false;
	*named = (size_t)n == sizeof want + strlen(run_dir) + 1 &&
		 memcmp(got + sizeof want, run_dir, strlen(run_dir) + 1) == 0;
	return true;
}

/* proc(5): pid (name) state ppid ... */
static int
parent_of(int proc)
{
	char line[256];
	int fd = openat(proc, "stat", O_RDONLY | O_CLOEXEC), ppid;
	const char *behind;
	ssize_t n;

	if (fd < 0)
		return -1;
	n = read(fd, line, sizeof line - 1);
	close(fd);
	line[n > 0 ? n : 0] = '\0';
	behind = strrchr(line, ')');
	return behind && sscanf(behind, ") %*c %d", &ppid) == 1 ? ppid : -1;
}

/* Has it lost its master? A worker runs the very image of its master, its new parent does not. */
static bool
is_orphaned(int proc)
{
	struct stat own, parents;
	char path[32];
	int ppid = parent_of(proc);

	if (ppid < 0 || fstatat(proc, "exe", &own, 0) < 0)
		return false;
	snprintf(path, sizeof path, "/proc/%d/exe", ppid);
	return stat(path, &parents) < 0 || own.st_ino != parents.st_ino ||
	       own.st_dev != parents.st_dev;
}

static void
list_sockets(int proc, struct inherited_orphan *orphan)
{
	int fd = openat(proc, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	char target[64];
	struct dirent *e;
	unsigned long inode;

	while (d && (e = readdir(d))) {
		ssize_t n = readlinkat(fd, e->d_name, target, sizeof target - 1);

		target[n > 0 ? n : 0] = '\0';
		if (sscanf(target, "socket:[%lu]", &inode) != 1)
			continue;
		orphan->inodes =
		    xrealloc(orphan->inodes, (orphan->count + 1) * sizeof *orphan->inodes);
		orphan->inodes[orphan->count++] = inode;
	}
	if (d)
		closedir(d);
}

static void
search_process(int proc, pid_t pid, uid_t user, const char *run_dir, struct inherited *in)
{
	struct inherited_orphan *orphan;
	struct stat st;
	bool named;
	int pidfd;

	if (fstat(proc, &st) < 0 || (st.st_uid != geteuid() && st.st_uid != user) ||
	    !is_worker(proc, run_dir, &named) || !is_orphaned(proc))
		return;
	pidfd = pidfd_open(pid, 0);
	if (pidfd < 0)
		return;
	/* `proc` stands for this one process: if it can still be read, the pid was not given to
	 * another before it was opened. */
	if (!is_worker(proc, run_dir, &named)) {
		close(pidfd);
		return;
	}
	orphan = inherited_add_orphan(in, pid, pidfd);
	orphan->named = named;
	list_sockets(proc, orphan);
}

void
takeover_search(const char *run_dir, struct inherited *in)
{
	struct stat st;
	struct dirent *e;
	DIR *d = opendir("/proc");

	if (stat(run_dir, &st) < 0)
		st.st_uid = geteuid();
	while (d && (e = readdir(d))) {
		int proc = -1;

		if (isdigit((unsigned char)e->d_name[0]))
			proc = openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (proc < 0)
			continue;
		search_process(proc, atoi(e->d_name), st.st_uid, run_dir, in);
		close(proc);
	}
	if (d)
		closedir(d);
}
