#pragma once

/*
 * probe_turn: when an endpoint is probed next, so that those of many endpoints are spread evenly
 * over their interval. Knows no clock and no chance of its own.
 */

#include <stdbool.h>
#include <stdint.h>

struct probe_turn {
	uint64_t planned_ms; /* its last probe was to begin then, */
	uint64_t started_ms; /* and did then: there may be many before it (health.rate) */
	bool placed;         /* has its own place in the interval */
};

/* When the next one is to begin; in ms, as is `interval`. `random`: any number. */
uint64_t probe_turn_next(struct probe_turn *t, uint64_t interval, uint64_t random);
