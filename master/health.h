#pragma once

/*
 * health: what the results of probes make of an endpoint. Writes its words on the board and a line
 * of log when its state changes; asks nobody anything.
 */

#include "config.h"
#include "shm/board.h"

struct health {
	unsigned in_row; /* results in a row that speak against the state */
};

struct health_result {
	const char *authority;
	int status;         /* of the page; 0 = no answer: */
	const char *reason; /* why not */
};

/* `died`: the sequence of deaths, shared by all endpoints. True: the page gave its first 2xx. */
bool health_judge(struct health *h, struct board_health *words, const struct config_health *rules,
		  const struct health_result *result, uint64_t *died);
