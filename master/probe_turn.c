#include "probe_turn.h"

/* The first probe of all was at once; from there each finds its own place in the interval. To wait
 * for others moves nobody from there: those that a crowd held up would be a crowd for ever. Who
 * waits for a whole interval has none to keep: there are more than may be probed in it. */
uint64_t
probe_turn_next(struct probe_turn *t, uint64_t interval, uint64_t random)
{
	bool on_time = t->started_ms - t->planned_ms < interval;
	uint64_t from = t->placed && on_time ? t->planned_ms : t->started_ms;

	if (t->placed)
		return from + interval - interval / 10 + random % (interval / 5 + 1);
	t->placed = true;
	return from + 1 + random % interval;
}
