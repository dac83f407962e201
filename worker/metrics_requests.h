#pragma once

/*
 * metrics_requests: what is counted of all requests, whatever route they take.
 */

#include "lib/buf.h"
#include "shm/metric.h"

struct segment;

void metrics_write_requests(const struct board_counts *sum, struct buf *out);
/* The same by the names of Renku's gateway, where it is to be compatible with that. */
void metrics_write_renku(const struct segment *rules, const struct board_counts *sum,
			 struct buf *out);
/* The samples of a histogram of durations, with this label (name="value"). */
void metrics_durations(struct buf *out, enum metric m, struct slice label,
		       const struct board_durations *d);
void metrics_route_durations(struct buf *out, enum metric m, struct slice label,
			     const struct board_route_durations *d);
