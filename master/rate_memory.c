#include "rate_memory.h"

#include "kept.h"
#include "master.h"

#include "lib/clock.h"
#include "lib/log.h"
#include "shm/rate_rows.h"

#include <string.h>
#include <unistd.h>

static uint32_t
sets_of(uint64_t bytes)
{
	return (uint32_t)(bytes / sizeof(struct rate_set));
}

/* The rows go on in as many as there shall be now. */
static int
resize(struct rate_memory *m, uint32_t sets)
{
	struct rate_memory next;
	int r = rate_create(sets, m->table.head.secret, &next.table, &next.fd);

	if (r < 0)
		return r;
	rate_seed(&next.table, &m->table, clock_mono_ns());
	rate_memory_deinit(m);
	*m = next;
	return 0;
}

void
rate_memory_inherit(struct rate_memory *m, const struct rate_head *head, int fd, uint64_t bytes)
{
	int copy = dup(fd), r;

	m->fd = fd;
	if (rate_attach(copy, head, &m->table) < 0) {
		log_warn("rates error=\"what the earlier gateway kept is not usable\"");
		close(fd);
		return;
	}
	if (head->sets == sets_of(bytes))
		return;
	r = resize(m, sets_of(bytes));
	if (r < 0)
		log_warn("rates error=\"%s\" note=\"limits.rate_memory stays as it was\"",
			 strerror(-r));
}

int
rate_memory_need(struct master *m, const struct segment *rules)
{
	struct rate_memory *rates = &m->rates;
	int r;

	if (rates->table.sets || !rules || seg_count(rules, RULES_LIMITS) == 0)
		return 0;
	r = rate_create(sets_of(m->config->rate_memory), NULL, &rates->table, &rates->fd);
	if (r < 0)
		return r;
	kept_rates(m);
	for (uint32_t i = 0; i < m->supervisor.slots_count; i++) {
		if (slot_is_live(&m->supervisor.slots[i]))
			rate_memory_greet(m, &m->supervisor.slots[i]);
	}
	return 0;
}

void
rate_memory_greet(struct master *m, struct slot *slot)
{
	const struct rate_memory *rates = &m->rates;

	if (rates->table.sets)
		supervisor_send(slot, MSG_RATES, &rates->table.head, sizeof rates->table.head,
				rates->fd);
}

void
rate_memory_deinit(struct rate_memory *m)
{
	if (!m->table.sets)
		return;
	rate_detach(&m->table);
	close(m->fd);
}
