#pragma once

/*
 * sweep: requests and streams under way of who is suspended, closed when the master announces a
 * change. In pieces: the loop turns between them, however many there are.
 */

#include "worker.h"

/* The walk begins (anew, when one is under way), and the master hears of its end. */
void sweep_begin(struct worker *w, const struct msg_sweep *sweep);
/* Is one under way, and would it close this one, which may have moved from before it to behind it?
 */
bool sweep_catches(struct request *r);
void sweep_init(struct worker *w);
void sweep_deinit(struct worker *w);
