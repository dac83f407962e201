#pragma once

/*
 * access_sink: the descriptor that the workers write their access log to. Opened by the master
 * alone.
 */

#include "config.h"

#include <sys/types.h>

/* Why a file of this kind cannot take the log, with the remedy; NULL when it can. */
const char *access_sink_unfit(mode_t mode);
/* A descriptor of its own, or a negative errno with the reason in `error`. For "off" it is
 * /dev/null. Never waits: a FIFO that nobody reads is refused. */
int access_sink_open(const struct config *c, struct buf *error) __attribute__((warn_unused_result));
