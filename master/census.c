#include "census.h"

#include "master.h"

#include "lib/process.h"

#include <unistd.h>

#define EVERY_MS 1000

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
	/* Where it may bind low ports it has a capability, and then others cannot count them. */
	board_set(&b->descriptors, process_descriptors(getpid()));
}
