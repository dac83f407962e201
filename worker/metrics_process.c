#include "metrics_process.h"

#include "metrics.h"
#include "worker.h"

#include <stddef.h>
#include <stdio.h>

struct process {
	char name[24];
	const struct board_process *is;
};

struct processes {
	struct process all[BOARD_PROCESSES];
	size_t n;
};

static void
look(struct processes *ps, const struct board_process *row, const char *name)
{
	struct process *p = &ps->all[ps->n];

	if (!board_get(&row->pid))
		return;
	snprintf(p->name, sizeof p->name, "%s", name);
	p->is = row;
	ps->n++;
}

/* What a master that is gone has left is of then. */
static void
look_at_all(const struct worker *w, struct processes *ps)
{
	const struct board_process *rows;
	char name[24];

	if (!w->master_page || !w->control_open)
		return;
	rows = w->master_page->process;
	look(ps, &rows[0], "master");
	look(ps, &rows[1], "admin");
	for (unsigned i = 2; i < BOARD_PROCESSES; i++) {
		snprintf(name, sizeof name, "worker-%u", i - 2);
		look(ps, &rows[i], name);
	}
}

static void
sample(struct buf *out, enum metric m, const struct process *p, int digits, double value)
{
	metrics_name(out, m);
	buf_addf(out, "{process=\"%s\"} %.*f\n", p->name, digits, value);
}

/* One word of all rows; 0 is not told. */
static void
family(const struct processes *ps, struct buf *out, enum metric m, size_t offset, int digits,
       double unit)
{
	metrics_family(out, m);
	for (size_t i = 0; i < ps->n; i++) {
		uint64_t value =
		    board_get((const uint64_t *)((const char *)ps->all[i].is + offset));

		if (value || digits)
			sample(out, m, &ps->all[i], digits, (double)value / unit);
	}
}

void
metrics_write_processes(const struct worker *w, struct buf *out)
{
	struct processes ps = { 0 };

	look_at_all(w, &ps);
#define FAMILY(metric, word, digits, unit)                                                         \
	family(&ps, out, METRIC_process_##metric, offsetof(struct board_process, word), digits,    \
	       unit)
	FAMILY(cpu_seconds_total, cpu_ms, 2, 1000);
	FAMILY(resident_memory_bytes, memory, 0, 1);
	FAMILY(start_time_seconds, started_ms, 2, 1000);
	FAMILY(open_fds, descriptors, 0, 1);
	FAMILY(max_fds, descriptors_max, 0, 1);
#undef FAMILY
}
