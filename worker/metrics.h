#pragma once

/*
 * metrics: the board in Prometheus' text format. Series are bounded by the board's slots; labels
 * are names of routes and endpoints, never paths or users.
 */

#include "worker.h"

void metrics_write(struct worker *w, struct buf *out);

/* For the other files of metrics: classes of statuses, the head of a family, the value of a label.
 */
#define METRICS_CLASSES 6
extern const char *const metrics_classes[METRICS_CLASSES];
void metrics_family(struct buf *b, const char *name, const char *type, const char *help);
void metrics_label(struct buf *b, struct slice s);
