#include "ipc.h"

#include "xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * On the wire: the type (uint32_t, host order), then the body, in one SEQPACKET record with at most
 * one descriptor. The record's size is the body's. A record that is too short or too long, or has
 * more descriptors, ends the channel.
 */

#define QUEUE_MAX 4096
#define READS_PER_TURN 64 /* so that one busy peer does not hold up the loop */

struct ipc_pending {
	struct ipc_pending *next;
	size_t n;
	uint32_t type;
	int fd;
	char body[];
};

union control { /* room for two descriptors: the second one is an offence that must be seen to be
		   closed */
	struct cmsghdr align;
	char bytes[CMSG_SPACE(2 * sizeof(int))];
};

static void ipc_ready(uv_poll_t *poll, int status, int events);

static int
ipc_watch(struct ipc *ipc, int events)
{
	if (ipc->events == events)
		return 0;
	ipc->events = events;
	return uv_poll_start(&ipc->poll, events, ipc_ready);
}

static int
reading(const struct ipc *ipc)
{
	return ipc->held ? 0 : UV_READABLE;
}

static int
record_send(int sock, uint32_t type, const void *body, size_t n, int fd)
{
	union control control = { 0 };
	struct iovec parts[] = {
		{ .iov_base = &type, .iov_len = sizeof type },
		{ .iov_base = (void *)body, .iov_len = n },
	};
	struct msghdr msg = { .msg_iov = parts, .msg_iovlen = 2 };

	if (fd >= 0) {
		struct cmsghdr *c;

		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(sizeof(int));
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof fd);
	}
	for (;;) {
		if (sendmsg(sock, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
			return 0;
		if (errno != EINTR)
			return errno == ECONNRESET || errno == ENOTCONN ? -EPIPE : -errno;
	}
}

static void
pending_free(struct ipc_pending *p)
{
	if (p->fd >= 0)
		close(p->fd);
	free(p);
}

static int
ipc_enqueue(struct ipc *ipc, uint32_t type, const void *body, size_t n, int fd)
{
	struct ipc_pending *p;
	int copy = -1;

	if (ipc->queued >= QUEUE_MAX)
		return -ENOBUFS;
	if (fd >= 0) {
		copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
		if (copy < 0)
			return -errno;
	}
	p = xmalloc(sizeof *p + n);
	p->next = NULL;
	p->n = n;
	p->type = type;
	p->fd = copy;
	if (n)
		memcpy(p->body, body, n);
	if (ipc->last)
		ipc->last->next = p;
	else
		ipc->first = p;
	ipc->last = p;
	ipc->queued++;
	return ipc_watch(ipc, reading(ipc) | UV_WRITABLE);
}

void
ipc_hold(struct ipc *ipc, bool hold)
{
	ipc->held = hold;
	if (!ipc->closing && !ipc->gone)
		ipc_watch(ipc, reading(ipc) | (ipc->first ? UV_WRITABLE : 0));
}

int
ipc_put(int sock, uint32_t type, const void *body, size_t n, int fd)
{
	return n > IPC_MAX ? -EMSGSIZE : record_send(sock, type, body, n, fd);
}

int
ipc_send(struct ipc *ipc, uint32_t type, const void *body, size_t n, int fd)
{
	int r;

	if (n > IPC_MAX)
		return -EMSGSIZE;
	if (ipc->closing || ipc->gone)
		return -EPIPE;
	if (ipc->first)
		return ipc_enqueue(ipc, type, body, n, fd);
	r = record_send(ipc->fd, type, body, n, fd);
	return r == -EAGAIN ? ipc_enqueue(ipc, type, body, n, fd) : r;
}

/* Takes the descriptors out of a record. 0 with *fd (or -1), or -EBADMSG when there was more than
 * one; none is leaked. */
static int
record_fds(struct msghdr *msg, int *fd)
{
	int r = msg->msg_flags & MSG_CTRUNC ? -EBADMSG : 0;

	*fd = -1;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t n;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int got;

			memcpy(&got, CMSG_DATA(c) + i * sizeof got, sizeof got);
			if (*fd < 0 && r == 0) {
				*fd = got;
				continue;
			}
			close(got);
			r = -EBADMSG;
		}
	}
	if (r < 0 && *fd >= 0) {
		close(*fd);
		*fd = -1;
	}
	return r;
}

/* One record into `buffer`. 1: a message; 0: nothing now; negative errno: the other end is gone or
 * broke the format. */
static int
record_receive(int sock, char *buffer, size_t cap, struct ipc_message *m)
{
	union control control;
	struct iovec part = { .iov_base = buffer, .iov_len = cap };
	struct msghdr msg = { .msg_iov = &part,
			      .msg_iovlen = 1,
			      .msg_control = control.bytes,
			      .msg_controllen = sizeof control.bytes };
	ssize_t n;
	int r;

	/* ECONNRESET says that the peer left something unread; what it sent before is still to be
	 * had. */
	do {
		n = recvmsg(sock, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	} while (n < 0 && (errno == EINTR || errno == ECONNRESET));
	if (n < 0)
		return errno == EAGAIN ? 0 : -errno;
	r = record_fds(&msg, &m->fd);
	if (r < 0)
		return r;
	if (n == 0)
		r = -EPIPE;
	else if ((msg.msg_flags & MSG_TRUNC) || (size_t)n < sizeof m->type)
		r = -EBADMSG;
	if (r < 0) {
		if (m->fd >= 0)
			close(m->fd);
		return r;
	}
	memcpy(&m->type, buffer, sizeof m->type);
	m->body = slice_make(buffer + sizeof m->type, (size_t)n - sizeof m->type);
	return 1;
}

static void
ipc_gone(struct ipc *ipc)
{
	uv_poll_stop(&ipc->poll);
	ipc->gone = true;
	ipc->ops->gone(ipc->userdata, ipc);
}

/* False when the channel has ended. */
static bool
ipc_read(struct ipc *ipc)
{
	_Alignas(16) char room[16 + IPC_MAX];
	char *record =
	    room + 16 - sizeof(uint32_t); /* so that the body is aligned for any struct */

	for (int i = 0; i < READS_PER_TURN; i++) {
		struct ipc_message m = { .fd = -1 };
		int r = record_receive(ipc->fd, record, sizeof(uint32_t) + IPC_MAX, &m);

		if (r == 0)
			return true;
		if (r < 0) {
			ipc_gone(ipc);
			return false;
		}
		ipc->ops->message(ipc->userdata, ipc, &m);
		if (m.fd >= 0)
			close(m.fd);
		if (ipc->closing)
			return false;
		if (ipc->held)
			break;
	}
	return true;
}

static void
pending_drop(struct ipc *ipc)
{
	struct ipc_pending *p = ipc->first;

	ipc->first = p->next;
	if (!ipc->first)
		ipc->last = NULL;
	ipc->queued--;
	pending_free(p);
}

static void
ipc_flush(struct ipc *ipc)
{
	while (ipc->first) {
		const struct ipc_pending *p = ipc->first;
		int r = record_send(ipc->fd, p->type, p->body, p->n, p->fd);

		if (r == -EAGAIN)
			return;
		if (r < 0 && r != -EPIPE) {
			ipc_gone(ipc);
			return;
		}
		/* With nobody to send to, reading gets the peer's last words and its end. */
		pending_drop(ipc);
	}
	ipc_watch(ipc, reading(ipc));
}

static void
ipc_ready(uv_poll_t *poll, int status, int events)
{
	struct ipc *ipc = poll->data;

	/* An error on the socket (status < 0) shows itself when it is read. */
	if ((events & UV_READABLE) || status < 0) {
		if (!ipc_read(ipc))
			return;
	}
	if (events & UV_WRITABLE)
		ipc_flush(ipc);
}

int
ipc_open(struct ipc *ipc, uv_loop_t *loop, int fd, const struct ipc_ops *ops, void *userdata)
{
	int r;

	*ipc = (struct ipc){ .fd = fd, .ops = ops, .userdata = userdata };
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	r = uv_poll_init(loop, &ipc->poll, fd);
	if (r < 0) {
		close(fd);
		return r;
	}
	ipc->poll.data = ipc;
	return ipc_watch(ipc, UV_READABLE);
}

static void
ipc_on_close(uv_handle_t *handle)
{
	struct ipc *ipc = handle->data;

	if (ipc->closed)
		ipc->closed(ipc);
}

void
ipc_close(struct ipc *ipc, void (*closed)(struct ipc *ipc))
{
	if (ipc->closing)
		return;
	ipc->closing = true;
	ipc->closed = closed;
	while (ipc->first)
		pending_drop(ipc);
	uv_close((uv_handle_t *)&ipc->poll, ipc_on_close);
	close(ipc->fd);
	ipc->fd = -1;
}

int
ipc_pair(int sv[2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0 ? -errno : 0;
}
