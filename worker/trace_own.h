#pragma once

/*
 * trace_own: what trace.c knows of a request's trace, for trace_span.c.
 */

#include "trace.h"

#include "lib/traceparent.h"

struct trace {
	struct traceparent own;    /* parent: the span of the request */
	struct traceparent caller; /* as it came */
	bool joined;               /* the caller's trace is this one */
	bool told;                 /* it came, but is not believed */
	bool keeps_state;          /* so does its tracestate */
	char text[32];
	uint64_t base_ns; /* since 1970, of worker_us 0 */
	struct slice route, route_id;

	bool trying;
	uint8_t try[8]; /* span of the present try */
	uint16_t tries; /* before it */
	uint64_t try_us;
	struct slice host;   /* of its endpoint */
	struct slice target; /* the path that this is asked for, without its query */
	uint8_t peer[16];
	uint16_t port;
	bool secure;
};

static inline bool
trace_is_sampled(const struct request *r)
{
	return r->trace->own.flags & TRACEPARENT_SAMPLED;
}

/* Has a field of its head this name, and is it for us? */
bool trace_is_field(const struct request *r, const struct http_field *f, struct slice name);
/* Never of zeros. */
void trace_make_id(struct worker *w, uint8_t *out, size_t n);
