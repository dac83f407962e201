#pragma once

/*
 * wire: a connection of the load generator, plain or TLS. Knows sockets, one epoll and OpenSSL's
 * client, which offers AES-128-GCM and nothing else, so that every server does the same work;
 * nothing of HTTP. Certificates are not verified.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct url;

struct wire_options {
	int version;        /* 0x0303: TLS 1.2 only; 0x0304: 1.3 only; 0: either */
	const char *groups; /* OpenSSL's list; the first has its share in the first flight */
	const char *name;   /* of the server; NULL: none is sent */
	bool resumes;       /* each connection offers the session of the latest that got one */
};

/* What all connections share. */
struct wires {
	const struct url *url;
	const struct wire_options *options;
	int epoll;
	struct ssl_ctx_st *tls; /* NULL: plain */
	struct ssl_session_st *session;
	uint64_t handshakes, resumed; /* that went well */
};

/* The url says whether it is TLS; both must outlive it. 0; -ENOMEM; -EINVAL: OpenSSL has no such
 * groups. */
int wires_init(struct wires *wires, const struct url *url, const struct wire_options *options,
	       int epoll) __attribute__((warn_unused_result));
void wires_deinit(struct wires *wires);

enum wire_result {
	WIRE_PENDING,
	WIRE_UP,
	WIRE_REFUSED,
	WIRE_TLS,   /* the handshake failed */
	WIRE_WHOLE, /* the server did not resume the session that was offered */
};

struct wire {
	struct wires *wires;
	int fd;             /* -1: closed */
	struct ssl_st *ssl; /* NULL: plain */
	bool connected, up;
	bool offers; /* a session */
};

void wire_init(struct wire *w, struct wires *wires);
/* Begins to connect; `data` comes with the events of epoll, which is edge-triggered. After a
 * failure here or in wire_event() it must be closed. */
enum wire_result wire_open(struct wire *w, void *data);
/* What an event does for one that is not up yet. */
enum wire_result wire_event(struct wire *w, uint32_t events);
/* As send() and recv(), but the error is what they return, negative; -EAGAIN: an edge comes. Bytes
 * that TLS itself has need for are none. */
ssize_t wire_send(struct wire *w, const char *p, size_t n, bool more);
ssize_t wire_recv(struct wire *w, char *p, size_t n);
/* After it gave `n` of `room` bytes: it has no more to give until the next edge. */
static inline bool
wire_drained(const struct wire *w, size_t n, size_t room)
{
	return !w->ssl && n < room;
}
void wire_close(struct wire *w);
