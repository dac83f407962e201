#include "client.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>

static const char zeros[64 * 1024];

void
client_init(struct client *c, struct plan *plan, struct wires *wires)
{
	*c = (struct client){ .plan = plan };
	wire_init(&c->wire, wires);
	list_init(&c->link);
}

static void
client_close(struct client *c)
{
	wire_close(&c->wire);
	c->state = CLIENT_CLOSED;
	c->upgraded = false;
}

void
client_deinit(struct client *c)
{
	client_close(c);
	answer_deinit(&c->answer);
	buf_deinit(&c->out);
}

static enum client_result
client_fail(struct client *c, enum client_result result)
{
	client_close(c);
	return result;
}

void
client_abort(struct client *c)
{
	client_close(c);
}

static enum client_result
client_wired(struct client *c, enum wire_result r)
{
	switch (r) {
	case WIRE_PENDING:
		return CLIENT_PENDING;
	case WIRE_UP:
		return CLIENT_READY;
	case WIRE_REFUSED:
		return client_fail(c, CLIENT_CONNECT);
	case WIRE_TLS:
		return client_fail(c, CLIENT_TLS);
	case WIRE_WHOLE:
		return client_fail(c, CLIENT_WHOLE);
	}
	abort();
}

/* Writes what the socket takes of the request. A server that stops reading may still answer, so an
 * error of writing is left to the reading side. */
static void
client_write(struct client *c)
{
	while (c->out_sent < c->out.n || c->body_left > 0) {
		bool head = c->out_sent < c->out.n;
		const char *p = head ? c->out.p + c->out_sent : zeros;
		size_t n = head                          ? c->out.n - c->out_sent
			   : c->body_left < sizeof zeros ? c->body_left
							 : sizeof zeros;
		ssize_t sent = wire_send(&c->wire, p, n, head && c->body_left);

		if (sent <= 0)
			return;
		if (head)
			c->out_sent += (size_t)sent;
		else
			c->body_left -= (uint64_t)sent;
	}
}

static void
client_head(struct client *c)
{
	c->out.n = c->out_sent = 0;
	answer_reset(&c->answer);
	plan_next_head(c->plan, &c->out);
}

/* The connection is there: a WebSocket goes on to ask for its upgrade. */
static enum client_result
client_opened(struct client *c)
{
	if (c->plan->websocket) {
		client_write(c);
		return CLIENT_PENDING;
	}
	c->state = CLIENT_IDLE;
	return CLIENT_READY;
}

enum client_result
client_open(struct client *c, uint64_t now)
{
	enum client_result r = client_wired(c, wire_open(&c->wire, c));

	c->sent = now;
	if (r > CLIENT_READY)
		return r;
	if (c->plan->websocket)
		client_head(c);
	c->state = CLIENT_CONNECTING;
	return r == CLIENT_READY ? client_opened(c) : CLIENT_PENDING;
}

static void
client_message(struct client *c)
{
	if (c->out_sent == c->out.n)
		c->out.n = c->out_sent = 0;
	websocket_send(&c->websocket, c->plan->body, &c->out);
}

enum client_result
client_send(struct client *c, uint64_t since, uint64_t now)
{
	enum client_result r;

	c->since = since;
	c->sent = now;
	if (c->upgraded) {
		client_message(c);
	} else {
		c->body_left = c->plan->websocket ? 0 : c->plan->body;
		client_head(c);
	}
	if (c->state == CLIENT_CLOSED) {
		r = client_wired(c, wire_open(&c->wire, c));
		if (r > CLIENT_READY)
			return r;
	}
	c->state = CLIENT_BUSY;
	if (c->wire.up)
		client_write(c);
	return CLIENT_PENDING;
}

static enum client_result
client_judge(struct client *c)
{
	const struct answer *a = &c->answer;
	bool unsent = c->out_sent < c->out.n || c->body_left > 0;

	if (c->plan->new_connection)
		c->state = CLIENT_ENDING;
	else if (a->close || unsent)
		client_close(c);
	else
		c->state = CLIENT_IDLE;
	if (a->status != c->plan->status)
		return CLIENT_STATUS;
	if (c->plan->length >= 0 && a->body != (uint64_t)c->plan->length)
		return CLIENT_LENGTH;
	return CLIENT_OK;
}

/* The peer ended or broke the connection. */
static enum client_result
client_ended(struct client *c, bool error)
{
	enum client_result r;

	if (c->upgraded)
		return client_fail(c, error ? CLIENT_RESET : CLIENT_GONE);
	switch (c->state) {
	case CLIENT_CONNECTING:
		return client_fail(c, CLIENT_CONNECT);
	case CLIENT_BUSY:
		if (error || !answer_end(&c->answer))
			return client_fail(c, CLIENT_RESET);
		r = client_judge(c);
		client_close(c);
		return r;
	case CLIENT_ENDING:
		client_close(c);
		return CLIENT_READY;
	case CLIENT_IDLE:
	case CLIENT_CLOSED:
		break;
	}
	client_close(c);
	return CLIENT_PENDING;
}

/* Bytes of a WebSocket. */
static enum client_result
client_frames(struct client *c, struct slice in)
{
	enum client_result r = CLIENT_PENDING;

	while (in.n > 0) {
		switch (websocket_feed(&c->websocket, &in, &c->out)) {
		case WEBSOCKET_MORE:
			break;
		case WEBSOCKET_MESSAGE:
		case WEBSOCKET_OTHER:
			if (c->state != CLIENT_BUSY || c->websocket.differs ||
			    c->websocket.received != c->websocket.size)
				return client_fail(c, CLIENT_MALFORMED);
			c->state = CLIENT_IDLE;
			r = CLIENT_OK;
			break;
		case WEBSOCKET_CLOSED:
			return client_fail(c, CLIENT_GONE);
		case WEBSOCKET_BAD:
			return client_fail(c, CLIENT_MALFORMED);
		}
	}
	client_write(c); /* pongs */
	return r;
}

/* Bytes of the answer to an upgrade. */
static enum client_result
client_upgrade(struct client *c, struct slice in)
{
	size_t used;
	int r = answer_feed(&c->answer, in, false, &used);

	if (r <= 0)
		return r == 0 ? CLIENT_PENDING : client_fail(c, CLIENT_MALFORMED);
	if (c->answer.status != 101)
		return client_fail(c, CLIENT_STATUS);
	c->upgraded = true;
	websocket_reset(&c->websocket);
	if (c->state == CLIENT_BUSY) {
		client_message(c);
		client_write(c);
		return client_frames(c, slice_make(in.p + used, in.n - used));
	}
	c->state = CLIENT_IDLE;
	return CLIENT_READY;
}

static enum client_result
client_take(struct client *c, struct slice in)
{
	size_t used;
	int r;

	if (c->upgraded)
		return client_frames(c, in);
	if (c->plan->websocket)
		return client_upgrade(c, in);
	if (c->state != CLIENT_BUSY)
		return client_fail(c, CLIENT_MALFORMED);
	r = answer_feed(&c->answer, in, c->plan->bodiless, &used);
	if (r < 0 || used < in.n)
		return client_fail(c, CLIENT_MALFORMED);
	return r > 0 ? client_judge(c) : CLIENT_PENDING;
}

/* `last`: the end of the stream, or an error, stands behind the bytes, and there will be no further
 * edge. */
static enum client_result
client_read(struct client *c, char *scratch, size_t scratch_n, bool last)
{
	enum client_result r;

	for (;;) {
		ssize_t n = wire_recv(&c->wire, scratch, scratch_n);

		if (n == -EAGAIN)
			return CLIENT_PENDING;
		if (n <= 0)
			return client_ended(c, n < 0);
		r = client_take(c, slice_make(scratch, (size_t)n));
		if (r != CLIENT_PENDING)
			return r;
		if (!last && wire_drained(&c->wire, (size_t)n, scratch_n))
			return CLIENT_PENDING;
	}
}

enum client_result
client_event(struct client *c, uint32_t events, char *scratch, size_t scratch_n)
{
	enum client_result r = CLIENT_PENDING;
	bool last = events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR), opens = !c->wire.up;

	if (c->wire.fd < 0)
		return CLIENT_PENDING;
	if (opens) {
		r = client_wired(c, wire_event(&c->wire, events));
		if (r != CLIENT_READY)
			return r;
		if (c->state == CLIENT_CONNECTING)
			return client_opened(c);
		r = CLIENT_PENDING;
	}
	if ((opens || (events & EPOLLOUT)) && (c->state == CLIENT_BUSY || c->upgraded))
		client_write(c);
	if ((events & EPOLLIN) || last)
		r = client_read(c, scratch, scratch_n, last);
	/* The answer was whole; now the end behind it, which is no result of its own. That of a
	 * WebSocket is one. */
	if (last && r != CLIENT_PENDING && c->wire.fd >= 0 && !c->upgraded)
		(void)client_read(c, scratch, scratch_n, last);
	return r;
}
