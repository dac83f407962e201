#include "census.h"

#include "master.h"

#include "lib/process.h"

#include <unistd.h>

#define EVERY_MS 1000

static void
look(struct board_process *row, pid_t pid)
{
	struct process_use use;

	if (pid == 0 || !process_read(pid, &use)) {
		board_set(&row->pid, 0);
		return;
	}
	board_set(&row->cpu_ms, (uint64_t)(use.cpu_s * 1000));
	board_set(&row->started_ms, (uint64_t)(use.started * 1000));
	board_set(&row->memory, use.memory);
	board_set(&row->descriptors, process_descriptors(pid));
	board_set(&row->descriptors_max, process_descriptors_max(pid));
	board_set(&row->pid, (uint64_t)pid);
}

/* Here, as no worker opens a file. */
static void
count_processes(const struct master *m)
{
	const struct supervisor *s = &m->supervisor;
	struct board_process *rows = m->page->process;

	look(&rows[0], getpid());
	look(&rows[1], s->slots[s->slots_count - 1].pid);
	for (uint32_t i = 0; i + 1 < s->slots_count && i + 2 < BOARD_PROCESSES; i++)
		look(&rows[i + 2], s->slots[i].pid);
}

void
census_tick(struct master *m, uint64_t now_ms)
{
	struct board_master *b = m->page;
	struct resolver_usage names;

	if (now_ms < m->census_ms)
		return;
	m->census_ms = now_ms + EVERY_MS;
	resolver_usage(m->resolver, &names);
	board_set(&b->dns_names, names.names);
	board_set(&b->dns_failing, names.failing);
	board_set(&b->dns_oldest_wall, (uint64_t)names.oldest_wall);
	count_processes(m);
}
