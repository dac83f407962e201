#include "stream.h"

#include "stream_internal.h"
#include "stream_peer.h"
#include "xalloc.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

void
stream_env_init(struct stream_env *env, uv_loop_t *loop)
{
	*env = (struct stream_env){ .loop = loop,
				    .buffer = xmalloc(STREAM_LEAD + STREAM_READ_SIZE),
				    .most = UINT64_MAX };
	list_init(&env->paused);
	list_init(&env->late);
	list_init(&env->due);
}

void
stream_env_deinit(struct stream_env *env)
{
	free(env->buffer);
	env->buffer = NULL;
	buf_deinit(&env->out);
}

void
stream_env_allow(struct stream_env *env, uint64_t room)
{
	env->taken = 0;
	env->most = room < UINT64_MAX - env->queued ? env->queued + room : UINT64_MAX;
}

static void
stream_init(struct stream *s, struct stream_env *env, const struct stream_ops *ops)
{
	s->env = env;
	s->ops = ops;
	s->sent = s->queued = s->seen = 0;
	s->reading = s->full = s->flushing = s->closing = s->ended = s->heavy = 0;
	s->pace = 0;
	s->tls = NULL;
	list_init(&s->link);
	s->uv.handle.data = s;
	env->open++;
}

static void
stream_report_end(struct stream *s, int error)
{
	if (s->ended || s->closing)
		return;
	s->ended = 1;
	list_remove(&s->link);
	s->ops->end(s, error);
	if (error == 0 && !s->closing) /* what is left of it may be reset */
		list_push(&s->env->paused, &s->link);
}

/* After the end of what the peer sends: it takes no more either. */
static void
stream_report_reset(struct stream *s)
{
	list_remove(&s->link);
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
		stream_report_end(s, s->tls && !stream_tls_ended(s) ? -ECONNRESET : 0);
}

void
stream_env_check(struct stream_env *env)
{
	struct list due;

	list_take(&env->paused, &due);
	list_drain (pos, &due) { /* a callback may close any of them */
		struct stream *s = container_of(pos, struct stream, link);
		struct pollfd p = { .events = 0 };

		list_push(&env->paused, &s->link);
		if (uv_fileno(&s->uv.handle, &p.fd) < 0 || poll(&p, 1, 0) != 1)
			continue;
		if (!s->ended)
			stream_hung_up(s, p.fd, p.revents);
		else if (p.revents & POLLERR)
			stream_report_reset(s);
	}
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
	int fd;

	if (s->closing)
		return;
	if (status == 0 && s->uv.handle.type == UV_TCP) {
		uv_tcp_nodelay(&s->uv.tcp, 1);
		if (uv_fileno(&s->uv.handle, &fd) == 0)
			stream_peer_watch(fd);
	}
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

static bool
turn_is_over(const struct stream_env *env)
{
	return env->spent > STREAM_TURN_NS;
}

ssize_t
stream_receive(struct stream *s, size_t at, bool *full)
{
	size_t size = stream_env_is_tight(s->env) || turn_is_over(s->env) ? STREAM_READ_LEAST
		      : s->pace > 0                                       ? STREAM_READ_SIZE
									  : STREAM_READ_SMALL;
	ssize_t n;
	int fd;

	if (uv_fileno(&s->uv.handle, &fd) < 0)
		return -EBADF;
	do {
		n = recv(fd, s->env->buffer + at, size, MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	*full = n == (ssize_t)size;
	if (n < 0)
		return -errno;
	if (n >= (ssize_t)STREAM_READ_SMALL && s->pace < 1)
		s->pace++;
	return n;
}

void
stream_end(struct stream *s, int error)
{
	uv_read_stop(&s->uv.stream);
	stream_report_end(s, error);
}

/* A part of what there is. Is there more? Much began at *begin, unless something did before. */
static bool
stream_read_part(struct stream *s, uint64_t *begin)
{
	bool tls = s->tls != NULL, full;
	ssize_t n = stream_receive(s, tls ? STREAM_LEAD : 0, &full);

	if (n == -EAGAIN)
		return false;
	if (n <= 0) {
		if (tls)
			stream_tls_over(s, stream_tls_cut(n));
		else
			stream_end(s, (int)n);
		return false;
	}
	if (n >= (ssize_t)STREAM_READ_LEAST && *begin == 0)
		*begin = uv_hrtime();
	if (tls)
		stream_tls_feed(s, slice_make(s->env->buffer + STREAM_LEAD, (size_t)n));
	else
		s->ops->data(s, slice_make(s->env->buffer, (size_t)n));
	return full;
}

static void
stream_readable(struct stream *s)
{
	bool tls = s->tls != NULL; /* what comes may be where it begins (stream_accept_tls) */
	uint64_t begin = 0, spent = 0;
	unsigned reads = 0;
	bool more;

	do {
		more = stream_read_part(s, &begin);
		spent = begin > 0 ? uv_hrtime() - begin : 0;
		reads++;
	} while (more && reads < STREAM_READS_A_TURN && s->env->spent + spent <= STREAM_TURN_NS &&
		 s->reading && !s->closing && (s->tls != NULL) == tls);
	if (reads == 1 && spent > STREAM_TURN_NS)
		s->pace = STREAM_PACE_PENALTY; /* one read was too much already */
	s->heavy = begin > 0;
	s->env->spent += spent;
}

/* Whoever came too late before is first: the loop tells of all of them in the same order each time.
 */
static bool
is_late(struct stream *s)
{
	struct stream_env *env = s->env;

	if (list_empty(&s->link) && s->heavy && (turn_is_over(env) || !list_empty(&env->late)))
		list_push(&env->late, &s->link);
	return !list_empty(&s->link);
}

static void
late_turn(struct stream_env *env)
{
	env->spent = 0;
	while (!list_empty(&env->late) && !turn_is_over(env)) {
		struct stream *s = container_of(env->late.next, struct stream, link);

		list_remove(&s->link);
		stream_readable(s);
	}
	env->spent = 0;
}

void
stream_env_turn(struct stream_env *env)
{
	late_turn(env);
	stream_handshakes_turn(env);
}

static void
stream_on_read(uv_stream_t *stream, ssize_t status, const uv_buf_t *buf)
{
	struct stream *s = stream->data;

	/* Another status is an error of libuv's own: it does not do that today, but may. */
	if (status != UV_ENOBUFS)
		stream_report_end(s, (int)status);
	else if (s->tls && s->tls->state != TLS_OPEN)
		stream_tls_due(s->tls);
	else if (!is_late(s))
		stream_readable(s);
}

int
stream_read(struct stream *s)
{
	if (s->reading || s->closing || s->ended)
		return 0;
	list_remove(&s->link);
	s->reading = 1;
	if (s->tls)
		stream_tls_resumed(s);
	return uv_read_start(&s->uv.stream, stream_on_alloc, stream_on_read);
}

void
stream_pause(struct stream *s)
{
	if (!s->reading || s->closing || s->ended)
		return;
	s->reading = 0;
	s->pace = STREAM_PACE_PENALTY;
	uv_read_stop(&s->uv.stream);
	list_remove(&s->link);
	list_push(&s->env->paused, &s->link);
}

static void
stream_on_close(uv_handle_t *handle)
{
	struct stream *s = handle->data;

	s->env->open--;
	stream_tls_free(s);
	s->ops->closed(s);
}

void
stream_close(struct stream *s)
{
	if (s->closing)
		return;
	if (s->queued == 0)
		stream_tls_finish(s);
	stream_tls_stop(s);
	s->closing = 1;
	list_remove(&s->link);
	uv_close(&s->uv.handle, stream_on_close);
}

void
stream_reset(struct stream *s)
{
	if (s->closing)
		return;
	stream_tls_stop(s);
	s->closing = 1;
	list_remove(&s->link);
	/* Refused while a shutdown is under way: then an ordinary close has to do. */
	if (s->uv.handle.type != UV_TCP || uv_tcp_close_reset(&s->uv.tcp, stream_on_close) < 0)
		uv_close(&s->uv.handle, stream_on_close);
}
