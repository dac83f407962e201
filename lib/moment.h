#pragma once

/*
 * moment: a point in time as an operator writes it.
 */

#include "lib/buf.h"

#include <stdint.h>

#define MOMENT_NEVER INT64_MAX

/* Seconds since 1970 of "2026-12-31" (its beginning, UTC), "2026-12-31T18:00:00Z" or with an offset
 * such as +01:00 (RFC 3339), of a bare number of such seconds, or MOMENT_NEVER of "never". False:
 * it is none of these. */
bool moment_parse(struct slice text, int64_t *out);
/* The way back: "never", else as RFC 3339 in UTC. */
void moment_write(int64_t moment, struct buf *out);
