#pragma once

/*
 * explain: an operator asks what would become of a request. A traffic worker says it, since it
 * alone has the keys that verify tokens and the turns of its upstreams; the master writes the
 * request as it would come, passes it on, and adds to the answer what it alone knows: which rules
 * the route shadows.
 */

#include "lib/list.h"

#include <stdint.h>

struct api_call;
struct ipc_message;
struct master;
struct msg_explained;
struct msg_sessions;
struct msg_sessions_told;
struct slot;

struct explainer {
	struct list waiting;
	uint32_t next;
};

void explainer_init(struct explainer *e);
/* Answers those who still wait. */
void explainer_deinit(struct explainer *e);
/* A worker's answer; one that nobody waits for (any more) is dropped. */
void explainer_heard(struct master *m, struct slot *slot, const struct msg_explained *answer,
		     const struct ipc_message *message);
/* Asks a traffic worker for sessions; what it says is the answer of the call. */
void explainer_ask_sessions(struct api_call *c, struct msg_sessions *question);
void explainer_heard_sessions(struct master *m, struct slot *slot,
			      const struct msg_sessions_told *answer,
			      const struct ipc_message *message);
/* At every tick. */
void explainer_tick(struct master *m, uint64_t now_ms);
