#pragma once

/* due: times at which requests were due and no connection was free, first in, first out. */

#include <stddef.h>
#include <stdint.h>

struct due_queue {
	uint64_t *times;
	size_t first, count, cap;
};

void due_push(struct due_queue *q, uint64_t due);
/* Of one that is not empty. */
uint64_t due_pop(struct due_queue *q);
