#pragma once

/*
 * connection: one connection of the responder and the request that is on it (responder.c says what
 * it answers). Takes bodies by length and chunked, keep-alive, HEAD, pipelined requests, Expect and
 * WebSockets. It believes its clients: what is not HTTP ends the connection. On purpose not the
 * gateway's own parser (lib/http_head), as in answer.h.
 */

#include "echo.h"

#include "lib/buf.h"
#include "lib/list.h"

#include <stdbool.h>
#include <stdint.h>

struct responder {
	const char *name; /* X-Responder, or NULL */
	struct list slow; /* connections whose answer waits for its time */
	struct buf scratch;
};

enum request_state {
	REQUEST_HEAD,
	REQUEST_LENGTH,
	REQUEST_CHUNK_SIZE,
	REQUEST_CHUNK,
	REQUEST_TRAILER,
	REQUEST_WHOLE, /* it may have to wait */
	REQUEST_ANSWER,
	REQUEST_ECHO, /* a WebSocket from here on */
};

struct connection {
	struct list link; /* in the responder's slow ones */
	int fd;
	enum request_state state;
	bool head, close, upload, upgrade;
	uint64_t size;     /* of the answer's body */
	uint64_t left;     /* of the request's body or chunk */
	uint64_t received; /* body bytes of this request */
	uint64_t due;      /* ms of the clock; 0: at once */
	struct buf in;     /* bytes that wait for the rest of a head or line, or for their turn */
	struct buf out;    /* the answer's head, and a short body */
	uint64_t out_sent, body_sent;
	struct echo echo;
	struct slice key; /* of a WebSocket, while its head is read */
};

void responder_init(struct responder *r, const char *name);
/* Takes over a non-blocking socket. */
struct connection *connection_new(int fd);
void connection_free(struct connection *c);
/* Handles events of its socket; frees it when it is over. */
void connection_event(struct responder *r, struct connection *c, uint32_t events);
/* Answers those that are due; gives the ms until the next one, or -1. */
int responder_slow(struct responder *r);
