#pragma once

/*
 * metrics_redis: which servers of Redis are in use, and how they were found.
 */

#include "lib/buf.h"
#include "shm/board.h"

void metrics_write_redis(const struct board_master *m, struct buf *out);
