#pragma once

/*
 * reload: a new configuration, all of it or nothing.
 */

#include "lib/buf.h"

struct master;

/* Reads the file again. 0: it is in force here and marked for publication; 1: refused, with every
 * reason in `report`, a line each. */
int master_reload(struct master *m, struct buf *report) __attribute__((warn_unused_result));
/* What workers hear of the configuration in force. */
void master_configure_workers(struct master *m);
/* Opens the file of the access log anew, and nothing else; where that fails, it logs why, and the
 * lines go on where they went. */
void master_reopen(struct master *m);
