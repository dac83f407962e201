#include "connection.h"
#include "request.h"

#include "lib/clock.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define HEAD_MAX (64 * 1024)
#define PATTERN_BYTES (256 * 1024) /* a multiple of 64 */

static char pattern[PATTERN_BYTES];

void
responder_init(struct responder *r, const char *name)
{
	for (size_t i = 0; i < sizeof pattern; i++)
		pattern[i] =
		    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[i % 64];
	r->name = name;
	list_init(&r->slow);
	r->scratch = (struct buf){ 0 };
	buf_reserve(&r->scratch, 256 * 1024);
}

struct connection *
connection_new(int fd)
{
	struct connection *c = xcalloc(1, sizeof *c);

	c->fd = fd;
	list_init(&c->link);
	return c;
}

void
connection_free(struct connection *c)
{
	list_remove(&c->link);
	close(c->fd);
	buf_deinit(&c->in);
	buf_deinit(&c->out);
	free(c);
}

/* The request is whole: the rest of the answer. */
static void
answer_begin(struct connection *c)
{
	char text[24];
	int n =
	    c->upload ? snprintf(text, sizeof text, "%llu", (unsigned long long)c->received) : 0;

	c->state = REQUEST_ANSWER;
	c->out_sent = c->body_sent = 0;
	if (c->upgrade) {
		buf_adds(&c->out, SLICE("\r\n"));
		c->echo = (struct echo){ .payload = false };
		c->close = false;
		c->state = REQUEST_ECHO;
		return;
	}
	buf_addf(&c->out, "Content-Length: %llu\r\n\r\n",
		 (unsigned long long)(c->upload ? (uint64_t)n : c->size));
	if (c->head)
		c->size = 0;
	else
		buf_add(&c->out, text, (size_t)n);
}

/* 1: the answer is sent; 0: the socket is full; negative: the connection is of no more use. */
static int
answer_send(struct connection *c)
{
	while (c->out_sent < c->out.n || c->body_sent < c->size) {
		size_t at = c->body_sent % 64, n = PATTERN_BYTES - at;
		struct iovec iov[2] = { { c->out.p + c->out_sent, c->out.n - c->out_sent },
					{ pattern + at, n } };
		struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
		ssize_t sent;

		if (c->size - c->body_sent < n)
			iov[1].iov_len = c->size - c->body_sent;
		sent = sendmsg(c->fd, &msg, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return errno == EAGAIN ? 0 : -errno;
		n = (size_t)sent < iov[0].iov_len ? (size_t)sent : iov[0].iov_len;
		c->out_sent += n;
		c->body_sent += (size_t)sent - n;
	}
	return 1;
}

/* The text up to and with `end` is taken from `in`; p == NULL when it is not there yet. */
static struct slice
take_until(struct slice *in, struct slice end)
{
	const char *hit = in->n ? memmem(in->p, in->n, end.p, end.n) : NULL;
	struct slice text = { NULL, 0 };

	if (hit) {
		text = slice_make(in->p, (size_t)(hit - in->p) + end.n);
		*in = slice_make(in->p + text.n, in->n - text.n);
	}
	return text;
}

static bool
take_text(struct responder *r, struct connection *c, struct slice *in, bool *more)
{
	struct slice text =
	    take_until(in, c->state == REQUEST_HEAD ? SLICE("\r\n\r\n") : SLICE("\r\n"));

	*more = !text.p;
	if (*more)
		return in->n < HEAD_MAX;
	if (c->state == REQUEST_HEAD)
		return request_head(r, c, text);
	if (c->state == REQUEST_CHUNK_SIZE) {
		c->left = strtoull(text.p, NULL, 16);
		c->received += c->left;
		c->state = c->left ? REQUEST_CHUNK : REQUEST_TRAILER;
		c->left += 2; /* the CRLF behind a chunk */
	} else if (text.n == 2) {
		c->state = REQUEST_WHOLE;
	}
	return true;
}

static void
take_body(struct connection *c, struct slice *in)
{
	size_t n = in->n < c->left ? in->n : (size_t)c->left;

	*in = slice_make(in->p + n, in->n - n);
	c->left -= n;
	if (c->state == REQUEST_LENGTH)
		c->received += n;
	if (c->left == 0)
		c->state = c->state == REQUEST_LENGTH ? REQUEST_WHOLE : REQUEST_CHUNK_SIZE;
}

/* Answers frames while the client takes the answers. False: the connection is over. */
static bool
echo_run(struct connection *c, struct slice *in, bool *more)
{
	int sent = answer_send(c);

	if (sent <= 0) {
		*more = true;
		return sent == 0;
	}
	c->out.n = c->out_sent = 0;
	*more = in->n == 0;
	if (c->close)
		return false;
	c->close = !echo_take(&c->echo, *in, &c->out);
	*more = *more && !c->close;
	*in = slice_make(NULL, 0);
	return true;
}

/* Handles as much of `in` as it can. False: the connection is over. */
static bool
connection_run(struct responder *r, struct connection *c, struct slice *in)
{
	bool more = false;
	int sent;

	while (!more) {
		switch (c->state) {
		case REQUEST_HEAD:
		case REQUEST_CHUNK_SIZE:
		case REQUEST_TRAILER:
			if (!take_text(r, c, in, &more))
				return false;
			break;
		case REQUEST_LENGTH:
		case REQUEST_CHUNK:
			take_body(c, in);
			more = c->left > 0;
			break;
		case REQUEST_WHOLE:
			if (c->due > clock_mono_ms()) {
				if (list_empty(&c->link))
					list_push(&r->slow, &c->link);
				return true;
			}
			answer_begin(c);
			break;
		case REQUEST_ANSWER:
			sent = answer_send(c);
			if (sent <= 0)
				return sent == 0;
			if (c->close)
				return false;
			c->state = REQUEST_HEAD;
			more = in->n == 0;
			break;
		case REQUEST_ECHO:
			if (!echo_run(c, in, &more))
				return false;
			break;
		}
	}
	return true;
}

/* Runs on what was kept and what is new, and keeps what is left. */
static bool
connection_feed(struct responder *r, struct connection *c, struct slice fresh)
{
	struct slice in = fresh;
	bool kept = c->in.n > 0;

	if (kept) {
		buf_adds(&c->in, fresh);
		in = buf_slice(&c->in);
	}
	if (!connection_run(r, c, &in))
		return false;
	if (kept) {
		memmove(c->in.p, in.p, in.n);
		c->in.n = in.n;
	} else {
		buf_adds(&c->in, in);
	}
	return true;
}

static bool
connection_read(struct responder *r, struct connection *c, bool last)
{
	for (;;) {
		ssize_t n = recv(c->fd, r->scratch.p, r->scratch.cap, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN;
		if (n == 0 || !connection_feed(r, c, slice_make(r->scratch.p, (size_t)n)))
			return false;
		if ((size_t)n < r->scratch.cap && !last)
			return true;
		if (c->state == REQUEST_ECHO &&
		    c->out_sent < c->out.n) /* read on when it took its answers */
			return true;
		if (c->in.n > HEAD_MAX * 4) /* a pipeline without end */
			return false;
	}
}

void
connection_event(struct responder *r, struct connection *c, uint32_t events)
{
	bool last = events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR), ok = true, echo = false;

	if ((events & EPOLLOUT) && (c->state == REQUEST_ANSWER || c->state == REQUEST_ECHO)) {
		echo = c->state == REQUEST_ECHO && c->out_sent < c->out.n;
		ok = connection_feed(r, c, slice_make(NULL, 0));
	}
	if (ok && ((events & EPOLLIN) || last || echo))
		ok = connection_read(r, c, last);
	if (!ok)
		connection_free(c);
}

int
responder_slow(struct responder *r)
{
	uint64_t now = clock_mono_ms(), next = UINT64_MAX;

	list_for_safe (link, tmp, &r->slow) {
		struct connection *c = container_of(link, struct connection, link);

		if (c->due > now) {
			next = c->due < next ? c->due : next;
			continue;
		}
		list_remove(link);
		if (!connection_feed(r, c, slice_make(NULL, 0)))
			connection_free(c);
	}
	return next == UINT64_MAX ? -1 : (int)(next - now);
}
