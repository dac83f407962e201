#include "memory.h"

#include "master.h"

#include "lib/cgroup.h"
#include "lib/log.h"
#include "lib/process.h"

#include <unistd.h>

#define TELL_MS 10000
#define SHORT_PERCENT 90 /* of the limit */
#define ENOUGH_PERCENT 85

/* What each process has for itself, and once what all share: tables and pages, which the master has
 * mapped, too. */
static uint64_t
own_memory(const struct master *m)
{
	uint64_t shared, sum = process_memory(getpid(), &shared);

	sum += shared;
	for (uint32_t i = 0; i < m->supervisor.slots_count; i++) {
		if (m->supervisor.slots[i].pid)
			sum += process_memory(m->supervisor.slots[i].pid, NULL);
	}
	for (size_t i = 0; i < m->takeover.old_count; i++) {
		if (m->takeover.old[i].pidfd >= 0)
			sum += process_memory(m->takeover.old[i].pid, NULL);
	}
	return sum;
}

static void
look(struct master *m, uint64_t *limit, uint64_t *used)
{
	uint64_t wish = m->config->memory;
	struct cgroup group;

	m->memory.by_group = wish == MEMORY_AUTO && cgroup_find(0, &group);
	*limit = wish == MEMORY_AUTO ? 0 : wish;
	if (m->memory.by_group)
		*limit = group.limit;
	*used = *limit == 0 ? 0 : m->memory.by_group ? cgroup_used(&group) : own_memory(m);
}

static void
judge(struct master *m, uint64_t now_ms, uint64_t limit, uint64_t used)
{
	bool was = board_get(&m->page->memory_short);
	uint64_t percent = was ? ENOUGH_PERCENT : SHORT_PERCENT;
	bool now = limit > 0 && used / percent >= limit / 100;

	board_set(&m->page->memory_short, now);
	if (now == was || now_ms < m->memory.told_ms + TELL_MS)
		return;
	m->memory.told_ms = now_ms;
	if (now)
		log_warn("memory used=%llu limit=%llu by=%s effect=\"requests are refused (503, "
			 "overloaded) and idle connections closed\"",
			 (unsigned long long)used, (unsigned long long)limit,
			 m->memory.by_group ? "cgroup" : "limits.memory");
	else
		log_info("memory used=%llu limit=%llu effect=\"requests are taken again\"",
			 (unsigned long long)used, (unsigned long long)limit);
}

void
memory_tick(struct master *m, uint64_t now_ms)
{
	uint64_t limit, used;

	look(m, &limit, &used);
	board_set(&m->page->memory_limit, limit);
	board_set(&m->page->memory_used, used);
	judge(m, now_ms, limit, used);
}

void
memory_write(const struct master *m, struct buf *out)
{
	buf_addf(out, "{\"used\":%llu,\"limit\":%llu,\"by\":\"%s\",\"short\":%s}",
		 (unsigned long long)board_get(&m->page->memory_used),
		 (unsigned long long)board_get(&m->page->memory_limit),
		 m->memory.by_group                  ? "cgroup"
		 : board_get(&m->page->memory_limit) ? "limits.memory"
						     : "nothing",
		 board_get(&m->page->memory_short) ? "true" : "false");
}
