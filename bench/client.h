#pragma once

/*
 * client: one connection of the load generator and the request that is on it. Knows HTTP and its
 * wire; knows nothing of rates and windows (window.c) and keeps no counts.
 */

#include "answer.h"
#include "plan.h"
#include "websocket.h"
#include "wire.h"

#include "lib/list.h"

#include <stdbool.h>
#include <stdint.h>

enum client_state {
	CLIENT_CLOSED,
	CLIENT_CONNECTING, /* ahead of a request; a WebSocket also waits for its 101 */
	CLIENT_IDLE,
	CLIENT_BUSY,   /* a request is on it, also while it connects for that */
	CLIENT_ENDING, /* the answer is whole; the server will close */
};

enum client_result {
	CLIENT_PENDING,
	CLIENT_READY, /* no request ended, and one may start */
	CLIENT_OK,    /* a request ended, and how; the rest are errors */
	CLIENT_CONNECT,
	CLIENT_TLS,   /* the handshake failed */
	CLIENT_WHOLE, /* it was a whole one where the session should have been resumed */
	CLIENT_RESET,
	CLIENT_TIMEOUT,
	CLIENT_STATUS,
	CLIENT_LENGTH,
	CLIENT_MALFORMED,
	CLIENT_GONE, /* the server ended a WebSocket */
	CLIENT_RESULTS,
};

struct client {
	struct list link; /* window.c's */
	struct plan *plan;
	struct wire wire;
	enum client_state state;
	bool upgraded;
	struct answer answer;
	struct websocket websocket;
	struct buf out; /* the head, or the frames, that are being sent */
	size_t out_sent;
	uint64_t body_left;
	uint64_t since, sent; /* ns: what latency counts from; when it was handed to us */
};

void client_init(struct client *c, struct plan *plan, struct wires *wires);
void client_deinit(struct client *c);
/* Opens the connection ahead of a request. CLIENT_PENDING, CLIENT_READY or an error. */
enum client_result client_open(struct client *c, uint64_t now);
/* Sends the plan's next request on a client that is idle or closed. CLIENT_PENDING or an error. */
enum client_result client_send(struct client *c, uint64_t since, uint64_t now);
/* Handles events of its wire; `scratch` is read into. Where a WebSocket's end stands behind a
 * message, the message is one result, and its end that of another call. */
enum client_result client_event(struct client *c, uint32_t events, char *scratch, size_t scratch_n);
/* Gives up on the request that is on it. */
void client_abort(struct client *c);

static inline bool
client_ready(const struct client *c)
{
	return c->state == CLIENT_IDLE || c->state == CLIENT_CLOSED;
}

/* Bytes of the answer's body, or of the message that came back. */
static inline uint64_t
client_received(const struct client *c)
{
	return c->plan->websocket ? c->websocket.received : c->answer.body;
}
