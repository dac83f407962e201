#pragma once

/*
 * renewal: certificates and ticket keys that change while the gateway runs. A look at the files
 * follows each change in their folders, after a moment for whoever writes them, and some seconds
 * after the last look in any case. What is new is in the next table; what cannot serve is told, and
 * what was there before goes on.
 */

#include <stdbool.h>
#include <uv.h>

struct master;
struct watch;

struct renewal {
	uv_timer_t look;
	struct watch *watch;
	bool soon; /* the look comes before it would by itself */
};

/* Takes over what the configuration has read. May block. */
int renewal_init(struct master *m) __attribute__((warn_unused_result));
void renewal_begin(struct master *m);
void renewal_end(struct master *m);
/* After the configuration was swapped. */
void renewal_reconfigured(struct master *m);
/* At every tick. */
void renewal_tick(struct master *m);
