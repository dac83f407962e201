#pragma once

/*
 * rate_memory: the rows that rates are kept in. Made when the first table has limits, or taken over
 * from the gateway before; then the same until the end.
 */

#include "shm/rate.h"

#include <stdint.h>

struct master;
struct segment;
struct slot;

struct rate_memory {
	struct rate_table table; /* sets NULL: there is none */
	int fd;
};

/* Takes over what an earlier gateway kept; `fd` too. What does not fit is left. */
void rate_memory_inherit(struct rate_memory *m, const struct rate_head *head, int fd,
			 uint64_t bytes);
/* Makes it, and tells the workers of it, where these rules have limits and it is not there yet. 0
 * or a negative errno. */
int rate_memory_need(struct master *m, const struct segment *rules)
    __attribute__((warn_unused_result));
/* To a worker, before it hears of a table. */
void rate_memory_greet(struct master *m, struct slot *slot);
void rate_memory_deinit(struct rate_memory *m);
