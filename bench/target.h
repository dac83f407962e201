#pragma once

/* target: what the responder is asked for (responder.c says what there is). */

#include "lib/slice.h"

#include <stdbool.h>
#include <stdint.h>

struct target {
	unsigned status;
	bool upload, echo;
	uint64_t size;  /* of the answer's body */
	uint64_t delay; /* ms before it */
};

void target_parse(struct target *t, struct slice text);
