#pragma once

/*
 * doctor_host: what the kernel allows, as numbers, and what is thought of them.
 */

#include "doctor.h"

#include "lib/proc_file.h"

#include <stdint.h>

#define HOST_UNKNOWN PROC_UNKNOWN

struct doctor_host {      /* HOST_UNKNOWN: it cannot be read, or there is no such thing */
	uint64_t files;   /* RLIMIT_NOFILE, the hard limit: the master takes all */
	uint64_t backlog; /* net.core.somaxconn */
	uint64_t ports_first, ports_last;  /* net.ipv4.ip_local_port_range */
	uint64_t conntrack, conntrack_max; /* connections in the table, and its size */
	uint64_t memory;                   /* of the cgroup or the machine, the lesser */
	uint64_t table;                    /* bytes of the compiled rules, as they were saved */
	uint64_t huge_always;              /* transparent huge pages are made unasked */
	uint64_t clock_unsynchronised;
	int kernel;   /* 0, or the negative errno of what the gateway needs of it */
	int filter;   /* the same of what workers confine themselves by */
	int landlock; /* its version; negative: there is none */
	bool root;    /* the gateway runs as root */
	/* Of the configuration: */
	uint64_t connections; /* limits.connections; 0: without end */
	uint64_t reserve, workers, rates;
	bool local_redis, unconfined;
	const char *unit; /* of systemd; "": none */
};

void doctor_host_judge(struct doctor *d, const struct doctor_host *h);
