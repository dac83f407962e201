#pragma once

/*
 * metrics: the board in Prometheus' text format. Series are bounded by the board's slots; labels
 * are names of routes and endpoints, never paths or users. Each metric has its row in shm/metric.h.
 */

#include "worker.h"

#include "shm/metric.h"

void metrics_write(struct worker *w, struct buf *out);

/* For the other files of metrics: classes of statuses, the head of a family, its name, the value of
 * a label, a whole family of one sample without labels. */
#define METRICS_CLASSES 6
struct worker_peer;

extern const char *const metrics_classes[METRICS_CLASSES];
void metrics_family(struct buf *b, enum metric m);
void metrics_name(struct buf *b, enum metric m);
void metrics_label(struct buf *b, struct slice s);
void metrics_single(struct buf *b, enum metric m, uint64_t value);
