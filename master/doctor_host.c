/*
 * doctor_host: reads what the kernel allows the gateway: of the master that runs, else of this
 * process, which would be it.
 */

#include "doctor_host.h"

#include "config.h"

#include "lib/cgroup.h"
#include "lib/proc_file.h"
#include "shm/board.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <unistd.h>

/* Of proc(5), /proc/[pid]/limits: soft, then hard, in columns. */
static uint64_t
files_of(pid_t pid)
{
	struct buf BUF_CLEAN text = { 0 };
	struct rlimit own;
	uint64_t soft, hard = HOST_UNKNOWN;
	struct slice line;
	char path[64];

	if (pid == 0)
		return getrlimit(RLIMIT_NOFILE, &own) == 0 ? own.rlim_max : HOST_UNKNOWN;
	snprintf(path, sizeof path, "/proc/%d/limits", (int)pid);
	if (!proc_read(path, &text))
		return HOST_UNKNOWN;
	line = proc_line(&text, "Max open files");
	proc_numbers(line, &soft, &hard);
	return hard;
}

static bool
is_of_root(pid_t pid)
{
	char path[32];
	struct stat st;

	snprintf(path, sizeof path, "/proc/%d", (int)pid);
	return pid && stat(path, &st) == 0 && st.st_uid == 0;
}

/* The least of what the cgroups that it is in may have, and of the machine's. */
static uint64_t
memory_of(pid_t pid)
{
	uint64_t pages = (uint64_t)sysconf(_SC_PHYS_PAGES);
	uint64_t machine = pages * (uint64_t)sysconf(_SC_PAGESIZE);
	struct cgroup least;

	return cgroup_find(pid, &least) > 0 && least.least < machine ? least.least : machine;
}

static const char *
unit_of(const struct buf *group)
{
	const char *name = strrchr(group->p, '/'), *end;

	end = name ? strstr(name, ".service") : NULL;
	return end && end[strlen(".service")] == '\0' ? name + 1 : "";
}

static uint64_t
table_of(const struct config *c)
{
	static const char *const files[] = { "table", "table.base" };
	uint64_t sum = 0;

	for (size_t i = 0; i < 2; i++) {
		struct buf BUF_CLEAN path = { 0 };
		struct stat st;

		buf_addf(&path, "%s/%s", c->state_dir, files[i]);
		buf_addc(&path, '\0');
		if (stat(path.p, &st) == 0)
			sum += (uint64_t)st.st_size;
	}
	return sum;
}

static bool
is_local(const struct config_address *a)
{
	return a->text && (a->unix_path || !a->host || strcmp(a->host, "localhost") == 0 ||
			   strncmp(a->host, "127.", 4) == 0 || strcmp(a->host, "::1") == 0);
}

/* What the youngest calls of the kernel that the gateway cannot do without say. */
static int
try_kernel(void)
{
	void *page;
	int fd, r = board_create(4096, &page, &fd);

	if (r < 0)
		return r;
	board_unmap(page, 4096);
	close(fd);
	fd = pidfd_open(getpid(), 0);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static int
try_filter(void)
{
	uint32_t action = SECCOMP_RET_KILL_PROCESS;

	return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) < 0 ? -errno : 0;
}

static int
try_landlock(void)
{
	const uint32_t version = 1; /* LANDLOCK_CREATE_RULESET_VERSION */

	return (int)syscall(SYS_landlock_create_ruleset, NULL, 0, version);
}

static uint64_t
clock_unsynchronised(void)
{
	struct timex t = { .modes = 0 };

	return adjtimex(&t) < 0 ? HOST_UNKNOWN : (t.status & STA_UNSYNC) != 0;
}

static uint64_t
huge_always(void)
{
	struct buf BUF_CLEAN text = { 0 };

	if (!proc_read("/sys/kernel/mm/transparent_hugepage/enabled", &text))
		return HOST_UNKNOWN;
	return slice_starts(buf_slice(&text), SLICE("[always]"));
}

void
doctor_host(struct doctor *d)
{
	struct buf BUF_CLEAN group = { 0 }, unit = { 0 };
	const struct config *c = d->config;
	struct doctor_host h = {
		.files = files_of(d->pid),
		.backlog = proc_number("/proc/sys/net/core/somaxconn", NULL),
		.conntrack = proc_number("/proc/sys/net/netfilter/nf_conntrack_count", NULL),
		.conntrack_max = proc_number("/proc/sys/net/netfilter/nf_conntrack_max", NULL),
		.huge_always = huge_always(),
		.clock_unsynchronised = clock_unsynchronised(),
		.kernel = try_kernel(),
		.filter = try_filter(),
		.landlock = try_landlock(),
		.workers = 1,
	};

	h.ports_first = proc_number("/proc/sys/net/ipv4/ip_local_port_range", &h.ports_last);
	h.root = is_of_root(d->pid);
	cgroup_path(d->pid, &group);
	buf_addf(&unit, "%s", d->pid ? unit_of(&group) : "");
	buf_addc(&unit, '\0');
	h.unit = unit.p;
	h.memory = memory_of(d->pid);
	if (c) {
		h.connections = c->max_connections;
		h.reserve = c->fd_reserve;
		h.workers = c->workers;
		h.unconfined = !c->sandbox;
		h.rates = c->rate_memory;
		h.table = table_of(c);
		h.local_redis = (c->redis.configured && is_local(&c->redis.address)) ||
				(c->login.configured && is_local(&c->login.redis.address));
	}
	doctor_host_judge(d, &h);
}
