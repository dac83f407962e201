#pragma once

/*
 * loop_server: a server in the test's own loop. It reads to the end of a head and gives a prepared
 * answer, in pieces, late, or not at all. Included after <cmocka.h>, by one file of a test.
 */

#include "lib/xalloc.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <uv.h>

struct server {
	uv_loop_t *loop;
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_tcp_t tcp;
		uv_pipe_t pipe;
	} listener;
	bool open;
	int port;
	const char *answer; /* NULL: silence */
	size_t piece;       /* bytes a loop turn, 0 = all at once */
	unsigned delay_ms;
	bool keep;         /* does not close after the answer */
	bool reset;        /* closes with a reset instead of an answer */
	unsigned requests; /* heads that came */
	unsigned connections, connections_max, accepted; /* open now, most at a time, in all */
	char request[4096];                              /* the last head */
	struct server_connection *first;
};

struct server_connection {
	struct server_connection *next;
	struct server *server;
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_tcp_t tcp;
		uv_pipe_t pipe;
	} socket;
	uv_timer_t timer;
	unsigned handles;
	uv_write_t write;
	const char *rest;
	size_t n;
	char in[4096];
};

static void
server_connection_on_close(uv_handle_t *handle)
{
	struct server_connection *c = handle->data;

	if (--c->handles == 0)
		free(c);
}

static void
server_connection_close(struct server_connection *c)
{
	struct server_connection **link = &c->server->first;

	while (*link && *link != c)
		link = &(*link)->next;
	if (!*link)
		return;
	*link = c->next;
	c->server->connections--;
	uv_close(&c->socket.handle, server_connection_on_close);
	uv_close((uv_handle_t *)&c->timer, server_connection_on_close);
}

static void server_connection_answer(uv_timer_t *timer);

static void
server_connection_on_written(uv_write_t *write, int status)
{
	struct server_connection *c = write->data;

	if (status < 0)
		server_connection_close(c);
	else if (*c->rest)
		uv_timer_start(&c->timer, server_connection_answer, 0, 0);
	else if (!c->server->keep)
		server_connection_close(c);
}

static void
server_connection_answer(uv_timer_t *timer)
{
	struct server_connection *c = timer->data;
	size_t n = strlen(c->rest);
	uv_buf_t out;

	if (c->server->piece && n > c->server->piece)
		n = c->server->piece;
	if (n == 0) {
		server_connection_close(c);
		return;
	}
	out = uv_buf_init((char *)(uintptr_t)c->rest, (unsigned)n);
	c->rest += n;
	uv_write(&c->write, &c->socket.stream, &out, 1, server_connection_on_written);
}

static void
server_connection_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
	struct server_connection *c = handle->data;

	*out = uv_buf_init(c->in + c->n, (unsigned)(sizeof c->in - 1 - c->n));
}

static void
server_connection_on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *in)
{
	struct server_connection *c = stream->data;
	struct server *s = c->server;

	if (n < 0) {
		server_connection_close(c);
		return;
	}
	c->n += (size_t)n;
	c->in[c->n] = '\0';
	if (!strstr(c->in, "\r\n\r\n"))
		return;
	s->requests++;
	strcpy(s->request, c->in);
	c->n = 0;
	if (s->reset) {
		struct linger linger = { .l_onoff = 1 };
		int fd;

		uv_fileno(&c->socket.handle, &fd);
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
		server_connection_close(c);
	} else if (s->answer) {
		c->rest = s->answer;
		uv_timer_start(&c->timer, server_connection_answer, s->delay_ms, 0);
	}
}

static void
server_on_connection(uv_stream_t *listener, int status)
{
	struct server *s = listener->data;
	struct server_connection *c = xcalloc(1, sizeof *c);

	assert_int_equal(status, 0);
	c->server = s;
	c->handles = 2;
	c->rest = "";
	if (listener->type == UV_TCP)
		uv_tcp_init(s->loop, &c->socket.tcp);
	else
		uv_pipe_init(s->loop, &c->socket.pipe, 0);
	uv_timer_init(s->loop, &c->timer);
	c->socket.handle.data = c->timer.data = c->write.data = c;
	assert_int_equal(uv_accept(listener, &c->socket.stream), 0);
	c->next = s->first;
	s->first = c;
	s->accepted++;
	if (++s->connections > s->connections_max)
		s->connections_max = s->connections;
	uv_read_start(&c->socket.stream, server_connection_alloc, server_connection_on_read);
}

static void
server_opened(struct server *s, uv_loop_t *loop)
{
	s->loop = loop;
	s->open = true;
	s->listener.handle.data = s;
	assert_int_equal(uv_listen(&s->listener.stream, 1024, server_on_connection), 0);
}

/* `host` "0.0.0.0": all of 127/8 at one port; `port` 0: a free one. */
static void
server_open(struct server *s, uv_loop_t *loop, const char *host, int port)
{
	struct sockaddr_in any;
	int size = sizeof any;

	assert_int_equal(uv_ip4_addr(host, port, &any), 0);
	uv_tcp_init(loop, &s->listener.tcp);
	assert_int_equal(uv_tcp_bind(&s->listener.tcp, (struct sockaddr *)&any, 0), 0);
	server_opened(s, loop);
	uv_tcp_getsockname(&s->listener.tcp, (struct sockaddr *)&any, &size);
	s->port = ntohs(any.sin_port);
}

__attribute__((unused)) static void
server_open_unix(struct server *s, uv_loop_t *loop, const char *path)
{
	uv_pipe_init(loop, &s->listener.pipe, 0);
	assert_int_equal(uv_pipe_bind(&s->listener.pipe, path), 0);
	server_opened(s, loop);
}

static void
server_close(struct server *s)
{
	while (s->first)
		server_connection_close(s->first);
	if (s->open)
		uv_close(&s->listener.handle, NULL);
	s->open = false;
}
