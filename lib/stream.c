#include "stream.h"

#include "xalloc.h"

#include <assert.h>
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define PARTS_MAX 64
#define READS_A_TURN 32 /* of one stream, before the others have their turn */
#define PACE_PENALTY                                                                               \
	(-3) /* full reads before a source that was paused gets large ones again: more than fit in \
		between */

struct stream_chunk { /* bytes that wait for the kernel */
	uv_write_t req;
	size_t size;
	char bytes[];
};

struct stream_end {
	uv_shutdown_t req;
};

void
stream_env_init(struct stream_env *env, uv_loop_t *loop)
{
	*env = (struct stream_env){ .loop = loop, .buffer = xmalloc(STREAM_READ_SIZE) };
	list_init(&env->paused);
}

void
stream_env_deinit(struct stream_env *env)
{
	free(env->buffer);
	env->buffer = NULL;
}

static void
stream_init(struct stream *s, struct stream_env *env, const struct stream_ops *ops)
{
	s->env = env;
	s->ops = ops;
	s->queued = s->seen = 0;
	s->reading = s->full = s->flushing = s->closing = s->ended = 0;
	s->pace = 0;
	list_init(&s->paused);
	s->uv.handle.data = s;
	env->open++;
}

static void
stream_report_end(struct stream *s, int error)
{
	if (s->ended || s->closing)
		return;
	s->ended = 1;
	list_remove(&s->paused);
	s->ops->end(s, error);
	if (error == 0 && !s->closing) /* what is left of it may be reset */
		list_push(&s->env->paused, &s->paused);
}

/* After the end of what the peer sends: it takes no more either. */
static void
stream_report_reset(struct stream *s)
{
	list_remove(&s->paused);
	s->ops->drained(s, -ECONNRESET);
}

/* Closed on both sides is an end only when nothing is left to read. */
static void
stream_hung_up(struct stream *s, int fd, int events)
{
	int unread = 0;
	bool known = ioctl(fd, FIONREAD, &unread) == 0;

	if ((events & POLLERR) && !(s->ops->patient && unread > 0))
		stream_report_end(s, -ECONNRESET);
	else if (!(events & POLLERR) && (events & POLLHUP) && known && unread == 0)
		stream_report_end(s, 0);
}

void
stream_env_check(struct stream_env *env)
{
	struct list due;

	list_take(&env->paused, &due);
	while (!list_empty(&due)) { /* a callback may close any of them */
		struct stream *s = container_of(due.next, struct stream, paused);
		struct pollfd p = { .events = 0 };

		list_remove(&s->paused);
		list_push(&env->paused, &s->paused);
		if (uv_fileno(&s->uv.handle, &p.fd) < 0 || poll(&p, 1, 0) != 1)
			continue;
		if (!s->ended)
			stream_hung_up(s, p.fd, p.revents);
		else if (p.revents & POLLERR)
			stream_report_reset(s);
	}
}

/* What the peer has not taken yet. The kernel's part counts: it asks for more only when a third of
 * its buffer is free, for which a slow reader may need minutes. */
static size_t
stream_left(const struct stream *s)
{
	int fd, unsent = 0;

	if (uv_fileno(&s->uv.handle, &fd) < 0 || ioctl(fd, SIOCOUTQ, &unsent) < 0)
		unsent = 0;
	return s->uv.stream.write_queue_size + (size_t)unsent;
}

bool
stream_progressed(struct stream *s)
{
	size_t left = stream_left(s);
	bool progressed = left < s->seen;

	s->seen = left;
	return progressed;
}

static int
stream_init_handle(struct stream *s, struct stream_env *env, int family)
{
	return family == AF_UNIX ? uv_pipe_init(env->loop, &s->uv.pipe, 0)
				 : uv_tcp_init(env->loop, &s->uv.tcp);
}

int
stream_open(struct stream *s, struct stream_env *env, const struct stream_ops *ops, int fd,
	    int family)
{
	int r = stream_init_handle(s, env, family);

	assert(r == 0);
	stream_init(s, env, ops);
	r = family == AF_UNIX ? uv_pipe_open(&s->uv.pipe, fd) : uv_tcp_open(&s->uv.tcp, fd);
	if (r < 0)
		close(fd);
	return r;
}

static void
stream_on_connect(uv_connect_t *req, int status)
{
	struct stream_connect *c = container_of(req, struct stream_connect, req);
	struct stream *s = req->handle->data;

	if (s->closing)
		return;
	if (status == 0 && s->uv.handle.type == UV_TCP)
		uv_tcp_nodelay(&s->uv.tcp, 1);
	c->done(s, status);
}

int
stream_connect(struct stream *s, struct stream_env *env, const struct stream_ops *ops,
	       struct stream_connect *c, const struct sockaddr *address, const char *path,
	       stream_connected_fn done)
{
	int r = stream_init_handle(s, env, path ? AF_UNIX : address->sa_family);

	assert(r == 0);
	stream_init(s, env, ops);
	c->done = done;
	if (path) {
		uv_pipe_connect(&c->req, &s->uv.pipe, path, stream_on_connect);
		return 0;
	}
	return uv_tcp_connect(&c->req, &s->uv.tcp, address, stream_on_connect);
}

/* libuv only says that there is something to read. Given no buffer it does not read itself, but
 * calls stream_on_read with UV_ENOBUFS (documented with uv_read_cb): recv is cheaper than its read
 * by what a file has that a socket has not. */
static void
stream_on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	*buf = uv_buf_init(NULL, 0);
}

/* Bytes read into the buffer, 0 at the end, or a negative errno. */
static ssize_t
stream_recv(const struct stream *s, size_t size)
{
	ssize_t n;
	int fd;

	if (uv_fileno(&s->uv.handle, &fd) < 0)
		return -EBADF;
	do {
		n = recv(fd, s->env->buffer, size, MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

static void
stream_on_read(uv_stream_t *stream, ssize_t status, const uv_buf_t *buf)
{
	struct stream *s = stream->data;
	size_t size;
	ssize_t n;

	if (status !=
	    UV_ENOBUFS) { /* an error of libuv's own: it does not do that today, but may */
		stream_report_end(s, (int)status);
		return;
	}
	for (int turn = 0; turn < READS_A_TURN && s->reading && !s->closing; turn++) {
		size = s->pace > 0 ? STREAM_READ_SIZE : STREAM_READ_SMALL;
		n = stream_recv(s, size);
		if (n == -EAGAIN)
			return;
		if (n <= 0) {
			uv_read_stop(stream);
			stream_report_end(s, (int)n);
			return;
		}
		if (n >= (ssize_t)STREAM_READ_SMALL && s->pace < 1)
			s->pace++;
		s->ops->data(s, slice_make(s->env->buffer, (size_t)n));
		if ((size_t)n < size)
			return;
	}
}

int
stream_read(struct stream *s)
{
	if (s->reading || s->closing || s->ended)
		return 0;
	list_remove(&s->paused);
	s->reading = 1;
	return uv_read_start(&s->uv.stream, stream_on_alloc, stream_on_read);
}

void
stream_pause(struct stream *s)
{
	if (!s->reading || s->closing || s->ended)
		return;
	s->reading = 0;
	s->pace = PACE_PENALTY;
	uv_read_stop(&s->uv.stream);
	list_push(&s->env->paused, &s->paused);
}

static void
stream_on_write(uv_write_t *req, int status)
{
	struct stream_chunk *chunk = container_of(req, struct stream_chunk, req);
	struct stream *s = req->handle->data;

	s->queued -= chunk->size;
	free(chunk);
	if (s->closing)
		return;
	if (status < 0) {
		s->ops->drained(s, status);
	} else if ((s->full && s->queued <= STREAM_LOW) || (s->flushing && s->queued == 0)) {
		s->full = 0;
		s->flushing = s->flushing && s->queued > 0;
		s->ops->drained(s, 0);
	}
}

/* Copies what lies behind the first `skip` bytes of the parts and leaves it to libuv. */
static int
stream_queue(struct stream *s, const struct slice *parts, unsigned n, size_t skip, size_t left)
{
	struct stream_chunk *chunk = xmalloc(sizeof *chunk + left);
	uv_buf_t buf = uv_buf_init(chunk->bytes, (unsigned)left);
	size_t at = 0;
	int r;

	for (unsigned i = 0; i < n; i++) {
		size_t off = skip < parts[i].n ? skip : parts[i].n;

		skip -= off;
		memcpy(chunk->bytes + at, parts[i].p + off, parts[i].n - off);
		at += parts[i].n - off;
	}
	chunk->size = left;
	r = uv_write(&chunk->req, &s->uv.stream, &buf, 1, stream_on_write);
	if (r < 0) {
		free(chunk);
		return r;
	}
	s->queued += left;
	if (s->queued <= STREAM_HIGH)
		return 0;
	s->full = 1;
	s->seen = stream_left(s);
	return STREAM_FULL;
}

/* What the kernel takes at once. We ask it ourselves: send is cheaper than write by what a file has
 * that a socket has not, and than libuv's way to it. Bytes taken, or a negative errno. */
static ssize_t
stream_send(const struct stream *s, const struct slice *parts, unsigned n)
{
	struct iovec iov[PARTS_MAX];
	struct msghdr message = { .msg_iov = iov, .msg_iovlen = n };
	ssize_t r;
	int fd;

	if (uv_fileno(&s->uv.handle, &fd) < 0)
		return -EBADF;
	for (unsigned i = 0; i < n; i++)
		iov[i] = (struct iovec){ (char *)(uintptr_t)parts[i].p, parts[i].n };
	do {
		r = n == 1 ? send(fd, parts->p, parts->n, MSG_NOSIGNAL | MSG_DONTWAIT)
			   : sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (r < 0 && errno == EINTR);
	if (r >= 0)
		return r;
	return errno == EAGAIN || errno == ENOBUFS ? 0 : -errno;
}

int
stream_write(struct stream *s, const struct slice *parts, unsigned n)
{
	size_t total = 0;
	ssize_t r = 0;

	assert(n <= PARTS_MAX && !s->closing);
	for (unsigned i = 0; i < n; i++)
		total += parts[i].n;
	if (total == 0)
		return s->full ? STREAM_FULL : 0;
	if (s->queued == 0) {
		r = stream_send(s, parts, n);
		if (r < 0)
			return (int)r;
		if ((size_t)r == total)
			return 0;
	}
	return stream_queue(s, parts, n, (size_t)r, total - (size_t)r);
}

bool
stream_flush(struct stream *s)
{
	if (s->queued == 0)
		return true;
	if (!s->flushing && !s->full)
		s->seen = stream_left(s);
	s->flushing = 1;
	return false;
}

static void
stream_on_shutdown(uv_shutdown_t *req, int status)
{
	free(container_of(req, struct stream_end, req));
}

int
stream_shutdown(struct stream *s)
{
	struct stream_end *end = xmalloc(sizeof *end);
	int r = uv_shutdown(&end->req, &s->uv.stream, stream_on_shutdown);

	if (r < 0)
		free(end);
	return r;
}

static void
stream_on_close(uv_handle_t *handle)
{
	struct stream *s = handle->data;

	s->env->open--;
	s->ops->closed(s);
}

void
stream_close(struct stream *s)
{
	if (s->closing)
		return;
	s->closing = 1;
	list_remove(&s->paused);
	uv_close(&s->uv.handle, stream_on_close);
}

void
stream_reset(struct stream *s)
{
	if (s->closing)
		return;
	s->closing = 1;
	list_remove(&s->paused);
	/* Refused while a shutdown is under way: then an ordinary close has to do. */
	if (s->uv.handle.type != UV_TCP || uv_tcp_close_reset(&s->uv.tcp, stream_on_close) < 0)
		uv_close(&s->uv.handle, stream_on_close);
}
