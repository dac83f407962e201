#include "trace.h"

#include "client.h"
#include "put.h"
#include "snapshot.h"
#include "trace_own.h"
#include "worker.h"

#include "shm/span.h"

#include <time.h>

/* ---- whose trace is it? ---- */

void
trace_make_id(struct worker *w, uint8_t *out, size_t n)
{
	for (size_t i = 0; i < n; i += 8) {
		uint64_t x = worker_random(w);

		x += x == 0;
		memcpy(out + i, &x, 8);
	}
}

/* Of its random number, so that gateways with one ratio choose alike. */
static bool
is_chosen(const struct traceparent *t, uint32_t parts)
{
	uint32_t x;

	memcpy(&x, t->trace + 12, sizeof x);
	return (uint64_t)x * TRACE_PARTS >> 32 < parts;
}

bool
trace_is_field(const struct request *r, const struct http_field *f, struct slice name)
{
	return f->id == HTTP_OTHER && !f->drop && slice_ieq(http_name(&r->in, f), name);
}

/* Two of them say nothing, whatever they say. */
static void
read_fields(struct request *r, struct trace *t)
{
	unsigned parents = 0, members = 0;

	t->keeps_state = true;
	for (uint16_t i = 0; i < r->in.fields_n; i++) {
		const struct http_field *f = &r->in.fields[i];
		struct slice value = http_value(&r->in, f);

		if (trace_is_field(r, f, SLICE("traceparent"))) {
			t->told = traceparent_read(value, &t->caller) && parents == 0;
			parents++;
		} else if (trace_is_field(r, f, SLICE("tracestate"))) {
			t->keeps_state &= tracestate_good(value, &members);
		}
	}
}

void
trace_begin(struct request *r)
{
	const struct snapshot *table = r->table ? r->table : r->worker->table;
	const struct segment *rules = table->segments[SEGMENT_RULES];
	struct trace *t = arena_alloc(&r->arena, sizeof *t);
	struct timespec now;

	*t = (struct trace){ 0 };
	r->trace = t;
	if (r->in.head_done)
		read_fields(r, t);
	t->joined = t->told && table_traces(rules, r->client->ip);
	if (t->joined) {
		t->own = t->caller;
	} else {
		trace_make_id(r->worker, t->own.trace, sizeof t->own.trace);
		if (is_chosen(&t->own, table_global(rules)->trace_sample))
			t->own.flags = TRACEPARENT_SAMPLED;
	}
	t->keeps_state &= t->joined;
	trace_make_id(r->worker, t->own.parent, sizeof t->own.parent);
	traceparent_hex(t->own.trace, sizeof t->own.trace, t->text);
	if (!(t->own.flags & TRACEPARENT_SAMPLED))
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	t->base_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec -
		     worker_us(r->worker) * 1000;
}

void
trace_begin_late(struct request *r)
{
	const struct table_global *g = snapshot_global(r->worker->table);

	if (g && g->tracing)
		trace_begin(r);
}

struct slice
trace_text(const struct request *r)
{
	return slice_make(r->trace->text, sizeof r->trace->text);
}

/* ---- what upstreams hear ---- */

bool
trace_drops(const struct request *r, struct slice name)
{
	return slice_ieq(name, SLICE("traceparent")) ||
	       (!r->trace->keeps_state && slice_ieq(name, SLICE("tracestate")));
}

char *
trace_put(char *o, const struct request *r, bool copy)
{
	struct traceparent parent = r->trace->own;

	if (r->trace->trying && !copy)
		memcpy(parent.parent, r->trace->try, sizeof parent.parent);
	o = PUT(o, "traceparent: ");
	traceparent_write(&parent, o);
	return PUT(o + TRACEPARENT_SIZE, "\r\n");
}
