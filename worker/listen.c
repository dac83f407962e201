#include "listen.h"

#include "caps.h"
#include "client.h"
#include "pool.h"
#include "shed.h"
#include "takeover.h"

#include "lib/log.h"
#include "lib/stream_peer.h"
#include "lib/xalloc.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#define ACCEPT_BATCH 64 /* per turn and socket, so that connections do not starve requests */
#define QUEUE_MAX 4096  /* of connections that are served although we stop */
#define MAKE_ROOM 64    /* for so many newcomers at a time */
/* Bytes that a client is not ready for may wait in the kernel: an ordinary answer, so that a slow
 * reader does not hold its upstream, but not the megabytes that the kernel would take of each. */
#define UNSENT_MAX 524288

/* Connections that wait for us to accept them. */
static unsigned
waiting(const struct listener *l)
{
	struct tcp_info info;
	socklen_t n = sizeof info;
	struct pollfd p = { .fd = l->fd, .events = POLLIN };

	if (!l->accepting)
		return 0;
	if (l->family != AF_UNIX && getsockopt(l->fd, IPPROTO_TCP, TCP_INFO, &info, &n) == 0)
		return info.tcpi_unacked; /* of a socket that listens: the length of its queue */
	return poll(&p, 1, 0) == 1;
}

/* For whoever waits. The least valuable connections go first: where descriptors lack those of
 * pools, then those of clients. True: in the next turn there is some, or nobody waits. */
static bool
make_room(struct worker *w)
{
	unsigned wanted = 0;

	list_for (pos, &w->listeners)
		wanted += waiting(container_of(pos, struct listener, link));
	if (wanted > 0 && !caps_descriptors(w))
		pool_close_all(w);
	if (wanted > MAKE_ROOM)
		wanted = MAKE_ROOM;
	return wanted == 0 || shed_connections(w, wanted) > 0;
}

/* Until the tick, where there is no room in the next turn already. */
static void
pause_all(struct worker *w)
{
	if (make_room(w))
		return;
	if (!w->accept_paused)
		board_add(&w->page->counts.counter[COUNTER_accept_paused], 1);
	w->accept_paused = true;
	list_for (pos, &w->listeners) {
		struct listener *l = container_of(pos, struct listener, link);

		if (l->accepting)
			uv_poll_stop(&l->poll);
	}
}

/* False when the queue is empty. */
static bool
accept_one(struct listener *l)
{
	struct sockaddr_storage from = { 0 };
	socklen_t n = sizeof from;
	int fd = accept4(l->fd, (struct sockaddr *)&from, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			pause_all(l->worker);
		return errno == ECONNABORTED || errno == EINTR;
	}
	if (l->family == AF_UNIX)
		from.ss_family = AF_UNIX;
	client_open(l->worker, fd, &l->info, &from);
	return true;
}

/* As many at a time as there were lately: to ask once more and hear that nobody is there costs a
 * system call. Who is left in the queue is told of again. */
static void
listener_on_poll(uv_poll_t *poll, int status, int events)
{
	struct listener *l = container_of(poll, struct listener, poll);
	unsigned n = 0;

	for (; n < l->batch; n++) {
		if (!caps_room(l->worker)) {
			pause_all(l->worker);
			return;
		}
		if (l->info.kind == LISTENER_TAKEOVER) {
			takeover_accept(l->worker, l->fd);
			return;
		}
		if (!accept_one(l))
			break;
	}
	if (n < l->batch)
		l->batch = n ? n : 1;
	else if (l->batch < ACCEPT_BATCH)
		l->batch *= 2;
}

static void
listener_start(struct listener *l)
{
	if (l->accepting && !l->worker->accept_paused)
		uv_poll_start(&l->poll, UV_READABLE, listener_on_poll);
}

static int
family_of(int fd)
{
	struct sockaddr_storage a = { 0 };
	socklen_t n = sizeof a;

	return getsockname(fd, (struct sockaddr *)&a, &n) < 0 ? AF_UNSPEC : a.ss_family;
}

void
listener_add(struct worker *w, const struct msg_listener *info, int fd, bool held)
{
	struct listener *l = xcalloc(1, sizeof *l);

	l->worker = w;
	l->info = *info;
	l->fd = fd;
	l->family = family_of(fd);
	l->batch = 1;
	if (l->family != AF_UNIX) { /* what is accepted inherits it */
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
		/* A worker that somebody took over may have left it other than it was. */
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){ 0 }, sizeof(struct linger));
		setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &(int){ 0 }, sizeof(int));
		setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &(int){ UNSENT_MAX }, sizeof(int));
		stream_peer_watch(fd);
	}
	if (uv_poll_init(&w->loop, &l->poll, fd) < 0) {
		log_error("listener id=%u slot=%u cannot be used", info->id, info->slot);
		close(fd);
		free(l);
		return;
	}
	list_push(&w->listeners, &l->link);
	l->accepting = !held && !w->draining;
	listener_start(l);
}

static void
listener_on_closed(uv_handle_t *handle)
{
	struct listener *l = container_of((uv_poll_t *)handle, struct listener, poll);

	free(l);
}

static void
listener_close(struct listener *l)
{
	int fd = l->fd;

	list_remove(&l->link);
	uv_close((uv_handle_t *)&l->poll, listener_on_closed);
	close(fd); /* after uv_close has taken it out of the poll set */
}

void
listener_remove(struct worker *w, const struct msg_listener *info)
{
	list_for_safe (pos, tmp, &w->listeners) {
		struct listener *l = container_of(pos, struct listener, link);

		if (l->info.id == info->id && l->info.slot == info->slot &&
		    l->info.kind == info->kind)
			listener_close(l);
	}
}

void
listeners_stop(struct worker *w)
{
	list_for_safe (pos, tmp, &w->listeners) {
		struct listener *l = container_of(pos, struct listener, link);

		for (int i = 0; i < QUEUE_MAX && l->accepting &&
				l->info.kind != LISTENER_TAKEOVER && accept_one(l);
		     i++)
			;
		listener_close(l);
	}
}

void
listeners_check(struct worker *w)
{
	caps_look(w);
	if (!w->accept_paused)
		return;
	if (!caps_room(w)) {
		if (!make_room(w))
			return;
	}
	w->accept_paused = false;
	list_for (pos, &w->listeners)
		listener_start(container_of(pos, struct listener, link));
}

void
listeners_orphaned(struct worker *w)
{
	list_for (pos, &w->listeners) {
		struct listener *l = container_of(pos, struct listener, link);

		if (l->info.kind != LISTENER_TAKEOVER)
			continue;
		l->accepting = true;
		listener_start(l);
	}
}
