#pragma once

/*
 * access_log: a line of JSON a request, gathered in the worker and written in batches; lossy with a
 * counter when the sink is stuck.
 */

#include "request.h"

/* Takes `fd`, -1 and /dev/null: no log. It is written to without waiting, whatever its mode is. */
void access_log_open(struct worker *w, int fd);
void access_log_request(struct request *r);
/* Looks whether somebody looks at lines as they come (shm/tail.h). */
void access_log_tick(struct worker *w);
/* Writes what is gathered. */
void access_log_flush(struct worker *w);
/* The last of it, when nobody is served any more: a sink that is stuck has a moment, and what it
 * does not take is lost, and counted. */
void access_log_end(struct worker *w);
