#include "cascade_own.h"

#include "master.h"
#include "own.h"
#include "page.h"
#include "upstream_tls.h"

#include "lib/tls.h"
#include "lib/xalloc.h"

#include <stdio.h>
#include <stdlib.h>

struct cascade_call {
	struct cascade *of;
	char *service;
	struct page page;
	bool asking; /* the page is of an endpoint */
	size_t tried;
	uint64_t end_ms;
	uv_timer_t start; /* so that `done` never runs from within cascade_call_new */
	char *fields;     /* of the request, with the user's id */
	size_t index;
	cascade_call_fn done;
	void *userdata;
};

static void
on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void
cascade_call_cancel(struct cascade_call *call)
{
	if (call->asking)
		page_deinit(&call->page);
	free(call->service);
	free(call->fields);
	call->start.data = call;
	uv_close((uv_handle_t *)&call->start, on_closed);
}

static void
call_end(struct cascade_call *call, int status, const char *reason)
{
	cascade_call_fn done = call->done;
	void *userdata = call->userdata;
	char text[128];

	snprintf(text, sizeof text, "%s", reason);
	call->done = NULL;
	done(userdata, call->index, status, text);
	cascade_call_cancel(call);
}

/* The endpoints that are alive come first; each one has its turn once. */
static const struct directory_endpoint *
next_endpoint(struct cascade_call *call, const struct directory_upstream *u)
{
	const struct board_master *board = call->of->master->page;

	while (call->tried < 2 * u->endpoints_count) {
		const struct directory_endpoint *e =
		    &u->endpoints[call->tried % u->endpoints_count];
		bool dead = board->health[e->slot].state == HEALTH_DEAD;
		bool last = call->tried++ >= u->endpoints_count;

		if (dead == last)
			return e;
	}
	return NULL;
}

static void call_answered(void *userdata, int status);

static void
ask(struct cascade_call *call, const struct directory_upstream *u,
    const struct directory_endpoint *e)
{
	struct master *m = call->of->master;
	uint64_t now = uv_now(&m->loop);
	BUF_CLEAN struct buf head = { 0 };
	struct page *p = &call->page;

	page_init(p, e, &m->loop, m->resolver, call->of->own, call_answered, call);
	call->asking = true;
	page_set_path(p, e->base, m->config->cascade.path);
	p->proxy = u->proxy_protocol;
	if (e->tls) {
		struct tls_context *tls = upstream_tls_context(m->certificates, &u->tls);

		page_set_tls(p, tls, *u->tls.server_name ? u->tls.server_name : e->address.host);
		tls_context_unref(tls);
	}
	buf_addf(&head,
		 "DELETE %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: yett/" YETT_VERSION
		 "\r\n%sContent-Length: 0\r\nConnection: close\r\n\r\n",
		 p->path, p->host, call->fields);
	page_set_whole(p, buf_slice(&head));
	page_get(p, call->end_ms > now ? (uint32_t)(call->end_ms - now) : 1);
}

static void
try_next(struct cascade_call *call, const char *reason)
{
	const struct master *m = call->of->master;
	const struct directory_upstream *u =
	    m->publisher.directory
		? directory_find(m->publisher.directory, SOURCE_FILE, slice_of(call->service))
		: NULL;
	const struct directory_endpoint *e = u ? next_endpoint(call, u) : NULL;

	if (e)
		ask(call, u, e);
	else
		call_end(call, 0, u ? reason : "this gateway has no such upstream");
}

/* Only what certainly was not sent goes to another endpoint: one of them is to do it. */
static void
call_answered(void *userdata, int status)
{
	struct cascade_call *call = userdata;
	char reason[128];

	if (status > 0) {
		call_end(call, status, "");
		return;
	}
	snprintf(reason, sizeof reason, "%s", page_error(&call->page, status));
	page_deinit(&call->page);
	call->asking = false;
	if (page_is_unsent(status) && !page_is_shortage(status))
		try_next(call, reason);
	else
		call_end(call, 0, reason);
}

static void
on_start(uv_timer_t *timer)
{
	try_next(timer->data, "it has no endpoint");
}

struct cascade_call *
cascade_call_new(struct cascade *c, const char *service, const struct cascade_record *r,
		 uint32_t timeout_ms, size_t index, cascade_call_fn done, void *userdata)
{
	const struct config_cascade *config = &c->master->config->cascade;
	struct cascade_call *call = xcalloc(1, sizeof *call);
	BUF_CLEAN struct buf fields = { 0 };

	buf_addf(&fields, "%s: %.*s\r\nIdempotency-Key: \"%.*s\"\r\n", config->header,
		 SLICE_F(r->user), SLICE_F(r->key));
	call->of = c;
	call->service = xstrdup(service);
	call->fields = xstrndup(fields.p, fields.n);
	call->end_ms = uv_now(&c->master->loop) + timeout_ms;
	call->index = index;
	call->done = done;
	call->userdata = userdata;
	uv_timer_init(&c->master->loop, &call->start);
	call->start.data = call;
	uv_timer_start(&call->start, on_start, 0, 0);
	return call;
}
