#pragma once

/*
 * tracer: spans of workers go to a collector by OTLP over HTTP, in batches, one request at a time.
 * Nothing waits for it. What it does not take for now is sent again, some times; what finds no room
 * meanwhile, and what it refuses, is lost and counted.
 */

#include "lib/slice.h"

#include <stdbool.h>

struct master;
struct slot;
struct tracer;

struct tracer *tracer_new(struct master *m);
/* What a worker sent: records of shm/span.h. -EBADMSG: it is not. */
int tracer_spans(void *userdata, struct slot *slot, struct slice records)
    __attribute__((warn_unused_result));
/* The last ones are sent, or there was not time enough: nothing more is to be waited for. */
bool tracer_is_over(struct tracer *t);
void tracer_free(struct tracer *t);
