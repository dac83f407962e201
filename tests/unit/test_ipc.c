/* lib/ipc: records of every shape over a real socket pair. */

#include "lib/ipc.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct end { /* one side, and what it heard */
	struct ipc ipc;
	unsigned messages, gone, closed;
	uint32_t types[8192];
	uint32_t sizes[8192];
	int fd; /* the last descriptor that came */
	bool keep_fd, close_at_once, hold;
	char last[IPC_MAX];
};

struct pair {
	uv_loop_t loop;
	struct end a;
	int b; /* the raw other side */
};

static void
on_closed(struct ipc *ipc)
{
	((struct end *)ipc->userdata)->closed++;
}

static void
on_message(void *userdata, struct ipc *ipc, struct ipc_message *m)
{
	struct end *e = userdata;

	assert_int_equal((uintptr_t)m->body.p % 8, 0);
	e->types[e->messages] = m->type;
	e->sizes[e->messages++] = (uint32_t)m->body.n;
	memcpy(e->last, m->body.p, m->body.n);
	e->fd = m->fd;
	if (e->keep_fd)
		m->fd = -1;
	if (e->close_at_once)
		ipc_close(ipc, on_closed);
	if (e->hold)
		ipc_hold(ipc, true);
}

static void
on_gone(void *userdata, struct ipc *ipc)
{
	((struct end *)userdata)->gone++;
}

static const struct ipc_ops ops = { .message = on_message, .gone = on_gone };

static int
setup(void **state)
{
	struct pair *p = calloc(1, sizeof *p);
	int sv[2];

	assert_non_null(p);
	assert_int_equal(uv_loop_init(&p->loop), 0);
	assert_int_equal(ipc_pair(sv), 0);
	assert_int_equal(ipc_open(&p->a.ipc, &p->loop, sv[0], &ops, &p->a), 0);
	p->b = sv[1];
	*state = p;
	return 0;
}

static int
teardown(void **state)
{
	struct pair *p = *state;

	ipc_close(&p->a.ipc, on_closed);
	uv_run(&p->loop, UV_RUN_DEFAULT);
	assert_int_equal(p->a.closed, 1);
	assert_int_equal(uv_loop_close(&p->loop), 0);
	if (p->b >= 0)
		close(p->b);
	free(p);
	return 0;
}

static void
turn(struct pair *p)
{
	for (int i = 0; i < 3; i++)
		uv_run(&p->loop, UV_RUN_NOWAIT);
}

/* A record made by hand. */
static void
send_raw(int fd, uint32_t type, size_t n, const int *fds, size_t fds_count)
{
	static char bytes[2 * IPC_MAX];
	char control[CMSG_SPACE(4 * sizeof(int))] = { 0 };
	struct iovec parts[] = { { &type, sizeof type }, { bytes, n } };
	struct msghdr msg = { .msg_iov = parts, .msg_iovlen = 2 };

	if (fds_count) {
		struct cmsghdr *c;

		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE(fds_count * sizeof(int));
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(fds_count * sizeof(int));
		memcpy(CMSG_DATA(c), fds, fds_count * sizeof(int));
	}
	assert_int_equal(sendmsg(fd, &msg, MSG_NOSIGNAL), (ssize_t)(sizeof type + n));
}

static unsigned
open_descriptors(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void
test_shapes(void **state)
{
	static const struct {
		size_t n, fds;
		bool good;
	} cases[] = {
		{ 0, 0, true },
		{ 5, 0, true },
		{ 5, 1, true },
		{ IPC_MAX, 1, true },
		{ IPC_MAX + 1, 0, false },
		{ IPC_MAX + 1, 1, false },
		{ 5, 2, false },
		{ 5, 4, false },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const int fds[4] = { 0, 0, 0, 0 };
		struct pair *p;
		unsigned before;

		assert_int_equal(setup((void **)&p), 0);
		before = open_descriptors();
		send_raw(p->b, 7, cases[i].n, fds, cases[i].fds);
		turn(p);
		assert_int_equal(p->a.messages, cases[i].good ? 1 : 0);
		assert_int_equal(p->a.gone, cases[i].good ? 0 : 1);
		assert_int_equal(open_descriptors(), before);
		if (cases[i].good)
			assert_int_equal(p->a.sizes[0], cases[i].n);
		else
			assert_int_equal(ipc_send(&p->a.ipc, 1, NULL, 0, -1), -EPIPE);
		teardown((void **)&p);
	}
	(void)state;
}

static void
test_too_short(void **state)
{
	struct pair *p = *state;

	assert_int_equal(send(p->b, "abc", 3, 0), 3);
	turn(p);
	assert_int_equal(p->a.messages, 0);
	assert_int_equal(p->a.gone, 1);
}

static void
test_descriptor(void **state)
{
	struct pair *p = *state;
	int pipefd[2];
	struct end b = { .keep_fd = true, .fd = -1 };

	assert_int_equal(pipe(pipefd), 0);
	assert_int_equal(ipc_open(&b.ipc, &p->loop, p->b, &ops, &b), 0);
	p->b = -1;
	assert_int_equal(ipc_send(&p->a.ipc, 3, "hello", 5, pipefd[1]), 0);
	close(pipefd[1]);
	turn(p);
	assert_int_equal(b.messages, 1);
	assert_int_equal(b.types[0], 3);
	assert_memory_equal(b.last, "hello", 5);
	assert_true(fcntl(b.fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(write(b.fd, "x", 1), 1);
	close(b.fd);
	assert_int_equal(read(pipefd[0], b.last, 8), 1);
	assert_int_equal(read(pipefd[0], b.last, 8), 0);
	close(pipefd[0]);
	ipc_close(&b.ipc, on_closed);
	turn(p);
	assert_int_equal(b.closed, 1);
}

/* What the peer said before it ended is heard, also when it left something unread (ECONNRESET). */
static void
test_last_words(void **state)
{
	struct pair *p = *state;

	assert_int_equal(ipc_send(&p->a.ipc, 1, "unread", 6, -1), 0);
	send_raw(p->b, 9, 2, NULL, 0);
	send_raw(p->b, 10, 2, NULL, 0);
	close(p->b);
	p->b = -1;
	turn(p);
	assert_int_equal(p->a.messages, 2);
	assert_int_equal(p->a.types[1], 10);
	assert_int_equal(p->a.gone, 1);
	assert_int_equal(ipc_send(&p->a.ipc, 1, NULL, 0, -1), -EPIPE);
}

static void
test_gone_without_reading(void **state)
{
	struct pair *p = *state;

	close(p->b);
	p->b = -1;
	assert_int_equal(ipc_send(&p->a.ipc, 1, NULL, 0, -1), -EPIPE);
	assert_int_equal(p->a.gone, 0); /* never from inside ipc_send */
	turn(p);
	assert_int_equal(p->a.gone, 1);
}

static void
test_queue(void **state)
{
	static char body[IPC_MAX];
	struct pair *p = *state;
	struct end b = { .fd = -1 };
	unsigned before, sent = 0;
	int r, fd;

	assert_int_equal(ipc_send(&p->a.ipc, 1, body, IPC_MAX + 1, -1), -EMSGSIZE);
	while ((r = ipc_send(&p->a.ipc, sent, body, sent < 16 ? sizeof body : 64, -1)) == 0)
		sent++;
	assert_int_equal(r, -ENOBUFS);
	assert_int_equal(p->a.ipc.queued, 4096);
	assert_true(sent < 8192);

	before = open_descriptors();
	assert_int_equal(ipc_open(&b.ipc, &p->loop, p->b, &ops, &b), 0);
	p->b = -1;
	while (p->a.ipc.queued > 4000)
		turn(p);
	fd = open("/dev/null", O_RDONLY);
	assert_int_equal(ipc_send(&p->a.ipc, sent++, NULL, 0, fd), 0);
	close(fd);
	for (int i = 0; i < 400; i++)
		turn(p);
	assert_int_equal(p->a.ipc.queued, 0);
	assert_int_equal(b.messages, sent);
	for (unsigned i = 0; i < sent; i++)
		assert_int_equal(b.types[i], i);
	assert_true(b.fd >= 0);
	assert_int_equal(open_descriptors(), before);
	ipc_close(&b.ipc, on_closed);
	turn(p);
}

static void
test_close_with_queue(void **state)
{
	struct pair *p = *state;
	unsigned before = open_descriptors();
	int fd = open("/dev/null", O_RDONLY);

	while (p->a.ipc.queued < 10)
		assert_int_equal(ipc_send(&p->a.ipc, 1, NULL, 0, fd), 0);
	close(fd);
	ipc_close(&p->a.ipc, on_closed);
	assert_int_equal(open_descriptors(), before - 1);
	assert_int_equal(ipc_send(&p->a.ipc, 1, NULL, 0, -1), -EPIPE);
}

static void
test_close_inside(void **state)
{
	struct pair *p = *state;

	p->a.close_at_once = true;
	send_raw(p->b, 1, 0, NULL, 0);
	send_raw(p->b, 2, 0, NULL, 0);
	turn(p);
	assert_int_equal(p->a.messages, 1);
	assert_int_equal(p->a.gone, 0);
	assert_int_equal(p->a.closed, 1);
}

/* What is held back comes later, in its order and with the end; what is sent meanwhile goes out. */
static void
test_hold(void **state)
{
	struct pair *p = *state;
	char got[64];

	p->a.hold = true;
	for (uint32_t i = 1; i <= 3; i++)
		send_raw(p->b, i, 0, NULL, 0);
	turn(p);
	assert_int_equal(p->a.messages, 1);
	assert_int_equal(ipc_send(&p->a.ipc, 7, "x", 1, -1), 0);
	assert_int_equal(read(p->b, got, sizeof got), 5);
	close(p->b);
	p->b = -1;
	turn(p);
	assert_int_equal(p->a.messages, 1);
	assert_int_equal(p->a.gone, 0);
	ipc_hold(&p->a.ipc, false);
	turn(p);
	assert_int_equal(p->a.messages, 2);
	p->a.hold = false;
	ipc_hold(&p->a.ipc, false);
	turn(p);
	assert_int_equal(p->a.messages, 3);
	assert_int_equal(p->a.types[2], 3);
	assert_int_equal(p->a.gone, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shapes),
		cmocka_unit_test_setup_teardown(test_too_short, setup, teardown),
		cmocka_unit_test_setup_teardown(test_descriptor, setup, teardown),
		cmocka_unit_test_setup_teardown(test_last_words, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gone_without_reading, setup, teardown),
		cmocka_unit_test_setup_teardown(test_queue, setup, teardown),
		cmocka_unit_test_setup_teardown(test_close_with_queue, setup, teardown),
		cmocka_unit_test_setup_teardown(test_close_inside, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hold, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
