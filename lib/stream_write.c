/*
 * What goes out of a stream: at once what the kernel takes, the rest in chunks that wait for it.
 */

#include "stream_internal.h"

#include "xalloc.h"

#include <assert.h>
#include <errno.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#define PARTS_MAX 64

struct stream_chunk { /* bytes that wait for the kernel */
	uv_write_t req;
	size_t size;
	char bytes[];
};

struct stream_end {
	uv_shutdown_t req;
};

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

static void
stream_on_write(uv_write_t *req, int status)
{
	struct stream_chunk *chunk = container_of(req, struct stream_chunk, req);
	struct stream *s = req->handle->data;

	s->queued -= chunk->size;
	s->env->queued -= chunk->size;
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
	s->env->queued += left;
	if (s->queued <= STREAM_HIGH && !stream_env_is_tight(s->env))
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
stream_put(struct stream *s, const struct slice *parts, unsigned n)
{
	size_t total = 0;
	ssize_t r = 0;

	for (unsigned i = 0; i < n; i++)
		total += parts[i].n;
	if (total == 0)
		return s->full ? STREAM_FULL : 0;
	if (s->queued == 0) {
		r = stream_send(s, parts, n);
		if (r < 0)
			return (int)r;
	}
	s->sent += total;
	if ((size_t)r == total)
		return 0;
	return stream_queue(s, parts, n, (size_t)r, total - (size_t)r);
}

int
stream_write(struct stream *s, const struct slice *parts, unsigned n)
{
	assert(n <= PARTS_MAX && !s->closing);
	return s->tls ? stream_tls_write(s, parts, n) : stream_put(s, parts, n);
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
	int r;

	stream_tls_finish(s);
	r = uv_shutdown(&end->req, &s->uv.stream, stream_on_shutdown);

	if (r < 0)
		free(end);
	return r;
}
