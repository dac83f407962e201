#pragma once

/*
 * access_sink: the descriptor that the workers write their access log to. Opened by the master
 * alone.
 */

#include "config.h"

/* A descriptor of its own, or a negative errno with the reason in `error`. For "off" it is
 * /dev/null. */
int access_sink_open(const struct config *c, struct buf *error) __attribute__((warn_unused_result));
