#include "due.h"

#include "lib/xalloc.h"

#include <string.h>

void
due_push(struct due_queue *q, uint64_t due)
{
	if (q->first + q->count == q->cap) {
		if (q->first > q->cap / 2) {
			memmove(q->times, q->times + q->first, q->count * sizeof *q->times);
			q->first = 0;
		} else {
			q->cap = q->cap ? q->cap * 2 : 1024;
			q->times = xrealloc(q->times, q->cap * sizeof *q->times);
		}
	}
	q->times[q->first + q->count++] = due;
}

uint64_t
due_pop(struct due_queue *q)
{
	uint64_t due = q->times[q->first++];

	if (--q->count == 0)
		q->first = 0;
	return due;
}
