#pragma once

/*
 * arrive: segments that the master sends. One that is good waits in worker.arrived for the
 * publication that names it.
 *
 * A large one is checked in a thread, as that takes longer than a request may wait. The control
 * channel is held meanwhile, so that what the master says stays in its order.
 */

struct ipc_message;
struct msg_segment;
struct worker;

/* Takes over the message's descriptor. */
void segment_arrives(struct worker *w, const struct msg_segment *info, struct ipc_message *m);
