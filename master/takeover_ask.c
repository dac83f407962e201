/*
 * Asking whoever has the sockets and the pages of an earlier master. Up to uv_run of the gateway's
 * own loop, so it may wait.
 */

#include "takeover.h"

#include "lib/ipc.h"
#include "lib/log.h"
#include "shm/message.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_MS 2000

struct asking {
	struct takeover *takeover;
	struct inherited *in;
	uv_loop_t loop;
	uv_timer_t timer;
	struct ipc ipc;
	bool timed_out;
};

static void
hear_listener(struct asking *a, struct ipc_message *m)
{
	struct msg_listener listener;

	if (m->body.n != sizeof listener || m->fd < 0)
		return;
	memcpy(&listener, m->body.p, sizeof listener);
	takeover_add_socket(a->in, m->fd, listener.slot, "");
	m->fd = -1;
}

static void
hear_board(struct asking *a, struct ipc_message *m)
{
	struct msg_board board;

	if (m->body.n != sizeof board || m->fd < 0)
		return;
	memcpy(&board, m->body.p, sizeof board);
	if (board.slot == BOARD_SLOT_MASTER)
		takeover_add_master(a->takeover, m->fd);
	else
		takeover_add_page(a->takeover, m->fd, board.instance);
	m->fd = -1;
}

/* Only the admin worker is asked, and no traffic worker has its socket. */
static void
hear_rates(struct takeover *t, struct ipc_message *m)
{
	if (m->body.n != sizeof t->rates || m->fd < 0 || t->rates.magic)
		return;
	memcpy(&t->rates, m->body.p, sizeof t->rates);
	if (t->rates.magic) {
		t->rates_fd = m->fd;
		m->fd = -1;
	}
}

static void
on_message(void *userdata, struct ipc *ipc, struct ipc_message *m)
{
	if (m->type == MSG_LISTENER)
		hear_listener(userdata, m);
	else if (m->type == MSG_BOARD)
		hear_board(userdata, m);
	else if (m->type == MSG_LAYOUTS && m->fd >= 0)
		layouts_read(&((struct asking *)userdata)->takeover->layouts, m->fd);
	else if (m->type == MSG_RATES)
		hear_rates(((struct asking *)userdata)->takeover, m);
}

static void
on_gone(void *userdata, struct ipc *ipc)
{
	uv_stop(&((struct asking *)userdata)->loop);
}

static void
on_timeout(uv_timer_t *timer)
{
	struct asking *a = timer->data;

	a->timed_out = true;
	uv_stop(&a->loop);
}

static int
takeover_connect(const char *run_dir)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, r;

	if ((size_t)snprintf(address.sun_path, sizeof address.sun_path, "%s/takeover.sock",
			     run_dir) >= sizeof address.sun_path)
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
		return fd;
	r = -errno;
	close(fd);
	return r;
}

static int
takeover_listen(struct asking *a, int fd)
{
	static const struct ipc_ops ops = { .message = on_message, .gone = on_gone };
	int r = uv_loop_init(&a->loop);

	if (r < 0) {
		close(fd);
		return r;
	}
	uv_timer_init(&a->loop, &a->timer);
	a->timer.data = a;
	uv_timer_start(&a->timer, on_timeout, ANSWER_MS, 0);
	r = ipc_open(&a->ipc, &a->loop, fd, &ops, a);
	if (r == 0) {
		uv_run(&a->loop, UV_RUN_DEFAULT);
		ipc_close(&a->ipc, NULL);
	}
	uv_close((uv_handle_t *)&a->timer, NULL);
	uv_run(&a->loop, UV_RUN_DEFAULT);
	uv_loop_close(&a->loop);
	return r == 0 && a->timed_out ? -ETIMEDOUT : r;
}

int
takeover_ask(struct takeover *t, const char *run_dir, struct inherited *in)
{
	struct asking a = { .takeover = t, .in = in };
	int r;

	r = takeover_connect(run_dir);
	if (r == -ENOENT || r == -ECONNREFUSED)
		return 1;
	if (r >= 0)
		r = takeover_listen(&a, r);
	if (r < 0)
		return r;
	log_info("takeover sockets=%zu workers=%zu", in->count, t->old_count);
	return 0;
}
