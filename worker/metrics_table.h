#pragma once

/*
 * metrics_table: what the board says of that which has a name in the table: routes and endpoints.
 */

#include "worker.h"

/* `sum`: of all pages. There is a table. */
void metrics_write_table(struct worker *w, const struct board_counts *sum, struct buf *out);
