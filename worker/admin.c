/*
 * admin: the pages of the admin listeners, in the place of `route`. What only the master knows is
 * asked of it; writes are taken on the Unix socket alone.
 */

#include "answer.h"
#include "client.h"
#include "control.h"
#include "metrics.h"
#include "request.h"
#include "worker.h"

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
 * what it serves. */
static enum result
admin_health(struct request *r)
{
	const struct board_master *m = r->worker->master_page;

	if (!m || !board_get(&m->ready) || r->worker->draining)
		return refuse(r, REASON_not_ready);
	return page(r, 200, "text/plain", SLICE(""));
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

static void
admin_replied(struct request *r, int status, struct slice body)
{
	answer_body(r, status, "application/json", body, SLICE("Cache-Control: no-store\r\n"));
	r->step = STEP_RELAY;
	request_advance(r);
}

static bool
query_has(const struct request *r, struct slice flag)
{
	struct slice rest = http_at(&r->in, r->query, r->query_n);

	if (rest.n > 0) {
		rest.p++; /* '?' */
		rest.n--;
	}
	while (rest.p && rest.n > 0) {
		if (slice_eq(slice_cut(rest, '&', &rest), flag))
			return true;
	}
	return false;
}

static enum result
ask(struct request *r, enum call_verb verb)
{
	uint32_t flags = (query_has(r, SLICE("wait=1")) ? CALL_FLAG_WAIT : 0) |
			 (query_has(r, SLICE("force=1")) ? CALL_FLAG_FORCE : 0);

	if (control_call(r, verb, flags, admin_replied) < 0)
		return refuse(r, REASON_admin_unavailable);
	return STEP_WAIT;
}

static enum result
admin_status(struct request *r)
{
	return ask(r, CALL_STATUS);
}

static enum result
admin_routes(struct request *r)
{
	return ask(r, CALL_ROUTES);
}

static enum result
admin_config(struct request *r)
{
	return ask(r, CALL_CONFIG);
}

static enum result
admin_reload(struct request *r)
{
	return ask(r, CALL_RELOAD);
}

static const struct admin_page {
	struct slice path;
	bool write;
	enum result (*run)(struct request *r);
} pages[] = {
	{ { "/health", 7 }, false, admin_health },   { { "/ready", 6 }, false, admin_health },
	{ { "/version", 8 }, false, admin_version }, { { "/metrics", 8 }, false, admin_metrics },
	{ { "/status", 7 }, false, admin_status },   { { "/routes", 7 }, false, admin_routes },
	{ { "/config", 7 }, false, admin_config },   { { "/reload", 7 }, true, admin_reload },
};

enum result
admin_step(struct request *r)
{
	r->policy.body_bytes = 1 << 20;
	r->policy.idle_ms = 60000;
	if (!r->body_done) { /* no page takes a body yet that does not come with its head */
		if (r->body == FRAMING_LENGTH && r->in.length > 0)
			return refuse(r, REASON_body_too_large);
	}
	for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
		const struct admin_page *p = &pages[i];

		if (!slice_eq(r->path, p->path))
			continue;
		if (p->write && r->client->kind != LISTENER_ADMIN)
			return refuse(r, REASON_admin_forbidden);
		if (p->write ? r->method != METHOD_POST
			     : r->method != METHOD_GET && r->method != METHOD_HEAD)
			return refuse(r, REASON_admin_method);
		return p->run(r);
	}
	return refuse(r, REASON_admin_not_found);
}
