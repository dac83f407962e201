/*
 * doctor_judge: what is thought of what the kernel allows. Asks nothing.
 */

#include "doctor_host.h"

#include "socket.h"

#include <inttypes.h>
#include <string.h>

#define FILES_OWN 32                      /* of a worker, as worker/caps.c has it */
#define FILES_LEAST 16384                 /* where no limit of connections says what is wanted */
#define FILES_WANTED 262144               /* as the shipped unit has it */
#define PORTS_LEAST 16384                 /* half of what is usual */
#define WORKER_BYTES ((uint64_t)16 << 20) /* of a worker with some thousand connections */
#define TABLES 3                          /* in force, the one before, and the one in the making */

/* Clients and upstreams have a descriptor each. */
static uint64_t
clients_of(const struct doctor_host *h)
{
	uint64_t own = FILES_OWN + h->reserve;

	return h->files > own ? (h->files - own) / 2 * h->workers : 0;
}

static void
remedy_files(struct doctor *d, const struct doctor_host *h, uint64_t wanted)
{
	if (wanted < FILES_WANTED)
		wanted = FILES_WANTED;
	if (*h->unit)
		doctor_remedy(
		    d,
		    "mkdir -p /etc/systemd/system/%s.d && printf '[Service]\\nLimitNOFILE="
		    "%" PRIu64 "\\n' > /etc/systemd/system/%s.d/files.conf && systemctl "
		    "daemon-reload && systemctl restart %s",
		    h->unit, wanted, h->unit, h->unit);
	else
		doctor_remedy(d, "ulimit -n %" PRIu64, wanted);
}

static void
judge_files(struct doctor *d, const struct doctor_host *h)
{
	uint64_t clients = clients_of(h);

	if (h->files == HOST_UNKNOWN) {
		doctor_tell(d, DOCTOR_UNKNOWN, "descriptors", "the limit cannot be read");
	} else if (h->connections > clients) {
		doctor_tell(d, DOCTOR_PROBLEM, "descriptors",
			    "RLIMIT_NOFILE is %" PRIu64 ", enough for %" PRIu64
			    " clients in %" PRIu64 " workers; limits.connections is %" PRIu64,
			    h->files, clients, h->workers, h->connections);
		remedy_files(d, h, 2 * (h->connections / h->workers + 1) + FILES_OWN + h->reserve);
	} else if (h->connections == 0 && h->files < FILES_LEAST) {
		doctor_tell(d, DOCTOR_WARNING, "descriptors",
			    "RLIMIT_NOFILE is %" PRIu64 ", enough for %" PRIu64
			    " clients in %" PRIu64 " workers, and no limits.connections says less",
			    h->files, clients, h->workers);
		remedy_files(d, h, FILES_WANTED);
	} else {
		doctor_tell(d, DOCTOR_OK, "descriptors",
			    "RLIMIT_NOFILE %" PRIu64 ", for %" PRIu64 " clients", h->files,
			    clients);
	}
}

static void
judge_backlog(struct doctor *d, const struct doctor_host *h)
{
	if (h->backlog == HOST_UNKNOWN) {
		doctor_tell(d, DOCTOR_UNKNOWN, "backlog", "net.core.somaxconn cannot be read");
	} else if (h->backlog < SOCKET_BACKLOG) {
		doctor_tell(d, DOCTOR_WARNING, "backlog",
			    "net.core.somaxconn is %" PRIu64
			    ", so that no more connections wait in a listener; it asks for %d",
			    h->backlog, SOCKET_BACKLOG);
		doctor_remedy(d, "sysctl -w net.core.somaxconn=%d", SOCKET_BACKLOG);
	} else {
		doctor_tell(d, DOCTOR_OK, "backlog", "net.core.somaxconn %" PRIu64, h->backlog);
	}
}

static void
judge_ports(struct doctor *d, const struct doctor_host *h)
{
	uint64_t ports = h->ports_last - h->ports_first + 1;
	uint64_t wanted =
	    h->connections && h->connections < PORTS_LEAST ? h->connections : PORTS_LEAST;

	if (h->ports_first == HOST_UNKNOWN || h->ports_last < h->ports_first) {
		doctor_tell(d, DOCTOR_UNKNOWN, "ports",
			    "net.ipv4.ip_local_port_range cannot be read");
	} else if (ports < wanted) {
		doctor_tell(d, DOCTOR_WARNING, "ports",
			    "net.ipv4.ip_local_port_range has %" PRIu64
			    " ports, so that no more connections go to one endpoint",
			    ports);
		doctor_remedy(d, "sysctl -w net.ipv4.ip_local_port_range='32768 60999'");
	} else {
		doctor_tell(d, DOCTOR_OK, "ports", "%" PRIu64 " for connections to one endpoint",
			    ports);
	}
}

static void
judge_conntrack(struct doctor *d, const struct doctor_host *h)
{
	uint64_t wanted = 4 * h->connections; /* of the client and to the upstream, twice */

	if (h->conntrack_max == HOST_UNKNOWN) {
		doctor_tell(d, DOCTOR_OK, "conntrack", "is not on");
		return;
	}
	if (wanted < 2 * h->conntrack_max)
		wanted = 2 * h->conntrack_max;
	if (h->conntrack != HOST_UNKNOWN && h->conntrack / 9 * 10 >= h->conntrack_max)
		doctor_tell(d, DOCTOR_PROBLEM, "conntrack",
			    "%" PRIu64 " of nf_conntrack_max=%" PRIu64
			    " are taken; when it is full the kernel drops connections",
			    h->conntrack, h->conntrack_max);
	else if (2 * h->connections > h->conntrack_max)
		doctor_tell(d, DOCTOR_WARNING, "conntrack",
			    "nf_conntrack_max is %" PRIu64 "; limits.connections of %" PRIu64
			    " may take two for each",
			    h->conntrack_max, h->connections);
	else
		doctor_tell(d, DOCTOR_OK, "conntrack", "nf_conntrack_max %" PRIu64,
			    h->conntrack_max);
	if (d->findings[d->count - 1].state != DOCTOR_OK)
		doctor_remedy(d, "sysctl -w net.netfilter.nf_conntrack_max=%" PRIu64, wanted);
}

static void
judge_memory(struct doctor *d, const struct doctor_host *h)
{
	uint64_t wanted = TABLES * h->table + h->rates + h->workers * WORKER_BYTES;
	uint64_t mib = (uint64_t)1 << 20;

	if (h->memory == HOST_UNKNOWN) {
		doctor_tell(d, DOCTOR_UNKNOWN, "memory", "it is not known how much there is");
	} else if (wanted > h->memory) {
		doctor_tell(d, DOCTOR_PROBLEM, "memory",
			    "%" PRIu64 " MiB may be used; %d tables of %" PRIu64
			    " MiB (while one takes the place of another) and %" PRIu64
			    " workers want %" PRIu64 " MiB",
			    h->memory / mib, TABLES, h->table / mib, h->workers, wanted / mib);
		doctor_remedy(d, "systemctl set-property %s MemoryMax=%" PRIu64 "M",
			      *h->unit ? h->unit : "yett.service", 2 * wanted / mib);
	} else {
		doctor_tell(d, DOCTOR_OK, "memory", "%" PRIu64 " MiB, of about %" PRIu64 " wanted",
			    h->memory / mib, wanted / mib);
	}
}

static void
judge_huge_pages(struct doctor *d, const struct doctor_host *h)
{
	if (h->huge_always == 1 && h->local_redis) {
		doctor_tell(d, DOCTOR_WARNING, "huge pages",
			    "transparent huge pages are always on, which makes the Redis of this "
			    "machine slow and large when it saves");
		doctor_remedy(d, "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled");
	} else {
		doctor_tell(d, DOCTOR_OK, "huge pages",
			    h->local_redis ? "not unasked" : "as they are");
	}
}

static void
judge_clock(struct doctor *d, const struct doctor_host *h)
{
	if (h->clock_unsynchronised == HOST_UNKNOWN) {
		doctor_tell(d, DOCTOR_UNKNOWN, "clock", "the kernel does not say how it is kept");
	} else if (h->clock_unsynchronised) {
		doctor_tell(d, DOCTOR_WARNING, "clock",
			    "nothing keeps the clock synchronised; tokens, sessions and "
			    "certificates go by it");
		doctor_remedy(d, "timedatectl set-ntp true");
	} else {
		doctor_tell(d, DOCTOR_OK, "clock", "synchronised");
	}
}

static void
judge_kernel(struct doctor *d, const struct doctor_host *h)
{
	if (h->kernel < 0) {
		doctor_tell(
		    d, DOCTOR_PROBLEM, "kernel",
		    "it does not make sealed memfds and pidfds (%s), which the gateway needs",
		    strerror(-h->kernel));
		doctor_remedy(d, "uname -r # 5.3 or newer is needed, and no seccomp filter against "
				 "memfd_create and pidfd_open");
	} else {
		doctor_tell(d, DOCTOR_OK, "kernel", "has what is needed");
	}
}

static void
judge_sandbox(struct doctor *d, const struct doctor_host *h)
{
	if (h->unconfined) {
		doctor_tell(
		    d, DOCTOR_WARNING, "sandbox",
		    "it is off: who takes a worker over may do what the gateway's user may");
		doctor_remedy(d, "# write sandbox: true, and restart");
	} else if (h->filter < 0) {
		doctor_tell(d, DOCTOR_WARNING, "sandbox",
			    "there are no seccomp filters (%s): who takes a worker over may do "
			    "what the gateway's user may",
			    strerror(-h->filter));
		doctor_remedy(d, "zgrep SECCOMP_FILTER /proc/config.gz /boot/config-$(uname -r) # "
				 "it has to be y");
	} else if (h->root) {
		doctor_tell(d, DOCTOR_WARNING, "sandbox",
			    "the gateway runs as root, which who takes a worker over is to each "
			    "Unix socket, also that of systemd");
		doctor_remedy(d, "# write user: yett, and restart");
	} else if (h->landlock > 0) {
		doctor_tell(d, DOCTOR_OK, "sandbox", "seccomp, Landlock %d", h->landlock);
	} else {
		doctor_tell(d, DOCTOR_OK, "sandbox", "seccomp; the kernel has no Landlock");
	}
}

void
doctor_host_judge(struct doctor *d, const struct doctor_host *h)
{
	static void (*const judges[])(struct doctor *, const struct doctor_host *) = {
		judge_files,      judge_backlog, judge_ports,  judge_conntrack, judge_memory,
		judge_huge_pages, judge_clock,   judge_kernel, judge_sandbox,
	};

	for (size_t i = 0; i < sizeof judges / sizeof judges[0]; i++)
		judges[i](d, h);
}
