#pragma once

/*
 * suspension: is who asks suspended? The master says so in a page that is read for each request
 * (shm/suspended.h); where keys of Redis count and this one is not known, the request waits for the
 * master to ask. Requests under way are closed when it announces a change (sweep.c).
 */

#include "policies.h"

enum suspension {
	SUSPENSION_NONE,
	SUSPENSION_IN_FORCE,
	SUSPENSION_ASK,     /* Redis has to be asked */
	SUSPENSION_UNKNOWN, /* and cannot be, or too much is not known */
	SUSPENSION_MISFIT,  /* the id is the name of a key with another meaning */
};

enum verdict suspension_policy(struct request *r);
/* What is known of them. */
enum suspension suspension_of(struct worker *w, const struct identity *who);
/* Ends what is under way: a WebSocket by its close frame (1008), another stream by breaking off,
 * and what was not answered yet by a refusal. */
void suspension_close(struct request *r, enum reason reason);
/* What came from the master. `fd` is taken over. */
void suspension_page(struct worker *w, int fd);
void suspension_known(struct worker *w, const struct msg_suspension_known *known);
