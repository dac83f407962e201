#include "holder.h"

#include <ctype.h>
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TCP_LISTEN_STATE 0x0a /* as /proc/net/tcp writes it */

/* The inode of a listening socket on the port; 0 when there is none in this file (proc(5),
 * /proc/net/tcp). */
static unsigned long
listening_inode(const char *file, uint16_t port)
{
	char line[512];
	unsigned long found = 0;
	FILE *f = fopen(file, "re");

	if (!f)
		return 0;
	while (!found && fgets(line, sizeof line, f)) {
		unsigned local, state;
		unsigned long inode;

		if (sscanf(line, " %*d: %*[0-9A-F]:%x %*[0-9A-F]:%*x %x %*s %*s %*s %*u %*u %lu",
			   &local, &state, &inode) == 3 &&
		    local == port && state == TCP_LISTEN_STATE)
			found = inode;
	}
	fclose(f);
	return found;
}

static bool
process_holds(const char *pid, unsigned long inode)
{
	char path[300], want[64], target[64];
	bool found = false;
	struct dirent *e;
	DIR *d;

	snprintf(path, sizeof path, "/proc/%s/fd", pid);
	d = opendir(path);
	if (!d)
		return false;
	snprintf(want, sizeof want, "socket:[%lu]", inode);
	while (!found && (e = readdir(d))) {
		ssize_t n = readlinkat(dirfd(d), e->d_name, target, sizeof target - 1);

		if (n <= 0)
			continue;
		target[n] = '\0';
		found = strcmp(target, want) == 0;
	}
	closedir(d);
	return found;
}

static void
process_name(const char *pid, char *out, size_t cap)
{
	char path[300];
	FILE *f;

	snprintf(out, cap, "?");
	snprintf(path, sizeof path, "/proc/%s/comm", pid);
	f = fopen(path, "re");
	if (!f)
		return;
	if (fgets(out, (int)cap, f))
		out[strcspn(out, "\n")] = '\0';
	fclose(f);
}

const char *
holder_of_port(uint16_t port, char *out, size_t cap)
{
	unsigned long inode = listening_inode("/proc/net/tcp", port);
	struct dirent *e;
	DIR *d;

	if (!inode)
		inode = listening_inode("/proc/net/tcp6", port);
	snprintf(out, cap, "another process (see `ss -ltnp 'sport = :%u'` as root)", port);
	d = inode ? opendir("/proc") : NULL;
	if (!d)
		return out;
	while ((e = readdir(d))) {
		char name[32];

		if (!isdigit((unsigned char)e->d_name[0]) || !process_holds(e->d_name, inode))
			continue;
		process_name(e->d_name, name, sizeof name);
		snprintf(out, cap, "%s (pid %s)", name, e->d_name);
		break;
	}
	closedir(d);
	return out;
}
