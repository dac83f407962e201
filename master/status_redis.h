#pragma once

/*
 * status_redis: which servers the links to Redis use, and how they were found; for status and the
 * board.
 */

#include "lib/buf.h"

struct master;
struct store_redis_status;

/* "redis" and "sessions_redis" of the status. */
void status_write_redis(const struct master *m, const struct store_redis_status *st,
			struct buf *out);
void status_board_redis(struct master *m, const struct store_redis_status *st);
