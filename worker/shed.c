#include "shed.h"

#include "client.h"
#include "pool.h"

#include <malloc.h>

#define BATCH 256     /* of clients: not all come back at once */
#define TRIM_TICKS 10 /* it takes milliseconds */

void
shed_tick(struct worker *w)
{
	unsigned left = BATCH;

	if (!shed_is_due(w))
		return;
	pool_close_all(w);
	list_for_safe (pos, tmp, &w->idle) {
		struct client *c = container_of(pos, struct client, link);

		if (left == 0)
			break;
		if (c->served == 0)
			continue;
		client_quit(c);
		left--;
	}
	if (w->ticks % TRIM_TICKS == 0)
		malloc_trim(0);
}
