#pragma once

/*
 * trace: W3C Trace Context of a request, and its spans for the master (shm/span.h), where tracing
 * is configured: r->trace is NULL where it is not, and every call below but those that begin it is
 * behind that question.
 *
 * Which trace a request belongs to: that of its caller, and the caller says whether it is sampled,
 * where the peer is one of tracing.trust and its traceparent is good; else a new one, sampled by
 * tracing.sample, with what the caller said as a link.
 */

#include "request.h"

/* Once a request, when its table is known. */
void trace_begin(struct request *r);
/* One that was answered before that, or was none, as it ends. */
void trace_begin_late(struct request *r);
/* Its route is known. */
void trace_route(struct request *r);
/* A try at r->endpoint begins. */
void trace_try(struct request *r);
/* What its endpoint is asked for. */
void trace_target(struct request *r, struct slice target);
/* It ended: with the status of an answer, or 0 and why there is none. */
void trace_try_end(struct request *r, int status, enum reason reason);
/* The request ended. */
void trace_end(struct request *r);

/* Does a field of the client stay here? */
bool trace_drops(const struct request *r, struct slice name);
/* traceparent for an endpoint; `copy`: for a mirror. Less than TRACE_ROOM bytes. */
char *trace_put(char *o, const struct request *r, bool copy);
#define TRACE_ROOM 80
/* Its id, as 32 digits. */
struct slice trace_text(const struct request *r);

/* What is gathered goes to the master; at the end of a loop turn. */
void traces_flush(struct worker *w);
