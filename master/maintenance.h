#pragma once

/*
 * maintenance: everything that clients ask is answered by 503, with a page and Retry-After: by the
 * configuration, or by a command, which goes before it and holds over reloads, upgrades and
 * restarts (state_dir/maintenance: the seconds, or "off"). The workers see it on the board.
 */

#include "lib/buf.h"

#include <stdint.h>

struct master;

struct maintenance {
	int64_t told_s; /* by the command: 0 off; -1: it said nothing */
};

/* At the start. May block. */
void maintenance_load(struct master *m);
/* The configuration is another one. */
void maintenance_apply(struct master *m);
/* seconds: as told_s. 0 or a negative errno: it holds, but a restart will not know of it. */
int maintenance_set(struct master *m, int64_t seconds);
/* {"retry_after_s": 600, "by": "command"}; 0: it is off. by: "configuration" */
void maintenance_write(const struct master *m, struct buf *out);
