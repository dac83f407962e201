/*
 * admin: the pages of the admin listeners, in the place of `route`. A few are answered here; all
 * others are the master's, who gets the request as it came (shm/call.h). Who is not let in gets no
 * byte of a body read.
 */

#include "access.h"
#include "answer.h"
#include "client.h"
#include "control.h"
#include "dashboard.h"
#include "metrics.h"
#include "request.h"
#include "worker.h"

#include "lib/log.h"
#include "shm/call.h"

#define LOOK_BODY 65536   /* bytes that one who may only look can send */
#define BODY_MS 60000     /* between two parts of a body */
#define STRANGERS_MS 1000 /* between two lines of the log */

static enum result
page(struct request *r, int status, const char *type, struct slice body)
{
	answer_body(r, status, type, body, SLICE("Cache-Control: no-store\r\n"));
	r->step = STEP_RELAY - 1;
	return STEP_NEXT;
}

static enum result
refuse(struct request *r, enum reason reason)
{
	r->reason = reason;
	return STEP_REPLY;
}

/* Ready: the master says that every worker has a table. An orphan serves, but nobody can change
 * what it serves. One that is degraded goes on: its body says so. */
static enum result
admin_ready(struct request *r)
{
	const struct board_master *m = r->worker->master_page;

	if (!m || !board_get(&m->ready) || r->worker->draining)
		return refuse(r, REASON_not_ready);
	return page(r, 200, "text/plain",
		    board_get(&m->degraded) ? SLICE("degraded\n") : SLICE(""));
}

static enum result
admin_version(struct request *r)
{
	return page(r, 200, "text/plain", slice_of(r->worker->hello.version));
}

static enum result
admin_metrics(struct request *r)
{
	struct buf BUF_CLEAN text = { 0 };

	metrics_write(r->worker, &text);
	return page(r, 200, "text/plain; version=0.0.4; charset=utf-8", buf_slice(&text));
}

/* ---- the master's pages ---- */

static void
admin_replied(struct request *r, int status, struct slice fields, struct slice body)
{
	struct buf BUF_CLEAN extra = { 0 };

	buf_adds(&extra, SLICE("Cache-Control: no-store\r\n"));
	buf_adds(&extra, fields);
	answer_body(r, status, "application/json", body, buf_slice(&extra));
	r->step = STEP_RELAY;
	request_advance(r);
}

/* Without a pointer where there is none. */
static struct slice
field(const struct request *r, struct slice name)
{
	for (uint16_t i = 0; i < r->in.fields_n; i++) {
		if (slice_ieq(http_name(&r->in, &r->in.fields[i]), name))
			return http_value(&r->in, &r->in.fields[i]);
	}
	return (struct slice){ NULL, 0 };
}

/* An empty one is no entity tag: whoever sends it wanted a condition, and none is met by it. */
static struct slice
if_match(const struct request *r)
{
	struct slice value = field(r, SLICE("If-Match"));

	return value.p && value.n == 0 ? SLICE("\"\"") : value;
}

/* As it came; of an absolute target what follows the authority. */
static struct slice
raw_path(const struct request *r)
{
	struct slice rest, path = slice_cut(http_url(&r->in), '?', &rest);
	const char *slash;

	if (!r->absolute)
		return path;
	slash = path.n > 7 ? memchr(path.p + 7, '/', path.n - 7) : NULL;
	return slash ? slice_make(slash, path.n - (size_t)(slash - path.p)) : SLICE("/");
}

static enum result
ask_master(struct request *r)
{
	struct client *c = r->client;
	struct call_text text = { .role = r->access };

	if (c->kind == LISTENER_ADMIN_READONLY && access_is_cross_site(r))
		return refuse(r, REASON_admin_cross_site);
	text.part[CALL_METHOD] = http_method(&r->in);
	text.part[CALL_PATH] = raw_path(r);
	if (r->query_n > 0)
		text.part[CALL_QUERY] = http_at(&r->in, r->query + 1, r->query_n - 1);
	text.part[CALL_IF_MATCH] = if_match(r);
	text.part[CALL_CONTENT_TYPE] = field(r, SLICE("Content-Type"));
	text.part[CALL_WHY] = field(r, SLICE("X-Yett-Why"));
	text.part[CALL_WHO] = r->identity;
	text.part[CALL_FROM] = c->nameless ? SLICE("unix") : slice_make(c->ip_text, c->ip_text_n);
	text.part[CALL_BODY] = buf_slice(&r->held);
	if (control_call(r, &text, admin_replied) < 0)
		return refuse(r, REASON_admin_unavailable);
	return STEP_WAIT;
}

/* ---- the body ---- */

static bool
is_collected(const struct request *r)
{
	return r->body == FRAMING_NONE || (r->body_done && !r->spans_fresh);
}

/* Whoever tries tokens shows in the log, a line a while. */
static void
tell_stranger(const struct request *r)
{
	struct worker *w = r->worker;

	if (worker_now(w) < w->strangers_log_at) {
		w->strangers_unlogged++;
		return;
	}
	log_warn("audit who=unknown from=%s status=401 reason=%s more=%llu", r->client->ip_text,
		 reason_info(r->reason)->name, (unsigned long long)w->strangers_unlogged);
	w->strangers_log_at = worker_now(w) + STRANGERS_MS;
	w->strangers_unlogged = 0;
}

static enum result
let_in(struct request *r)
{
	enum reason reason = access_judge(r);
	enum result result = reason != REASON_none ? refuse(r, reason) : STEP_NEXT;

	if (reason == REASON_admin_unauthenticated)
		tell_stranger(r);
	if (result != STEP_NEXT)
		return result;
	r->policy.idle_ms = BODY_MS;
	r->policy.body_bytes = r->access > ACCESS_LOOK ? r->worker->access.body_bytes : LOOK_BODY;
	if ((r->body == FRAMING_LENGTH ? r->in.length : r->body_bytes) > r->policy.body_bytes)
		return refuse(r, REASON_body_too_large);
	if (r->expect_continue) {
		struct slice go_on = SLICE("HTTP/1.1 100 Continue\r\n\r\n");

		if (stream_write(&r->client->stream, &go_on, 1) < 0)
			r->client_lost = true;
	}
	return STEP_NEXT;
}

void
admin_input(struct request *r)
{
	struct client *c = r->client;

	if (r->call)
		return;
	timer_set(r->worker, &c->timer, r->body_done ? 0 : BODY_MS);
	if (r->body_done)
		request_advance(r);
	else if (stream_read(&c->stream) < 0)
		request_abort(r, REASON_client_gone);
}

static const struct admin_page {
	struct slice path;
	enum result (*run)(struct request *r);
} pages[] = {
	{ { "/ready", 6 }, admin_ready },
	{ { "/version", 8 }, admin_version },
	{ { "/metrics", 8 }, admin_metrics },
};

/* The dashboard, in the browser of somebody who has still to give it a token, asks who it is: that
 * is no attempt. */
static bool
is_nobody(const struct request *r)
{
	return r->client->kind == LISTENER_API && r->worker->access.anyone == ACCESS_NONE &&
	       r->method == METHOD_GET && r->body == FRAMING_NONE &&
	       slice_eq(r->path, SLICE("/whoami")) && !http_find(&r->in, HTTP_AUTHORIZATION);
}

enum result
admin_step(struct request *r)
{
	enum result result;

	if (dashboard_is_asked(r))
		return dashboard_step(r);
	if (is_nobody(r))
		return page(r, 200, "application/json",
			    SLICE("{\"who\":\"\",\"role\":\"none\"}\n"));
	result = r->access == ACCESS_NONE ? let_in(r) : STEP_NEXT;
	if (result != STEP_NEXT)
		return result;
	if (!is_collected(r))
		return STEP_WAIT;
	if (r->client->kind == LISTENER_ADMIN_READONLY && slice_eq(r->path, SLICE("/health")))
		return admin_ready(r);
	for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
		if (!slice_eq(r->path, pages[i].path))
			continue;
		if (r->method != METHOD_GET && r->method != METHOD_HEAD)
			return refuse(r, REASON_admin_method);
		return pages[i].run(r);
	}
	return ask_master(r);
}
