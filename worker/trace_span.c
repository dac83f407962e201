/*
 * trace_span: what became of a request and of its tries, as records for the master.
 */

#include "trace_own.h"

#include "client.h"
#include "real_client.h"
#include "worker.h"

#include "shm/message.h"
#include "shm/span.h"

#include <sys/socket.h>

#define QUEUED_MAX 16 /* messages that the master did not take yet: other ones come first */

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

/* As it came; of a head that could not be read it is not known. */
static struct slice
method_text(const struct request *r)
{
	return r->in.head_done ? http_method(&r->in) : SLICE("");
}

static uint16_t
method_flag(const struct request *r)
{
	return !r->in.head_done || r->method == METHOD_OTHER ? SPAN_OTHER_METHOD : 0;
}

/* Of the table that it has now: a tunnel gives that back. */
void
trace_route(struct request *r)
{
	const struct segment *rules = r->table->segments[SEGMENT_RULES];
	const struct table_route *route = table_route(rules, r->route);
	struct trace *t = r->trace;

	if (!trace_is_sampled(r))
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

	if (!trace_is_sampled(r))
		return;
	t->trying = true;
	trace_make_id(r->worker, t->try, sizeof t->try);
	t->try_us = worker_us(r->worker);
	t->host = arena_copy(&r->arena, seg_string(seg, e->host));
	t->target = SLICE("");
	t->secure = e->tls != 0;
	take_peer(t, seg, e);
}

void
trace_target(struct request *r, struct slice target)
{
	struct slice query;

	if (r->trace->trying)
		r->trace->target = arena_copy(&r->arena, slice_cut(target, '?', &query));
}

void
trace_try_end(struct request *r, int status, enum reason reason)
{
	struct trace *t = r->trace;
	struct slice text[SPAN_TEXTS] = {
		[SPAN_METHOD] = method_text(r), [SPAN_PATH] = t->target, [SPAN_HOST] = t->host
	};
	struct span s = {
		.kind = SPAN_CLIENT,
		.flags = (uint16_t)(SPAN_PARENT | (t->secure ? SPAN_SECURE : 0) | method_flag(r)),
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

/* Its fields are one list (RFC 9110 section 5.3). Cut off it would be another one. */
static struct slice
state_text(struct request *r)
{
	char *room = NULL;
	size_t n = 0;

	for (uint16_t i = 0; r->trace->keeps_state && i < r->in.fields_n; i++) {
		const struct http_field *f = &r->in.fields[i];
		struct slice value = http_value(&r->in, f);

		if (!trace_is_field(r, f, SLICE("tracestate")) || value.n == 0)
			continue;
		if (n + 1 + value.n > SPAN_TEXT_MAX)
			return SLICE("");
		if (!room)
			room = arena_alloc(&r->arena, SPAN_TEXT_MAX);
		if (n > 0)
			room[n++] = ',';
		memcpy(room + n, value.p, value.n);
		n += value.n;
	}
	return slice_make(room, n);
}

static void
write_server(struct request *r)
{
	struct trace *t = r->trace;
	struct slice text[SPAN_TEXTS] = {
		[SPAN_METHOD] = method_text(r), [SPAN_ROUTE] = t->route,
		[SPAN_ROUTE_ID] = t->route_id,  [SPAN_PATH] = uri_shown(r->path),
		[SPAN_HOST] = r->host.host,     [SPAN_REQUEST_ID] = slice_make(r->id, r->id_n),
		[SPAN_STATE] = state_text(r),
	};
	bool linked = t->told && !t->joined;
	struct span s = {
		.kind = SPAN_SERVER,
		.flags =
		    (uint16_t)((t->joined ? SPAN_PARENT : 0) | (linked ? SPAN_LINK : 0) |
			       (r->secure ? SPAN_SECURE : 0) | method_flag(r) |
			       (r->in.head_done && http_minor(&r->in) == 0 ? SPAN_HTTP_1_0 : 0)),
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
	if (!trace_is_sampled(r))
		return;
	trace_try_end(r, r->reason == REASON_none ? r->status : 0, r->reason);
	write_server(r);
}
