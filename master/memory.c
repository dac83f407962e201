#include "memory.h"

#include "master.h"

#include "lib/cgroup.h"
#include "lib/log.h"
#include "lib/process.h"

#include <unistd.h>

#define TELL_MS 10000
#define SHORT_PERCENT 90 /* of the limit */
#define ENOUGH_PERCENT 85
#define GROWS_PERCENT 75 /* from here on it counts how quickly it grows */
#define AHEAD 2          /* looks: workers hear of it late, and let go later */

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

/* False where it cannot be told now, for want of descriptors: what was known holds. */
static bool
look(struct master *m, uint64_t *limit, uint64_t *used)
{
	uint64_t wish = m->config->memory;
	struct cgroup group = { 0 };
	int r = wish == MEMORY_AUTO ? cgroup_find(0, &group) : 0;

	if (r < 0)
		return false;
	m->memory.by_group = r > 0;
	*limit = wish == MEMORY_AUTO ? 0 : wish;
	if (m->memory.by_group)
		*limit = group.limit;
	*used = *limit == 0 ? 0 : m->memory.by_group ? group.used : own_memory(m);
	return *limit == 0 || *used > 0;
}

/* What it will be by the time that something comes of our word. */
static uint64_t
expected(const struct master *m, uint64_t limit, uint64_t used)
{
	uint64_t before = board_get(&m->page->memory_used);

	if (before == 0 || used < before || used / GROWS_PERCENT < limit / 100)
		return used;
	return used + (used - before) * AHEAD;
}

static void
judge(struct master *m, uint64_t now_ms, uint64_t limit, uint64_t used)
{
	bool was = board_get(&m->page->memory_short);
	uint64_t percent = was ? ENOUGH_PERCENT : SHORT_PERCENT;
	bool now = limit > 0 && expected(m, limit, used) / percent >= limit / 100;

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

	if (!look(m, &limit, &used))
		return;
	judge(m, now_ms, limit, used);
	board_set(&m->page->memory_limit, limit);
	board_set(&m->page->memory_used, used);
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
