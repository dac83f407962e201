#pragma once

/*
 * metrics_limits: whom limits have refused, and how much of the memory of rates is in use.
 */

struct board_counts;
struct buf;
struct worker;

void metrics_write_limits(struct worker *w, const struct board_counts *sum, struct buf *out);
