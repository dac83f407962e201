#pragma once

/*
 * status: what the master knows, as JSON for operators (`yett status`, `yett routes`; yett(8),
 * STATUS). Reads everything, changes nothing.
 */

#include "lib/buf.h"

#include <stdint.h>

struct master;

void status_write(const struct master *m, struct buf *out);
void status_write_routes(const struct master *m, struct buf *out);
/* Seconds since 1970 as RFC 3339 in UTC; null where there were none. */
void status_add_time(struct buf *b, int64_t wall);
