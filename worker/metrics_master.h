#pragma once

/*
 * metrics_master: what the master says of itself on its page, in single numbers.
 */

#include "lib/buf.h"

struct board_master;

void metrics_write_master(const struct board_master *m, struct buf *out);
