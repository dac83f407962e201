#pragma once

/*
 * status_limits: whom limits have refused, and how full the memory of rates is.
 */

#include "lib/buf.h"

struct master;

/* "limits":{...} */
void status_write_limits(const struct master *m, struct buf *out);
