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

#define WORD(member) offsetof(struct board_worker, counts.endpoint[0].member)

/* Where the slot's word lies in each page; `first` is that of slot 0. */
static size_t
word_of(uint32_t slot, size_t first)
{
	return first + slot * sizeof(struct board_endpoint);
}

static uint64_t
over_all_workers(const struct worker *w, size_t at)
{
	return board_get((const uint64_t *)((const char *)w->page + at)) + peers_sum(w->peers, at);
}

uint64_t
load_of(struct worker *w, uint32_t slot)
{
	uint64_t turn = worker_us(w);

	if (w->load->slots[slot].turn_us != turn) {
		w->load->slots[slot].turn_us = turn;
		w->load->slots[slot].siblings = peers_sum(w->peers, word_of(slot, WORD(in_flight)));
	}
	return board_get(&w->page->counts.endpoint[slot].in_flight) + w->load->slots[slot].siblings;
}

uint64_t
load_now(const struct worker *w, uint32_t slot)
{
	return over_all_workers(w, word_of(slot, WORD(in_flight)));
}

uint64_t
load_retrying(const struct worker *w, uint32_t slot)
{
	return over_all_workers(w, word_of(slot, WORD(retrying)));
}
