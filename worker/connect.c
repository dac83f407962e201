#include "connect.h"

#include "pool.h"
#include "proxied.h"
#include "relay.h"
#include "request.h"
#include "trace.h"
#include "upstream.h"

#include "lib/proxy_protocol.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>

void
connect_address(const struct table_address *a, struct sockaddr_storage *out)
{
	struct sockaddr_in *in4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;

	memset(out, 0, sizeof *out);
	out->ss_family = a->family;
	if (a->family == AF_INET) {
		in4->sin_port = htons(a->port);
		memcpy(&in4->sin_addr, a->ip, 4);
	} else {
		in6->sin6_port = htons(a->port);
		memcpy(&in6->sin6_addr, a->ip, 16);
	}
}

/* Of a name's addresses that which connections are made to comes first: who waited for one that is
 * dead waited for all that follow. */
static uint32_t
first_address(const struct request *r, const struct table_endpoint *e)
{
	const struct pool_address *last = &r->pool->last;

	return last->generation == e->generation && last->index < e->count ? last->index : 0;
}

static uint32_t
address_index(const struct request *r, const struct table_endpoint *e)
{
	return (r->address_first + r->address) % e->count;
}

/* A new connection to the endpoint's address whose turn it is; r->upstream is NULL again when it
 * failed at once. */
static void
connect_to(struct request *r, uint32_t address)
{
	const struct segment *seg = r->table->segments[SEGMENT_ENDPOINTS];
	const struct table_endpoint *e = table_endpoint(seg, r->endpoint);
	const struct table_address *a;
	struct worker *w = r->worker;
	struct upstream *u = upstream_new(r);
	struct sockaddr_storage storage;
	char path[108];
	int error;

	r->address = address;
	a = table_address(seg, e->first + address_index(r, e));
	board_add(&w->page->counts.counter[COUNTER_upstream_connects], 1);
	board_add(&w->page->counts.endpoint[u->slot].connects, 1);
	if (a->family == AF_UNIX) {
		struct slice text = seg_string(seg, a->path);

		if (text.n >= sizeof path)
			text.n = 0;
		memcpy(path, text.p, text.n);
		path[text.n] = '\0';
		error = upstream_connect(u, NULL, path);
	} else {
		connect_address(a, &storage);
		error = upstream_connect(u, (struct sockaddr *)&storage, NULL);
	}
	timer_set(w, &u->timer, r->policy.connect_ms);
	if (error == 0 && u->pool->tls && !u->pool->behind)
		error = -ENOKEY;
	if (error == -ENOKEY) {
		behind_tell(u, error);
		r->untaken = true;
		r->failure = REASON_upstream_tls_failed;
		upstream_close(u);
	} else if (error < 0) {
		bool ours =
		    error == -EMFILE || error == -ENFILE || error == -ENOBUFS || error == -ENOMEM;

		r->failure = ours ? REASON_overloaded : REASON_upstream_connect_failed;
		upstream_close(u);
	}
}

/* The first of the name's addresses from this turn on that does not fail at once; r->upstream stays
 * NULL when all do. */
static void
connect_from(struct request *r, uint32_t address, uint32_t count)
{
	while (!r->upstream && address < count) {
		r->failure = REASON_none;
		connect_to(r, address++);
	}
}

/* `secured`: the connection stood, and its handshake failed. */
static enum reason
reason_of_connect(int status, bool secured)
{
	if (secured && status != -ETIMEDOUT)
		return status == -EKEYREJECTED ? REASON_upstream_certificate_refused
					       : REASON_upstream_tls_failed;
	switch (status) {
	case -ECONNREFUSED:
		return REASON_upstream_connect_refused;
	case -ETIMEDOUT:
		return REASON_upstream_connect_timeout;
	default:
		return REASON_upstream_connect_failed;
	}
}

/* The header that names the client is in clear. */
static int
start_tls(struct upstream *u)
{
	char proxy[PROXY_WRITE_MAX];
	struct slice header = { NULL, 0 };
	int error;

	u->securing = true;
	if (u->proxy)
		header = proxied_header(u->request, u->proxy, proxy);
	error = stream_write(&u->stream, &header, 1);
	return error < 0 ? error : behind_start(u);
}

void
connect_failed(struct upstream *u, int status)
{
	struct request *r = u->request;
	bool secured = u->securing;
	const struct table_endpoint *e;

	assert(r && r->step == STEP_CONNECT);
	if (secured)
		behind_tell(u, status);
	e = table_endpoint(r->table->segments[SEGMENT_ENDPOINTS], r->endpoint);
	upstream_close(u);
	connect_from(r, r->address + 1, e->count);
	if (r->upstream)
		return;
	r->untaken = true;
	request_upstream_failed(r, reason_of_connect(status, secured));
}

static void
connect_ready(struct upstream *u)
{
	struct request *r = u->request;
	const struct table_endpoint *e =
	    table_endpoint(r->table->segments[SEGMENT_ENDPOINTS], r->endpoint);

	u->connected = true;
	u->sent_before = u->stream.sent;
	u->pool->last = (struct pool_address){ e->generation, address_index(r, e) };
	request_advance(r);
}

void
connect_done(struct stream *s, int status)
{
	struct upstream *u = container_of(s, struct upstream, stream);

	assert(u->request && u->request->step == STEP_CONNECT);
	if (status == 0)
		status = u->pool->tls ? start_tls(u) : stream_read(s);
	if (status < 0)
		connect_failed(u, status);
	else if (!u->pool->tls)
		connect_ready(u);
}

void
connect_secured(struct stream *s, int outcome)
{
	connect_ready(container_of(s, struct upstream, stream));
}

/* A connection that names its client is never another one's. */
static bool
is_private(const struct request *r)
{
	return table_upstream(r->table->segments[SEGMENT_ENDPOINTS], r->upstream_index)->proxy;
}

enum result
connect_step(struct request *r)
{
	const struct table_endpoint *e;
	struct upstream *u;

	if (r->upstream) /* not yet: the client took the rest of an interim answer meanwhile */
		return r->upstream->connected ? STEP_NEXT : STEP_WAIT;
	if (r->trace)
		trace_try(r);
	e = table_endpoint(r->table->segments[SEGMENT_ENDPOINTS], r->endpoint);
	u = r->fresh || is_private(r) ? NULL
				      : pool_take(r->pool, e->generation, !relay_is_repeatable(r));
	r->reused = u != NULL;
	r->connect_us = u ? 0 : worker_us(r->worker);
	if (u) {
		upstream_attach(u, r);
		board_add(&r->worker->page->counts.counter[COUNTER_upstream_reuses], 1);
		return STEP_NEXT;
	}
	r->address_first = first_address(r, e);
	connect_from(r, 0, e->count);
	return r->upstream ? STEP_WAIT : STEP_NEXT; /* failed at once: `response` decides */
}
