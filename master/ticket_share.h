#pragma once

/*
 * ticket_share: the keys of tickets of a fleet, in Redis, so that a client resumes with any of its
 * gateways. Time is cut into periods of a third of the lifetime, the same for all by their clocks.
 * The key of a period is made by whoever comes first (SET NX) and taken by all; it stands there
 * under a secret that Redis does not know, and goes after some periods.
 */

#include <stdbool.h>
#include <stdint.h>

struct master;

struct ticket_share {
	int64_t tried;      /* seconds since 1970: when Redis was asked last */
	int64_t period;     /* of which the older ones were asked for */
	char complaint[96]; /* told last; "": all is well */
};

/* True where the configuration wants it. */
bool ticket_share_wanted(const struct master *m);
/* At every tick while it is wanted. */
void ticket_share_tick(struct master *m, int64_t now);
