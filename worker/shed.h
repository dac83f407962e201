#pragma once

/*
 * shed: while the master says that memory is short, what is least valuable goes: idle connections
 * to endpoints, those of clients that wait for nothing, and what the heap has free. Requests are
 * refused meanwhile (route.c).
 */

#include "worker.h"

static inline bool
shed_is_due(const struct worker *w)
{
	return w->master_page && board_get(&w->master_page->memory_short);
}

/* Ten times a second. */
void shed_tick(struct worker *w);
