#pragma once

/*
 * upstream: a connection to an endpoint. It serves one request, waits in the pool, serves the next.
 */

#include "idle.h"
#include "request.h"
#include "worker.h"

#include "lib/stream.h"

struct pool;

struct upstream {
	struct stream stream;
	struct stream_connect connecting;
	struct worker *worker;
	struct pool *pool;
	struct request *request; /* NULL: idle, or its request has ended */
	struct list link;        /* of the pool, when idle */
	struct timer timer;
	struct http_parser parser;
	uint32_t slot;             /* on the board: the endpoint's when its last request chose it */
	uint64_t generation;       /* of the addresses it was chosen from */
	uint64_t born, idle_since; /* ms of the loop's clock */
	uint32_t idle_ms;          /* how long it may wait now */
	struct idle_word word;
	uint64_t sent_before; /* stream.sent, by handshake and requests before this one */
	int write_error;      /* the first one in this request, or 0 */
	bool connected, pooled, tunnel;
	bool securing; /* the connection stands, but for its handshake when it is not `connected` */
	bool broken;   /* takes nothing more */
	bool last;     /* serves no request after this one; but may go on taking its body */
	uint8_t proxy; /* enum proxy_version: it is its client's alone */
};

/* A new one for r, at work for it; not connected yet. */
struct upstream *upstream_new(struct request *r);
/* Its result comes by connect_done. 0, or a negative errno: then close it. `path`: of a Unix
 * socket. */
int upstream_connect(struct upstream *u, const struct sockaddr *address, const char *path)
    __attribute__((warn_unused_result));
/* Puts a pooled one to work. */
void upstream_attach(struct upstream *u, struct request *r);
/* The pool's side of becoming idle: watched for close. */
void upstream_idle(struct upstream *u, uint32_t ms);
/* The request lets go: into the pool when `clean`, else closed. */
void upstream_release(struct upstream *u, bool clean);
void upstream_close(struct upstream *u);
