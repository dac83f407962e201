#include "load.h"

#include "peers.h"
#include "worker.h"

#include "lib/xalloc.h"

#include <stdlib.h>

struct load {
	struct {
		uint64_t turn_us; /* of which loop turn this is */
		uint64_t siblings;
	} slots[BOARD_ENDPOINTS];
};

struct load *
load_new(void)
{
	return xcalloc(1, sizeof(struct load));
}

void
load_free(struct load *l)
{
	free(l);
}

static uint64_t
siblings_of(const struct worker *w, uint32_t slot)
{
	return peers_sum(w->peers,
			 offsetof(struct board_worker, counts.endpoint[0].in_flight) +
			     slot * sizeof(struct board_endpoint));
}

uint64_t
load_of(struct worker *w, uint32_t slot)
{
	uint64_t turn = worker_us(w);

	if (w->load->slots[slot].turn_us != turn) {
		w->load->slots[slot].turn_us = turn;
		w->load->slots[slot].siblings = siblings_of(w, slot);
	}
	return board_get(&w->page->counts.endpoint[slot].in_flight) +
	       w->load->slots[slot].siblings;
}

uint64_t
load_now(const struct worker *w, uint32_t slot)
{
	return board_get(&w->page->counts.endpoint[slot].in_flight) + siblings_of(w, slot);
}
