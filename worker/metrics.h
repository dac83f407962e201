#pragma once

/*
 * metrics: the board in Prometheus' text format. Series are bounded by the board's slots; labels
 * are names of routes and endpoints, never paths or users.
 */

#include "worker.h"

void metrics_write(struct worker *w, struct buf *out);
