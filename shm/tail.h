#pragma once

/*
 * tail: lines of the access log as they come, for who looks at them live: a ring of bytes on a
 * worker's page. The worker writes, without a lock and without a call, while the page of the admin
 * worker says that somebody looks; a reader that is too slow is told how many lines it has missed.
 */

#include "lib/buf.h"
#include "lib/slice.h"

#include <stdbool.h>
#include <stdint.h>

#define TAIL_BYTES (1u << 19)
#define TAIL_LINE_MAX 16384
#define TAIL_LOOK_MS 3000 /* who looked so long ago looks no more */

struct tail {
	uint64_t reserved; /* bytes ever written, those included that are being written */
	uint64_t written;
	char ring[TAIL_BYTES]; /* of lines: a number in decimal, a blank, the line, LF */
};

/* `line` has no LF; `number` is that of the request on this worker, of which not all need to have
 * been written. One that is too long is missed by all. */
void tail_write(struct tail *t, uint64_t number, struct slice line);

/* Where a reader is. */
struct tail_place {
	uint64_t at;   /* bytes that it has read */
	uint64_t line; /* the number of the last one that it knows of */
};
/* Appends what came since *place to `out`, whole lines with their LF and without their number,
 * until that has `most` bytes more, and goes on; how many were missed. *more: there is more
 * already. No content of the ring, however made, leads outside or on for ever. */
uint64_t tail_read(const struct tail *t, struct tail_place *place, size_t most, struct buf *out,
		   bool *more);
