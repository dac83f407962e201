#pragma once

/*
 * name_wait: addresses of hosts that stand in no table, for who may ask any (a hub). The master is
 * asked, once for all requests of this worker that want to know, and what it says is kept for a
 * moment, so that the address that is judged is the one that is connected to.
 */

#include "policies.h"

#include "shm/message.h"

struct name_wait; /* what is known, and who was asked for */

struct name_known {
	unsigned count; /* 0: it does not resolve */
	uint8_t addresses[NAME_ADDRESSES][16];
};

/* PASS: *out, valid until the loop's next turn. WAIT: it goes on when word has come or time is up.
 * REPLY: it cannot be found out now. `host`: canonical, a name. */
enum verdict name_wait(struct request *r, struct slice host, uint16_t port,
		       const struct name_known **out);
/* The master says so. */
void name_told(struct worker *w, const struct msg_name_told *told);
void name_wait_free(struct worker *w);
