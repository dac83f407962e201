#include "redis.h"

#include "buf.h"
#include "list.h"
#include "redis_reader.h"
#include "redis_tag.h"
#include "tls_feed.h"
#include "xalloc.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>

#define SLOW_MAX 10      /* one answer that keeps coming in may take so many times answer_ms */
#define VANISHED_MS 2000 /* a peer whose kernel says nothing for so long is no more */
#define LATE_MS 50       /* what a loop that was held up may find in its socket after a deadline */

struct command {
	struct command *next;
	redis_answer_fn answer;
	void *userdata;
	struct buf bytes; /* of one that another node may have to answer; else none are kept */
	bool scan;
	size_t tag_n;
	char tag[];
};

struct redis_conn {
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_tcp_t tcp;
		uv_pipe_t pipe;
	} u;
	uv_timer_t timer;
	uv_connect_t connect;
	const struct redis_conn_ops *ops;
	void *userdata;
	struct redis_reader *reader;
	uint32_t answer_ms;
	uint64_t waiting_since; /* ms; for the answer that comes next */
	struct command *first, **last;
	size_t pending;
	size_t answer_bytes;     /* of the answer that is coming in */
	struct buf out;          /* queued, not yet handed to the stream */
	struct slice key_tag;    /* empty: none */
	struct tls_session *tls; /* NULL: plain */
	struct buf secret;       /* encrypted, within a call */
	unsigned handles;        /* to be closed before the memory goes */
	bool connected, closed, late;
	bool oversized;
	bool found;  /* it was, so that another one may be */
	bool parked; /* another node has been asked what is next */
	bool joined; /* commands belong together until EXEC */
	bool follows;
};

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf);

struct write {
	uv_write_t req;
	struct buf bytes;
};

/* ---- life ---- */

static void
command_free(struct command *command)
{
	buf_deinit(&command->bytes);
	free(command);
}

static void
conn_free(struct redis_conn *c)
{
	while (c->first) {
		struct command *next = c->first->next;

		command_free(c->first);
		c->first = next;
	}
	redis_reader_free(c->reader);
	buf_deinit(&c->out);
	buf_deinit(&c->secret);
	tls_session_free(c->tls);
	free(c);
}

static void
on_closed(uv_handle_t *handle)
{
	struct redis_conn *c = handle->data;

	if (--c->handles == 0)
		conn_free(c);
}

void
redis_conn_close(struct redis_conn *c)
{
	if (!c || c->closed)
		return;
	c->closed = true;
	uv_close(&c->u.handle, on_closed);
	uv_close((uv_handle_t *)&c->timer, on_closed);
}

static void
conn_down(struct redis_conn *c, const char *reason)
{
	if (c->closed)
		return;
	redis_conn_close(c);
	c->ops->down(c->userdata, reason);
}

/* ---- deadlines ---- */

static void
on_timer(uv_timer_t *timer)
{
	struct redis_conn *c = timer->data;

	if (!c->late) {
		c->late = true;
		uv_timer_start(timer, on_timer, LATE_MS, 0);
		return;
	}
	conn_down(c, c->connected ? "no answer in time" : "no connection in time");
}

static void
conn_wait(struct redis_conn *c)
{
	c->late = false;
	c->waiting_since = uv_now(c->timer.loop);
	if (c->pending > 0)
		uv_timer_start(&c->timer, on_timer, c->answer_ms, 0);
	else
		uv_timer_stop(&c->timer);
}

/* Bytes of an answer that is not complete: a slow link is no dead one, up to a point. */
static void
conn_wait_more(struct redis_conn *c)
{
	uint64_t now = uv_now(c->timer.loop);
	uint64_t end = c->waiting_since + (uint64_t)SLOW_MAX * c->answer_ms;
	uint64_t wait = now < end ? end - now : 0;

	if (c->pending == 0 || (c->late && wait == 0))
		return;
	c->late = false;
	uv_timer_start(&c->timer, on_timer, wait < c->answer_ms ? wait : c->answer_ms, 0);
}

/* ---- reading ---- */

static bool
is_message(const struct redis_conn *c, const struct redis_reply *r)
{
	return c->ops->message && r->type == REDIS_ARRAY && r->count == 3 && r->elements[0] &&
	       r->elements[1] && r->elements[2] && slice_eq(r->elements[0]->text, SLICE("message"));
}

/* The names that a SCAN found, as who asks knows them. */
static void
cut_names(const struct redis_conn *c, const struct redis_reply *r)
{
	const struct redis_reply *names = r->count == 2 ? r->elements[1] : NULL;

	for (size_t i = 0; names && i < names->count; i++) {
		if (names->elements[i])
			names->elements[i]->text =
			    redis_tag_cut(c->key_tag, names->elements[i]->text);
	}
}

static void
command_end(struct redis_conn *c, const struct redis_reply *r)
{
	struct command *command = c->first;

	c->first = command->next;
	if (!c->first)
		c->last = &c->first;
	c->pending--;
	conn_wait(c);
	if (command->scan)
		cut_names(c, r);
	command->answer(command->userdata, slice_make(command->tag, command->tag_n), r);
	command_free(command);
}

static bool
is_redirection(const struct redis_reply *r)
{
	return r->type == REDIS_FAILED &&
	       (slice_starts(r->text, SLICE("ASK ")) || slice_starts(r->text, SLICE("MOVED ")));
}

/* What waits behind it keeps its order. */
static void
conn_park(struct redis_conn *c, const struct redis_reply *r)
{
	c->parked = true;
	uv_timer_stop(&c->timer);
	uv_read_stop(&c->u.stream);
	c->ops->asked(c->userdata, r->text, buf_slice(&c->first->bytes));
}

static void
conn_answer(struct redis_conn *c, const struct redis_reply *r)
{
	struct command *command = c->first;
	char text[160];

	if (is_message(c, r)) {
		c->ops->message(c->userdata, r);
		return;
	}
	if (!command) {
		conn_down(c, r->type == REDIS_FAILED ? redis_fault(r, text, sizeof text)
						     : "an answer that was not asked for");
		return;
	}
	if (command->bytes.n && is_redirection(r))
		conn_park(c, r);
	else if (c->found && redis_is_elsewhere(r))
		conn_down(c, redis_fault(r, text, sizeof text));
	else
		command_end(c, r);
}

static void
conn_answers(struct redis_conn *c)
{
	struct redis_reply *reply;
	const char *why;
	char text[160];

	while (!c->closed && !c->parked) {
		if (redis_reader_next(c->reader, &reply, &why) != 0) {
			snprintf(text, sizeof text, "no Redis protocol: %s", why);
			conn_down(c, text);
			return;
		}
		if (!reply)
			break;
		c->answer_bytes = redis_reader_rest(c->reader);
		conn_answer(c, reply);
		redis_reply_free(reply);
	}
	if (c->closed || c->parked)
		return;
	if (c->answer_bytes > REDIS_ANSWER_MAX) {
		c->oversized = true;
		conn_down(c, "an answer is too large");
	} else if (c->ops->turn) {
		c->ops->turn(c->userdata);
	}
}

static void
conn_feed(struct redis_conn *c, struct slice bytes)
{
	redis_reader_feed(c->reader, bytes);
	c->answer_bytes += bytes.n;
	if (c->parked)
		return;
	conn_wait_more(c);
	conn_answers(c);
}

static void
on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	static char bytes[65536]; /* used up before the read callback returns */

	*buf = uv_buf_init(bytes, sizeof bytes);
}

/* ---- writing ---- */

static void
on_written(uv_write_t *req, int status)
{
	struct write *w = container_of(req, struct write, req);
	struct redis_conn *c = req->handle->data;

	buf_deinit(&w->bytes);
	free(w);
	if (status < 0 && status != UV_ECANCELED)
		conn_down(c, uv_strerror(status));
}

/* Takes the bytes over. */
static void
conn_write(struct redis_conn *c, struct buf *out)
{
	struct write *w;
	uv_buf_t bytes;

	if (out->n == 0)
		return;
	w = xcalloc(1, sizeof *w);
	w->bytes = *out;
	*out = (struct buf){ 0 };
	bytes = uv_buf_init(w->bytes.p, (unsigned)w->bytes.n);
	if (uv_write(&w->req, &c->u.stream, &bytes, 1, on_written) < 0) {
		/* The stream is dead; its read callback says so. */
		buf_deinit(&w->bytes);
		free(w);
	}
}

void
redis_conn_flush(struct redis_conn *c)
{
	struct slice out = buf_slice(&c->out);

	if (c->closed || !c->connected || out.n == 0)
		return;
	if (!c->tls) {
		conn_write(c, &c->out);
		return;
	}
	/* A session that cannot write says why when it is read. */
	(void)!tls_session_write(c->tls, &out, 1, &c->secret);
	buf_deinit(&c->out);
	conn_write(c, &c->secret);
}

static struct command *
conn_queue(struct redis_conn *c, redis_answer_fn answer, void *userdata, struct slice tag)
{
	struct command *command = xcalloc(1, sizeof *command + tag.n);

	command->answer = answer;
	command->userdata = userdata;
	command->tag_n = tag.n;
	if (tag.n)
		memcpy(command->tag, tag.p, tag.n);
	*c->last = command;
	c->last = &command->next;
	if (c->pending++ == 0 && c->connected && !c->closed)
		conn_wait(c);
	return command;
}

static void
pack(struct redis_conn *c, size_t argc, const struct slice *argv)
{
	size_t first = argc, end = argc;

	if (c->key_tag.n)
		redis_tag_keys(argc, argv, &first, &end);
	buf_addf(&c->out, "*%zu\r\n", argc);
	for (size_t i = 0; i < argc; i++) {
		struct slice tag = i >= first && i < end ? c->key_tag : SLICE("");

		buf_addf(&c->out, "$%zu\r\n", tag.n + argv[i].n);
		buf_adds(&c->out, tag);
		buf_adds(&c->out, argv[i]);
		buf_adds(&c->out, SLICE("\r\n"));
	}
}

/* Another node answers one command alone. What belongs together is not torn apart: it is refused
 * as long as its keys are on their way. */
static bool
stands_alone(struct redis_conn *c, struct slice word)
{
	if (slice_eq(word, SLICE("WATCH")) || slice_eq(word, SLICE("MULTI")))
		c->joined = true;
	else if (slice_eq(word, SLICE("EXEC")) || slice_eq(word, SLICE("UNWATCH")))
		c->joined = false;
	return !c->joined;
}

void
redis_conn_command(struct redis_conn *c, redis_answer_fn answer, void *userdata, struct slice tag,
		   size_t argc, const struct slice *argv)
{
	struct command *command = conn_queue(c, answer, userdata, tag);
	size_t before = c->out.n;

	pack(c, argc, argv);
	if (stands_alone(c, argv[0]) && c->follows) {
		command->scan = slice_eq(argv[0], SLICE("SCAN"));
		buf_add(&command->bytes, c->out.p + before, c->out.n - before);
	}
}

void
redis_conn_bytes(struct redis_conn *c, redis_answer_fn answer, void *userdata, struct slice bytes)
{
	conn_queue(c, answer, userdata, SLICE(""));
	buf_adds(&c->out, bytes);
}

void
redis_conn_found(struct redis_conn *c, struct slice tag)
{
	c->found = true;
	c->key_tag = tag;
}

void
redis_conn_follow(struct redis_conn *c, bool follow)
{
	c->follows = follow;
}

void
redis_conn_resume(struct redis_conn *c, const struct redis_reply *r)
{
	c->parked = false;
	command_end(c, r);
	conn_answers(c);
	/* A stream that is dead says so when it is written to. */
	if (!c->closed && !c->parked)
		(void)!uv_read_start(&c->u.stream, on_alloc, on_read);
}

size_t
redis_conn_pending(const struct redis_conn *c)
{
	return c->pending;
}

struct slice
redis_conn_oversized(const struct redis_conn *c)
{
	if (!c->oversized || !c->first)
		return SLICE("");
	return slice_make(c->first->tag, c->first->tag_n);
}

/* ---- connecting ---- */

static bool
conn_up(void *userdata)
{
	struct redis_conn *c = userdata;

	c->connected = true;
	conn_wait(c);
	c->ops->up(c->userdata);
	if (!c->closed)
		redis_conn_flush(c);
	return !c->closed;
}

static bool
conn_data(void *userdata, struct slice plain)
{
	struct redis_conn *c = userdata;

	conn_feed(c, plain);
	return !c->closed;
}

/* Encrypted bytes of the server; none at the start. */
static void
conn_take(struct redis_conn *c, struct slice in)
{
	static const struct tls_feed_ops ops = { conn_up, conn_data };
	int r = tls_feed(c->tls, in, &c->secret, &ops, c);
	char text[160];

	if (c->closed)
		return;
	conn_write(c, &c->secret);
	if (r == TLS_CLOSED)
		conn_down(c, "the server closed the connection");
	if (r >= 0)
		return;
	snprintf(text, sizeof text, "TLS: %s", tls_session_why(c->tls));
	conn_down(c, text);
}

static void
on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct redis_conn *c = stream->data;

	if (c->closed || n == 0)
		return;
	if (n < 0)
		conn_down(c,
			  n == UV_EOF ? "the server closed the connection" : uv_strerror((int)n));
	else if (c->tls)
		conn_take(c, slice_make(buf->base, (size_t)n));
	else
		conn_feed(c, slice_make(buf->base, (size_t)n));
}

/* Packets that vanish are noticed by the kernels, which answer one another even while a server is
 * busy for long: its answers have their own deadline. */
static void
conn_watch(struct redis_conn *c)
{
	const int on = 1, second = 1, vanished = VANISHED_MS;
	int fd;

	uv_tcp_nodelay(&c->u.tcp, 1);
	if (uv_fileno(&c->u.handle, &fd) < 0)
		return;
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &second, sizeof second);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &second, sizeof second);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &vanished, sizeof vanished);
}

static void
on_connected(uv_connect_t *req, int status)
{
	struct redis_conn *c = container_of(req, struct redis_conn, connect);

	if (c->closed)
		return;
	if (status == 0)
		status = uv_read_start(&c->u.stream, on_alloc, on_read);
	if (status < 0) {
		conn_down(c, uv_strerror(status));
		return;
	}
	if (c->u.handle.type == UV_TCP)
		conn_watch(c);
	c->late = false;
	uv_timer_start(&c->timer, on_timer, c->answer_ms, 0);
	if (c->tls)
		conn_take(c, SLICE(""));
	else
		conn_up(c);
}

static int
conn_connect(struct redis_conn *c, const struct sockaddr *address)
{
	if (address->sa_family != AF_UNIX)
		return uv_tcp_connect(&c->connect, &c->u.tcp, address, on_connected);
	uv_pipe_connect(&c->connect, &c->u.pipe, ((const struct sockaddr_un *)address)->sun_path,
			on_connected);
	return 0;
}

int
redis_conn_new(uv_loop_t *loop, const struct sockaddr *address, struct tls_context *tls,
	       const char *peer, uint32_t connect_ms, uint32_t answer_ms,
	       const struct redis_conn_ops *ops, void *userdata, struct redis_conn **out)
{
	struct redis_conn *c = xcalloc(1, sizeof *c);
	int r;

	c->ops = ops;
	c->userdata = userdata;
	c->answer_ms = answer_ms;
	c->last = &c->first;
	c->reader = redis_reader_new();
	r = !c->reader                      ? -ENOMEM
	    : address->sa_family == AF_UNIX ? uv_pipe_init(loop, &c->u.pipe, 0)
					    : uv_tcp_init(loop, &c->u.tcp);
	if (r < 0) {
		conn_free(c);
		return r;
	}
	uv_timer_init(loop, &c->timer);
	c->u.handle.data = c;
	c->timer.data = c;
	c->handles = 2;
	c->tls = tls ? tls_session_new(tls) : NULL;
	r = tls ? tls_session_set_peer(c->tls, peer) : 0;
	if (r == 0)
		r = conn_connect(c, address);
	if (r < 0) {
		redis_conn_close(c);
		return r;
	}
	uv_timer_start(&c->timer, on_timer, connect_ms, 0);
	*out = c;
	return 0;
}
