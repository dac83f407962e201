#include "trace.h"

#include "client.h"
#include "put.h"
#include "real_client.h"
#include "worker.h"

#include "lib/traceparent.h"
#include "lib/uri.h"
#include "shm/message.h"
#include "shm/span.h"

#include <sys/socket.h>
#include <time.h>

#define QUEUED_MAX 16 /* messages that the master did not take yet: other ones come first */

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
	struct slice host; /* of its endpoint */
	uint8_t peer[16];
	uint16_t port;
	bool secure;
};

/* ---- whose trace is it? ---- */

/* Never of zeros. */
static void
make_id(struct worker *w, uint8_t *out, size_t n)
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

static bool
is_named(const struct request *r, const struct http_field *f, struct slice name)
{
	return f->id == HTTP_OTHER && !f->drop && slice_ieq(http_name(&r->in, f), name);
}

/* Two of them say nothing. */
static void
read_fields(struct request *r, struct trace *t)
{
	unsigned parents = 0, members = 0;

	t->keeps_state = true;
	for (uint16_t i = 0; i < r->in.fields_n; i++) {
		const struct http_field *f = &r->in.fields[i];

		if (is_named(r, f, SLICE("traceparent")))
			t->told =
			    traceparent_read(http_value(&r->in, f), &t->caller) && parents++ == 0;
		else if (is_named(r, f, SLICE("tracestate")))
			t->keeps_state &= tracestate_good(http_value(&r->in, f), &members);
	}
}

void
trace_begin(struct request *r)
{
	const struct segment *rules = r->table->segments[SEGMENT_RULES];
	struct trace *t = arena_alloc(&r->arena, sizeof *t);
	struct timespec now;

	*t = (struct trace){ 0 };
	r->trace = t;
	read_fields(r, t);
	t->joined = t->told && table_traces(rules, r->client->ip);
	if (t->joined) {
		t->own = t->caller;
	} else {
		make_id(r->worker, t->own.trace, sizeof t->own.trace);
		if (is_chosen(&t->own, table_global(rules)->trace_sample))
			t->own.flags = TRACEPARENT_SAMPLED;
	}
	t->keeps_state &= t->joined;
	make_id(r->worker, t->own.parent, sizeof t->own.parent);
	traceparent_hex(t->own.trace, sizeof t->own.trace, t->text);
	if (!(t->own.flags & TRACEPARENT_SAMPLED))
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	t->base_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec -
		     worker_us(r->worker) * 1000;
}

static bool
is_sampled(const struct request *r)
{
	return r->trace->own.flags & TRACEPARENT_SAMPLED;
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

/* ---- spans ---- */

void
traces_flush(struct worker *w)
{
	if (w->spans.n == 0)
		return;
	if (w->control_open && w->control.queued < QUEUED_MAX &&
	    ipc_send(&w->control, MSG_SPANS, w->spans.p, w->spans.n, -1) == 0)
		w->spans_n = 0;
	board_add(&w->page->counts.counter[COUNTER_trace_spans_dropped], w->spans_n);
	w->spans.n = w->spans_n = 0;
}

static void
write_span(struct request *r, struct span *s, const struct slice text[SPAN_TEXTS])
{
	struct worker *w = r->worker;

	if (w->spans.n + SPAN_MAX > IPC_MAX)
		traces_flush(w);
	span_write(&w->spans, s, text);
	w->spans_n++;
}

static struct slice
method_text(const struct request *r)
{
	return r->method == METHOD_OTHER ? SLICE("_OTHER") : http_method(&r->in);
}

/* Of the table that it has now: a tunnel gives that back. */
void
trace_route(struct request *r)
{
	const struct segment *rules = r->table->segments[SEGMENT_RULES];
	const struct table_route *route = table_route(rules, r->route);
	struct trace *t = r->trace;

	if (!is_sampled(r))
		return;
	t->route = arena_copy(&r->arena, table_route_path(rules, route));
	t->route_id = arena_copy(&r->arena, table_route_id(rules, route));
}

/* Of a name with several it is not said which one a pooled connection goes to. */
static void
take_peer(struct trace *t, const struct segment *seg, const struct table_endpoint *e)
{
	const struct table_address *a = e->count == 1 ? table_address(seg, e->first) : NULL;

	memset(t->peer, 0, sizeof t->peer);
	t->port = 0;
	if (!a || a->family == AF_UNIX)
		return;
	t->port = a->port;
	if (a->family == AF_INET6) {
		memcpy(t->peer, a->ip, sizeof t->peer);
		return;
	}
	t->peer[10] = t->peer[11] = 0xff;
	memcpy(t->peer + 12, a->ip, 4);
}

void
trace_try(struct request *r)
{
	const struct segment *seg = r->table->segments[SEGMENT_ENDPOINTS];
	const struct table_endpoint *e = table_endpoint(seg, r->endpoint);
	struct trace *t = r->trace;

	if (!is_sampled(r))
		return;
	t->trying = true;
	make_id(r->worker, t->try, sizeof t->try);
	t->try_us = worker_us(r->worker);
	t->host = arena_copy(&r->arena, seg_string(seg, e->host));
	t->secure = e->tls != 0;
	take_peer(t, seg, e);
}

void
trace_try_end(struct request *r, int status, enum reason reason)
{
	struct trace *t = r->trace;
	struct slice text[SPAN_TEXTS] = { [SPAN_METHOD] = method_text(r), [SPAN_HOST] = t->host };
	struct span s = {
		.kind = SPAN_CLIENT,
		.flags = SPAN_PARENT | (t->secure ? SPAN_SECURE : 0),
		.begin_ns = t->base_ns + t->try_us * 1000,
		.end_ns = t->base_ns + worker_us(r->worker) * 1000,
		.status = (uint16_t)status,
		.reason = (uint16_t)reason,
		.resend = t->tries,
	};

	if (!t->trying)
		return;
	t->trying = false;
	t->tries++;
	memcpy(s.trace, t->own.trace, sizeof s.trace);
	memcpy(s.id, t->try, sizeof s.id);
	memcpy(s.parent, t->own.parent, sizeof s.parent);
	memcpy(s.peer, t->peer, sizeof s.peer);
	s.port = t->port;
	write_span(r, &s, text);
}

static void
write_server(struct request *r)
{
	struct trace *t = r->trace;
	struct slice text[SPAN_TEXTS] = {
		[SPAN_METHOD] = method_text(r), [SPAN_ROUTE] = t->route,
		[SPAN_ROUTE_ID] = t->route_id,  [SPAN_PATH] = uri_shown(r->path),
		[SPAN_HOST] = r->host.host,     [SPAN_REQUEST_ID] = slice_make(r->id, r->id_n),
	};
	bool linked = t->told && !t->joined;
	struct span s = {
		.kind = SPAN_SERVER,
		.flags = (uint16_t)((t->joined ? SPAN_PARENT : 0) | (linked ? SPAN_LINK : 0) |
				    (r->secure ? SPAN_SECURE : 0)),
		.begin_ns = t->base_ns + r->begin_us * 1000,
		.end_ns = t->base_ns + worker_us(r->worker) * 1000,
		.status = (uint16_t)r->status,
		.reason = (uint16_t)r->reason,
	};

	memcpy(s.trace, t->own.trace, sizeof s.trace);
	memcpy(s.id, t->own.parent, sizeof s.id);
	if (t->joined)
		memcpy(s.parent, t->caller.parent, sizeof s.parent);
	if (linked) {
		memcpy(s.link_trace, t->caller.trace, sizeof s.link_trace);
		memcpy(s.link_parent, t->caller.parent, sizeof s.link_parent);
	}
	memcpy(s.peer, r->client->ip, sizeof s.peer);
	memcpy(s.client, real_client_ip(r), sizeof s.client);
	write_span(r, &s, text);
}

void
trace_end(struct request *r)
{
	if (!is_sampled(r))
		return;
	trace_try_end(r, r->reason == REASON_none ? r->status : 0, r->reason);
	write_server(r);
}
