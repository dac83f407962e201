#pragma once

/*
 * traceparent: the two header fields of W3C Trace Context. Bytes in, a verdict out; believes nobody
 * itself.
 */

#include "slice.h"

#include <stdint.h>

#define TRACEPARENT_SAMPLED 1u
#define TRACEPARENT_RANDOM 2u /* the trace id was made at random */

#define TRACEPARENT_SIZE 55u  /* of version 00 */
#define TRACESTATE_MEMBERS 32 /* of a list, over all of its fields */

struct traceparent {
	uint8_t trace[16], parent[8];
	uint8_t flags; /* TRACEPARENT_* */
};

/* The value of the field, without blanks around it. False: it is malformed (section 3.2.2.3). */
bool traceparent_read(struct slice value, struct traceparent *out);
/* Writes version 00: TRACEPARENT_SIZE bytes. */
void traceparent_write(const struct traceparent *t, char *out);
/* `n` bytes as 2 n digits. */
void traceparent_hex(const uint8_t *bytes, size_t n, char *out);
/* One field of tracestate (section 3.3.1.3); *members counts those of all fields. False: it is
 * malformed, or there are too many. */
bool tracestate_good(struct slice value, unsigned *members);
