#include "cgroup.h"

#include "proc_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MOUNT "/sys/fs/cgroup"
#define NO_LIMIT                                                                                   \
	((uint64_t)1 << 50) /* beyond what any machine has, which is how version 1 says none */

static const struct {
	const char *mount, *line, *limit, *high, *used, *active, *inactive;
} versions[] = {
	{ MOUNT, "0::", "memory.max", "memory.high", "memory.current", "active_file ",
	  "inactive_file " },
	{ MOUNT "/memory", NULL, "memory.limit_in_bytes", NULL, "memory.usage_in_bytes",
	  "total_active_file ", "total_inactive_file " },
};

static bool
read_own(pid_t pid, struct buf *out)
{
	char path[64];

	snprintf(path, sizeof path, pid ? "/proc/%d/cgroup" : "/proc/self/cgroup", (int)pid);
	return proc_read(path, out);
}

/* "4:memory:/path", or several names with commas. */
static struct slice
path_first(const struct buf *text)
{
	struct slice rest = buf_slice(text), path;

	while (rest.p && rest.n > 0) {
		struct slice line = slice_cut(rest, '\n', &rest);

		(void)slice_cut(line, ':', &line);
		for (struct slice names = slice_cut(line, ':', &path); names.p && names.n > 0;) {
			if (slice_eq(slice_cut(names, ',', &names), SLICE("memory")))
				return path;
		}
	}
	return (struct slice){ NULL, 0 };
}

void
cgroup_path(pid_t pid, struct buf *out)
{
	struct buf BUF_CLEAN text = { 0 };

	if (read_own(pid, &text))
		buf_adds(out, proc_line(&text, versions[0].line));
	buf_addc(out, '\0');
}

static uint64_t
number_in(const char *folder, const char *name)
{
	char path[600];

	snprintf(path, sizeof path, "%s/%s", folder, name);
	return proc_number(path, NULL); /* "max" is no number */
}

/* Where it cannot be told it is 0. */
static uint64_t
used_in(bool first, const char *folder)
{
	struct buf BUF_CLEAN stat = { 0 };
	char path[600];
	uint64_t used = number_in(folder, versions[first].used), files[2] = { 0, 0 };

	snprintf(path, sizeof path, "%s/memory.stat", folder);
	if (used == PROC_UNKNOWN || !proc_read(path, &stat))
		return 0;
	proc_numbers(proc_line(&stat, versions[first].active), &files[0], NULL);
	proc_numbers(proc_line(&stat, versions[first].inactive), &files[1], NULL);
	for (int i = 0; i < 2; i++)
		used -= files[i] < used ? files[i] : 0;
	return used;
}

static uint64_t
room(uint64_t limit, uint64_t used)
{
	return limit > used ? limit - used : 0;
}

static void
look_in(bool first, const char *folder, struct cgroup *out)
{
	uint64_t limit = number_in(folder, versions[first].limit), used, high = NO_LIMIT;

	if (versions[first].high)
		high = number_in(folder, versions[first].high);
	if (high < limit)
		limit = high;
	if (limit >= NO_LIMIT)
		return;
	used = used_in(first, folder);
	if (limit < out->least)
		out->least = limit;
	if (room(limit, used) >= room(out->limit, out->used))
		return;
	out->limit = limit;
	out->used = used;
}

/* Of `path` and all above it. */
static void
look(bool first, struct slice path, struct cgroup *out)
{
	const char *mount = versions[first].mount;
	char folder[512];
	int n = snprintf(folder, sizeof folder, "%s%.*s", mount, SLICE_F(path));

	if (n < 0 || (size_t)n >= sizeof folder)
		return;
	if (folder[n - 1] == '/') /* the root of its namespace */
		folder[n - 1] = '\0';
	while (strlen(folder) >= strlen(mount)) {
		look_in(first, folder, out);
		*strrchr(folder, '/') = '\0';
	}
}

int
cgroup_find(pid_t pid, struct cgroup *out)
{
	struct buf BUF_CLEAN text = { 0 };

	*out = (struct cgroup){ .least = NO_LIMIT, .limit = NO_LIMIT };
	if (!read_own(pid, &text))
		return -EIO;
	look(false, proc_line(&text, versions[0].line), out);
	look(true, path_first(&text), out);
	return out->least < NO_LIMIT;
}
