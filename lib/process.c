#include "process.h"

#include "proc_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Fields of /proc/[pid]/stat behind the name, which may have blanks and parentheses itself. */
enum { STAT_UTIME = 11, STAT_STIME, STAT_STARTTIME = 19, STAT_RSS = 21, STAT_N };

static bool
read_stat(pid_t pid, uint64_t out[STAT_N])
{
	char path[40], text[1024], *p;
	ssize_t n;
	int fd;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof text - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	p = strrchr(text, ')');
	if (!p || p[1] != ' ' || p[2] == '\0')
		return false;
	p += 3; /* the state, a letter */
	for (int i = 1; i < STAT_N; i++)
		out[i] = strtoull(p, &p, 10);
	return true;
}

static double
seconds_of(clockid_t clock)
{
	struct timespec ts = { 0 };

	clock_gettime(clock, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* When the kernel began. Once: the two clocks drift, and a start that moves looks like another. */
static double
boot(void)
{
	static double at;

	if (at <= 0)
		at = seconds_of(CLOCK_REALTIME) - seconds_of(CLOCK_BOOTTIME);
	return at;
}

bool
process_read(pid_t pid, struct process_use *out)
{
	double ticks = (double)sysconf(_SC_CLK_TCK);
	uint64_t stat[STAT_N];

	if (!read_stat(pid, stat))
		return false;
	out->cpu_s = (double)(stat[STAT_UTIME] + stat[STAT_STIME]) / ticks;
	out->started = boot() + (double)stat[STAT_STARTTIME] / ticks;
	out->memory = stat[STAT_RSS] * (uint64_t)sysconf(_SC_PAGESIZE);
	return true;
}

/* /proc/[pid]/statm: size, resident, shared, ..., in pages. */
uint64_t
process_memory(pid_t pid, uint64_t *shared)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), resident, others;
	struct buf BUF_CLEAN text = { 0 };
	struct slice rest;
	char path[40];

	if (shared)
		*shared = 0;
	snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
	if (!proc_read(path, &text))
		return 0;
	(void)slice_cut(buf_slice(&text), ' ', &rest);
	proc_numbers(rest, &resident, &others);
	if (resident == PROC_UNKNOWN || others > resident)
		return 0;
	if (shared)
		*shared = others * page;
	return (resident - others) * page;
}

static uint64_t
count_entries(const char *path)
{
	DIR *folder = opendir(path);
	const struct dirent *e;
	uint64_t n = 0;

	if (!folder)
		return 0;
	while ((e = readdir(folder)) != NULL)
		n += e->d_name[0] != '.';
	closedir(folder);
	return n;
}

uint64_t
process_descriptors(pid_t pid)
{
	char path[40];
	struct stat st;

	snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
	/* Since Linux 6.2 the size of the folder is their number. */
	if (stat(path, &st) == 0 && st.st_size > 0)
		return (uint64_t)st.st_size;
	return count_entries(path);
}

uint64_t
process_descriptors_max(pid_t pid)
{
	struct rlimit limit;

	return prlimit(pid, RLIMIT_NOFILE, NULL, &limit) == 0 ? limit.rlim_cur : 0;
}
