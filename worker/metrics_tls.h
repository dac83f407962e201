#pragma once

/*
 * metrics_tls: what the master says of its certificates, as metrics.
 */

#include "shm/board.h"

struct buf;

void metrics_write_certificates(const struct board_master *m, struct buf *out);
