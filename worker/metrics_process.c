#include "metrics_process.h"

#include "metrics.h"
#include "peers.h"

#include "lib/process.h"
#include "lib/xalloc.h"

#include <stdlib.h>

struct process {
	char name[24];
	struct process_use use;
	uint64_t descriptors, descriptors_max; /* 0: unknown */
};

struct processes {
	struct process *all;
	size_t n;
};

/* `descriptors`: as it says itself; 0: it does not. */
static void
look(struct processes *ps, const char *name, uint32_t pid, uint64_t descriptors)
{
	struct process *p = &ps->all[ps->n];

	if (!process_read((pid_t)pid, &p->use))
		return;
	snprintf(p->name, sizeof p->name, "%s", name);
	p->descriptors = descriptors ? descriptors : process_descriptors((pid_t)pid);
	p->descriptors_max = process_descriptors_max((pid_t)pid);
	ps->n++;
}

/* A master that is gone has left its page; its number may be another's. */
static void
look_at_all(const struct worker *w, struct processes *ps)
{
	char name[24];

	ps->all = xcalloc(w->peers->count + 2, sizeof *ps->all);
	if (w->master_page && w->control_open)
		look(ps, "master", w->master_page->pid, board_get(&w->master_page->descriptors));
	look(ps, "admin", w->page->pid, 0);
	for (size_t i = 0; i < w->peers->count; i++) {
		const struct worker_peer *p = &w->peers->peers[i];

		if (!metrics_shows(p))
			continue;
		snprintf(name, sizeof name, "worker-%u", p->slot);
		look(ps, name, p->page->pid, 0);
	}
}

static void
sample(struct buf *out, enum metric m, const struct process *p, int digits, double value)
{
	metrics_name(out, m);
	buf_addf(out, "{process=\"%s\"} %.*f\n", p->name, digits, value);
}

void
metrics_write_processes(const struct worker *w, struct buf *out)
{
	struct processes ps = { 0 };

	look_at_all(w, &ps);
	metrics_family(out, METRIC_process_cpu_seconds_total);
	for (size_t i = 0; i < ps.n; i++)
		sample(out, METRIC_process_cpu_seconds_total, &ps.all[i], 2, ps.all[i].use.cpu_s);
	metrics_family(out, METRIC_process_resident_memory_bytes);
	for (size_t i = 0; i < ps.n; i++)
		sample(out, METRIC_process_resident_memory_bytes, &ps.all[i], 0,
		       (double)ps.all[i].use.memory);
	metrics_family(out, METRIC_process_start_time_seconds);
	for (size_t i = 0; i < ps.n; i++)
		sample(out, METRIC_process_start_time_seconds, &ps.all[i], 2,
		       ps.all[i].use.started);
	metrics_family(out, METRIC_process_open_fds);
	for (size_t i = 0; i < ps.n; i++) {
		if (ps.all[i].descriptors)
			sample(out, METRIC_process_open_fds, &ps.all[i], 0,
			       (double)ps.all[i].descriptors);
	}
	metrics_family(out, METRIC_process_max_fds);
	for (size_t i = 0; i < ps.n; i++) {
		if (ps.all[i].descriptors_max)
			sample(out, METRIC_process_max_fds, &ps.all[i], 0,
			       (double)ps.all[i].descriptors_max);
	}
	free(ps.all);
}
