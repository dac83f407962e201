#include "takeover.h"

#include "control.h"
#include "listen.h"
#include "peers.h"

#include "lib/buf.h"
#include "lib/log.h"
#include "shm/board_fields.h"
#include "shm/memfd.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

struct frame { /* as lib/ipc sends it: the type, then the body */
	uint32_t type;
	char body[64];
};

static int
send_frame(int to, uint32_t type, const void *body, size_t n, int fd)
{
	struct frame frame = { .type = type };
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { &frame, sizeof frame.type + n };
	struct msghdr message = { .msg_iov = &iov,
				  .msg_iovlen = 1,
				  .msg_control = control,
				  .msg_controllen = sizeof control };
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);

	memcpy(frame.body, body, n);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(c), &fd, sizeof fd);
	return sendmsg(to, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static bool
is_own_user(int fd)
{
	struct ucred peer;
	socklen_t n = sizeof peer;

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0 &&
	       (peer.uid == geteuid() || peer.uid == 0);
}

static int
hand_over_layout(int to)
{
	BUF_CLEAN struct buf text = { 0 };
	struct slice all;
	int fd, r;

	board_fields_write_own("", &text);
	all = buf_slice(&text);
	r = memfd_of("yett-layouts", &all, 1, &fd);
	if (r < 0)
		return r;
	r = send_frame(to, MSG_LAYOUTS, "", 0, fd);
	close(fd);
	return r;
}

static int
hand_over_pages(const struct worker_peer *all, size_t count, int to)
{
	for (size_t i = 0; i < count; i++) {
		struct msg_board b = { .slot = all[i].slot, .instance = all[i].instance };
		int r = all[i].fd < 0 ? 0 : send_frame(to, MSG_BOARD, &b, sizeof b, all[i].fd);

		if (r < 0)
			return r;
	}
	return 0;
}

static void
hand_over(struct worker *w, int to)
{
	struct msg_board own = { .slot = w->hello.slot, .instance = w->hello.instance };

	list_for (pos, &w->listeners) {
		struct listener *l = container_of(pos, struct listener, link);

		if (l->info.kind != LISTENER_TAKEOVER &&
		    send_frame(to, MSG_LISTENER, &l->info, sizeof l->info, l->fd) < 0)
			return;
	}
	if (hand_over_layout(to) < 0 || hand_over_pages(w->peers->peers, w->peers->count, to) < 0 ||
	    hand_over_pages(w->peers->earlier, w->peers->earlier_count, to) < 0)
		return;
	if (w->page_fd >= 0 && send_frame(to, MSG_BOARD, &own, sizeof own, w->page_fd) < 0)
		return;
	if (w->rates_fd >= 0 &&
	    send_frame(to, MSG_RATES, &w->rates.head, sizeof w->rates.head, w->rates_fd) < 0)
		return;
	if (w->peers->master_fd >= 0) {
		own = (struct msg_board){ .slot = BOARD_SLOT_MASTER };
		(void)send_frame(to, MSG_BOARD, &own, sizeof own, w->peers->master_fd);
	}
	log_info("takeover: sockets and board handed to the next master");
}

void
takeover_accept(struct worker *w, int listener_fd)
{
	int fd = accept4(listener_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	if (w->orphan && is_own_user(fd))
		hand_over(w, fd);
	close(fd);
}
