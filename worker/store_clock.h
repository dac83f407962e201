#pragma once

/*
 * store_clock: the time of day by the Redis of sessions. What stands there, sessions and their
 * tokens, was written by other gateways, too, and goes away by its clock: if each one judged it by
 * its own, one whose clock is off would end the sessions of all. Asked for when the link stands and
 * once a second; goes on by the loop's clock, so that no step of this host's is seen.
 */

#include <stdbool.h>
#include <stdint.h>

struct worker;

struct store_clock {
	bool known, asked;
	bool refused; /* by this link: not asked again */
	uint64_t asked_ms;
	int64_t ahead_ms; /* of the loop's clock */
};

void store_clock_begin(struct worker *w); /* the link stands */
void store_clock_ask(struct worker *w);
/* Seconds since 1970; by this host's clock as long as Redis has not said. */
int64_t store_wall(const struct worker *w);
