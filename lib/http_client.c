#include "http_client.h"

#include "http_answer.h"
#include "list.h"
#include "tls_feed.h"
#include "xalloc.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/un.h>

#define READ_SIZE 8192

struct http_client {
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_tcp_t tcp;
		uv_pipe_t pipe;
	} socket;
	uv_timer_t timer;
	unsigned handles; /* not yet closed: it is freed with the last one */
	uv_connect_t connect;
	struct tls_session *tls;          /* NULL: plain */
	struct buf preface, request, out; /* out: encrypted, within a call */
	struct http_answer answer;
	http_client_fn fn; /* NULL: cancelled, or has run */
	bool sent;
	uint64_t until_ms;
	void *userdata;
	char in[READ_SIZE];
};

struct client_write {
	uv_write_t req;
	struct buf bytes;
};

/* ---- the end: whatever happens first, and only once ---- */

static void
client_on_close(uv_handle_t *handle)
{
	struct http_client *c = handle->data;

	if (--c->handles > 0)
		return;
	buf_deinit(&c->preface);
	buf_wipe(&c->request); /* it may bear secrets */
	buf_deinit(&c->out);
	http_answer_deinit(&c->answer);
	tls_session_free(c->tls);
	free(c);
}

static void
client_close(struct http_client *c)
{
	c->fn = NULL;
	if (uv_is_closing(&c->socket.handle))
		return;
	uv_close(&c->socket.handle, client_on_close);
	uv_close((uv_handle_t *)&c->timer, client_on_close);
}

static void
client_end(struct http_client *c, int status)
{
	http_client_fn fn = c->fn;
	struct slice body = status > 0 && c->answer.keep ? buf_slice(&c->answer.body) : SLICE("");

	if (c->tls && *tls_session_why(c->tls))
		body = slice_of(tls_session_why(c->tls));
	client_close(c);
	if (fn)
		fn(c->userdata, status, body);
}

static void
client_on_timeout(uv_timer_t *timer)
{
	client_end(timer->data, -ETIMEDOUT);
}

/* ---- the answer ---- */

static void
client_outcome(struct http_client *c, int outcome)
{
	if (outcome != 0)
		client_end(c, outcome);
}

/* ---- writing ---- */

static void
client_on_written(uv_write_t *req, int status)
{
	struct client_write *w = container_of(req, struct client_write, req);

	/* A server may answer and close before it has read all: what it said shows when it is read,
	 * and so does the error. */
	buf_wipe(&w->bytes);
	free(w);
}

/* Takes the bytes over. */
static int
client_write(struct http_client *c, struct buf *bytes)
{
	struct client_write *w = xcalloc(1, sizeof *w);
	uv_buf_t out = uv_buf_init(bytes->p, (unsigned)bytes->n);
	int r;

	w->bytes = *bytes;
	*bytes = (struct buf){ 0 };
	r = w->bytes.n > 0 ? uv_write(&w->req, &c->socket.stream, &out, 1, client_on_written) : 0;
	if (r < 0 || w->bytes.n == 0)
		client_on_written(&w->req, r);
	return r;
}

/* From here on the other side may act on it. */
static void
client_sends(struct http_client *c)
{
	uint64_t now = uv_now(c->timer.loop);

	c->sent = true;
	uv_timer_start(&c->timer, client_on_timeout, c->until_ms > now ? c->until_ms - now : 0, 0);
}

/* ---- TLS ---- */

static bool
client_secured(void *userdata)
{
	struct http_client *c = userdata;
	struct slice request = buf_slice(&c->request);

	client_sends(c);
	/* A session that cannot write says why when it is read. */
	(void)!tls_session_write(c->tls, &request, 1, &c->out);
	return true;
}

static bool
client_data(void *userdata, struct slice plain)
{
	struct http_client *c = userdata;

	client_outcome(c, http_answer_feed(&c->answer, plain));
	return c->fn != NULL;
}

/* What came of the server; nothing at the start. */
static void
client_take(struct http_client *c, struct slice in)
{
	static const struct tls_feed_ops ops = { client_secured, client_data };
	int r = tls_feed(c->tls, in, &c->out, &ops, c), sent;

	if (!c->fn)
		return;
	sent = client_write(c, &c->out);
	if (r == TLS_CLOSED)
		client_outcome(c, http_answer_end(&c->answer));
	else if (r < 0 || sent < 0)
		client_end(c, r < 0 ? r : sent);
}

/* ---- the connection ---- */

static void
client_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
	struct http_client *c = handle->data;

	*out = uv_buf_init(c->in, sizeof c->in);
}

static void
client_on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *in)
{
	struct http_client *c = stream->data;

	if (n > 0 && c->tls)
		client_take(c, slice_make(c->in, (size_t)n));
	else if (n > 0)
		client_outcome(c, http_answer_feed(&c->answer, slice_make(c->in, (size_t)n)));
	else if (n == UV_EOF && c->tls) /* without TLS_CLOSED: cut off */
		client_end(c, -ECONNRESET);
	else if (n == UV_EOF)
		client_outcome(c, http_answer_end(&c->answer));
	else if (n < 0)
		client_end(c, (int)n);
}

static void
client_on_connect(uv_connect_t *connect, int status)
{
	struct http_client *c = connect->data;

	if (!c->fn)
		return;
	if (status == 0)
		status = uv_read_start(&c->socket.stream, client_alloc, client_on_read);
	if (status == 0)
		status = client_write(c, &c->preface);
	if (status == 0 && !c->tls) {
		client_sends(c);
		status = client_write(c, &c->request);
	}
	if (status < 0)
		client_end(c, status);
	else if (c->tls)
		client_take(c, slice_make(NULL, 0));
}

/* ---- from outside ---- */

/* Nothing that ends a line or a word: visible ASCII, and what UTF-8 adds. */
static bool
is_clean(const char *text)
{
	for (; *text; text++) {
		unsigned char byte = (unsigned char)*text;

		if (byte <= 0x20 || byte == 0x7f)
			return false;
	}
	return true;
}

/* libuv would cut it. */
static bool
is_path_long(const struct http_client_request *q)
{
	struct sockaddr_un un;

	return !q->address && strlen(q->unix_path) >= sizeof un.sun_path;
}

static int
client_connect(struct http_client *c, uv_loop_t *loop, const struct http_client_request *q)
{
	if (q->address)
		return uv_tcp_connect(&c->connect, &c->socket.tcp, q->address, client_on_connect);
	uv_pipe_connect(&c->connect, &c->socket.pipe, q->unix_path, client_on_connect);
	return 0;
}

static struct http_client *
client_new(uv_loop_t *loop, const struct http_client_request *q, struct buf request, void *userdata)
{
	struct http_client *c = xcalloc(1, sizeof *c);

	buf_adds(&c->preface, q->preface);
	c->request = request;
	c->answer.body_max = q->body_max;
	c->answer.keep = q->keep;
	c->answer.head = q->head;
	c->answer.keep_head = q->keep_head;
	http_answer_init(&c->answer);
	c->userdata = userdata;
	if (q->address)
		uv_tcp_init(loop, &c->socket.tcp);
	else
		uv_pipe_init(loop, &c->socket.pipe, 0);
	uv_timer_init(loop, &c->timer);
	c->socket.handle.data = c->timer.data = c->connect.data = c;
	c->handles = 2;
	c->until_ms = uv_now(loop) + q->timeout_ms;
	uv_timer_start(
	    &c->timer, client_on_timeout,
	    q->connect_ms && q->connect_ms < q->timeout_ms ? q->connect_ms : q->timeout_ms, 0);
	return c;
}

static int
client_start(uv_loop_t *loop, const struct http_client_request *q, struct buf request,
	     http_client_fn done, void *userdata, struct http_client **out)
{
	struct http_client *c = client_new(loop, q, request, userdata);
	int r = 0;

	if (q->tls) {
		c->tls = tls_session_new(q->tls);
		r = tls_session_set_peer(c->tls, q->peer);
	}
	if (r == 0)
		r = client_connect(c, loop, q);
	if (r < 0) {
		client_close(c);
		return r;
	}
	c->fn = done;
	*out = c;
	return 0;
}

int
http_client_get(uv_loop_t *loop, const struct http_client_request *q, http_client_fn done,
		void *userdata, struct http_client **out)
{
	struct buf request = { 0 };

	if (!is_clean(q->host) || !is_clean(q->path) || q->path[0] != '/')
		return -EINVAL;
	if (is_path_long(q))
		return -ENAMETOOLONG;
	buf_addf(&request,
		 "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: yett/" YETT_VERSION
		 "\r\nAccept: */*\r\nConnection: close\r\n\r\n",
		 q->path, q->host);
	return client_start(loop, q, request, done, userdata, out);
}

int
http_client_send(uv_loop_t *loop, const struct http_client_request *q, http_client_fn done,
		 void *userdata, struct http_client **out)
{
	struct buf request = { 0 };

	if (is_path_long(q))
		return -ENAMETOOLONG;
	buf_adds(&request, q->whole);
	return client_start(loop, q, request, done, userdata, out);
}

struct http_client_head
http_client_head(const struct http_client *c)
{
	return (struct http_client_head){ buf_slice(&c->answer.reason),
					  buf_slice(&c->answer.fields) };
}

void
http_client_cancel(struct http_client *c)
{
	client_close(c);
}

bool
http_client_sent(const struct http_client *c)
{
	return c->sent;
}
