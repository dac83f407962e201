#pragma once

/*
 * metrics_issuers: the keys of issuers that the master fetches.
 */

#include "shm/board.h"

#include "lib/buf.h"

void metrics_write_issuers(const struct board_master *m, struct buf *out);
