#pragma once

/*
 * metrics_upstreams: upstreams and their endpoints. What several upstreams have as an endpoint is
 * counted in one place, and told of each of them.
 */

#include "lib/buf.h"

struct board_counts;
struct worker;

/* Needs w->table. */
void metrics_write_upstreams(struct worker *w, const struct board_counts *sum, struct buf *out);
