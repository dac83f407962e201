#pragma once

/*
 * idle: how long a connection to an endpoint may wait for its next request. What the endpoint says
 * (Keep-Alive) stands in the place of what is configured; what it was seen to do bounds both. Knows
 * no connection.
 */

#include "lib/slice.h"

#include <stdint.h>

#define IDLE_MOST_MS 300000u
#define IDLE_LEAST_MS 500u
#define IDLE_FORGET_MS 600000u
#define IDLE_FRESH_MS 1000u
#define IDLE_UNTOLD UINT32_MAX

/* Of one connection: what its answers said, if they did. */
struct idle_word {
	uint32_t ms;   /* with our margin taken off; IDLE_UNTOLD */
	uint32_t left; /* requests that it still takes; IDLE_UNTOLD */
};

/* Of one endpoint: it was seen to close a connection that waited for less than it might. */
struct idle_lesson {
	uint32_t ms;
	uint64_t until; /* ms of the loop's clock; 0 = none */
};

/* Takes in the value of a Keep-Alive field; what it does not say, or says badly, stays. */
void idle_hear(struct idle_word *word, struct slice value);
/* The endpoint closed a connection that had waited for `ms`. */
void idle_learn(struct idle_lesson *lesson, uint32_t ms, uint64_t now);
/* How long a connection may wait; 0: not at all. `configured` 0: none is kept, whatever is said. */
uint32_t idle_limit(const struct idle_word *word, const struct idle_lesson *lesson,
		    uint32_t configured, uint64_t now);
/* A connection that may wait for `limit` is known to be open until it has waited for this long; 0:
 * never, since the endpoint was seen to close one that had hardly waited. */
uint32_t idle_fresh(uint32_t limit, const struct idle_lesson *lesson, uint64_t now);
