#include "cgroup.h"

#include "proc_file.h"

#include <stdio.h>
#include <string.h>

#define MOUNT "/sys/fs/cgroup"
#define NO_LIMIT                                                                                   \
	((uint64_t)1 << 50) /* beyond what any machine has, which is how version 1 says none */

static const struct {
	const char *mount, *line, *limit, *used, *active, *inactive;
} versions[] = {
	{ MOUNT, "0::", "memory.max", "memory.current", "active_file ", "inactive_file " },
	{ MOUNT "/memory", NULL, "memory.limit_in_bytes", "memory.usage_in_bytes",
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

/* Of `path` and all above it. */
static void
look(bool first, struct slice path, struct cgroup *out)
{
	const char *mount = versions[first].mount;
	char folder[sizeof out->folder];
	int n = snprintf(folder, sizeof folder, "%s%.*s", mount, SLICE_F(path));

	if (n < 0 || (size_t)n >= sizeof folder)
		return;
	while (strlen(folder) >= strlen(mount)) {
		uint64_t limit = number_in(folder, versions[first].limit);

		if (limit < out->limit) {
			out->limit = limit;
			out->first = first;
			memcpy(out->folder, folder, sizeof folder);
		}
		*strrchr(folder, '/') = '\0';
	}
}

bool
cgroup_find(pid_t pid, struct cgroup *out)
{
	struct buf BUF_CLEAN text = { 0 };

	out->limit = NO_LIMIT;
	if (read_own(pid, &text)) {
		look(false, proc_line(&text, versions[0].line), out);
		look(true, path_first(&text), out);
	}
	return out->limit < NO_LIMIT;
}

uint64_t
cgroup_used(const struct cgroup *g)
{
	struct buf BUF_CLEAN stat = { 0 };
	char path[600];
	uint64_t used = number_in(g->folder, versions[g->first].used), files[2] = { 0, 0 };

	snprintf(path, sizeof path, "%s/memory.stat", g->folder);
	if (used == PROC_UNKNOWN || !proc_read(path, &stat))
		return 0;
	proc_numbers(proc_line(&stat, versions[g->first].active), &files[0], NULL);
	proc_numbers(proc_line(&stat, versions[g->first].inactive), &files[1], NULL);
	for (int i = 0; i < 2; i++)
		used -= files[i] < used ? files[i] : 0;
	return used;
}
