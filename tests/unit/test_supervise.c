/*
 * master/supervise: real processes. The test's own image is spawned again in the role of a worker;
 * how that one behaves is in the version of the table that it is given, what it was told it writes
 * on its page.
 */

#include "master/supervise.h"

#include "lib/clock.h"
#include "lib/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum behaviour { GOOD = 1, EXIT_AT_ONCE, REFUSE, ASK, RUBBISH, CLOSE_CHANNEL };

/* ---- the worker ---- */

static struct board_worker *page;

static void
worker_send(uint32_t type, const void *body, size_t n, int fd)
{
	struct ipc ipc;
	static const struct ipc_ops ops;
	uv_loop_t loop;

	uv_loop_init(&loop);
	if (ipc_open(&ipc, &loop, dup(3), &ops, NULL) == 0)
		ipc_send(&ipc, type, body, n, fd);
	ipc_close(&ipc, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
}

static uint64_t
count_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	uint64_t n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n - 3; /* ".", "..", and the directory itself */
}

static void
worker_hello(const struct msg_hello *hello)
{
	struct msg_board board = { .slot = hello->slot, .instance = hello->instance };
	void *p;
	int fd;

	if (page) {
		page->version = hello->drain_ms;
		return;
	}
	if (board_create(sizeof *page, &p, &fd) < 0)
		exit(9);
	page = p;
	page->pid = (uint32_t)getpid();
	page->instance = hello->instance;
	page->heartbeat_ms = clock_mono_ms();
	page->counts.counter[COUNTER_requests] = 5;
	page->tables_alive = count_descriptors() - 1; /* without the page */
	page->draining = getenv("SECRET") != NULL || getpgrp() != getpid();
	worker_send(MSG_BOARD, &board, sizeof board, fd);
	close(fd);
}

static void
worker_publish(const struct msg_publish *publish)
{
	struct msg_ack ack = { .version = publish->version };
	struct msg_call call = { .id = 77 };

	switch ((enum behaviour)publish->version) {
	case EXIT_AT_ONCE:
		exit(3);
	case REFUSE:
		worker_send(MSG_NACK, &ack, sizeof ack, -1);
		return;
	case ASK:
		worker_send(MSG_CALL, &call, sizeof call, -1);
		break;
	case RUBBISH:
		worker_send(MSG_ACK, &ack, 3, -1);
		break;
	case CLOSE_CHANNEL:
		close(3);
		return;
	case GOOD:
		break;
	}
	worker_send(MSG_ACK, &ack, sizeof ack, -1);
}

static void
worker_hear(uint32_t type, const char *body, int fd)
{
	const struct msg_listener *listener = (const void *)body;

	switch (type) {
	case MSG_HELLO:
		worker_hello((const void *)body);
		break;
	case MSG_BOARD:
		page->tunnels_open += fd >= 0 ? 1 : (uint64_t)-1;
		break;
	case MSG_LISTENER:
		page->connections++;
		page->in_flight += listener->slot != 0; /* of others, as seen by worker 0 */
		break;
	case MSG_UNLISTEN:
		page->connections--;
		page->in_flight -= listener->slot != 0;
		break;
	case MSG_PUBLISH:
		worker_publish((const void *)body);
		break;
	case MSG_DRAIN:
		exit(0);
	}
	if (fd >= 0)
		close(fd);
}

static int
worker_role(void)
{
	_Alignas(16) char room[16 + IPC_MAX];
	char control[CMSG_SPACE(sizeof(int))];
	struct timeval patience = { .tv_usec = 20000 };

	setsockopt(3, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	for (;;) {
		struct iovec part = { room + 12, sizeof room - 12 };
		struct msghdr msg = { .msg_iov = &part,
				      .msg_iovlen = 1,
				      .msg_control = control,
				      .msg_controllen = sizeof control };
		ssize_t n = recvmsg(3, &msg, 0);
		struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&msg) : NULL;
		uint32_t type;
		int fd = -1;

		if (page)
			page->heartbeat_ms = clock_mono_ms();
		if (n < 0 && (errno == EAGAIN || errno == EBADF)) {
			if (errno == EBADF)
				usleep(20000);
			continue;
		}
		if (n <= 0)
			return 0;
		if (c)
			memcpy(&fd, CMSG_DATA(c), sizeof fd);
		memcpy(&type, room + 12, sizeof type);
		worker_hear(type, room + 16, fd);
	}
}

/* ---- the master ---- */

struct fixture {
	uv_loop_t loop;
	uv_timer_t timer;
	struct spawn spawn;
	struct listeners listeners;
	struct listener tcp[2];
	int fds[3];
	struct board_master *board;
	struct supervisor s;
	enum behaviour behaviour[4]; /* by slot, the admin worker last */
	unsigned calls, empty, greeted;
	uint32_t call_id;
};

static void
on_greet(void *userdata, struct slot *slot)
{
	struct fixture *f = userdata;
	size_t i = (size_t)(slot - f->s.slots);
	struct msg_publish publish = { .version = f->behaviour[i] };

	f->greeted++;
	supervisor_send(slot, MSG_PUBLISH, &publish, sizeof publish, -1);
}

static void
on_changed(void *userdata)
{
}

static void
on_page(void *userdata, struct slot *slot)
{
}

static void
on_call(void *userdata, struct slot *slot, const struct msg_call *call, struct ipc_message *m)
{
	struct fixture *f = userdata;

	f->calls++;
	f->call_id = call->id;
}

static void
on_empty(void *userdata)
{
	((struct fixture *)userdata)->empty++;
}

static const struct supervisor_ops ops = {
	.greet = on_greet,
	.page = on_page,
	.page_gone = on_page,
	.changed = on_changed,
	.call = on_call,
	.empty = on_empty,
};

static void
on_timer(uv_timer_t *timer)
{
	struct fixture *f = timer->data;

	supervisor_tick(&f->s, clock_mono_ms());
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	void *board;

	assert_non_null(f);
	setenv("SECRET", "hush", 1);
	assert_int_equal(uv_loop_init(&f->loop), 0);
	assert_int_equal(spawn_init(&f->spawn), 0);
	assert_int_equal(board_create(sizeof *f->board, &board, &f->fds[2]), 0);
	f->board = board;
	f->fds[0] = open("/dev/null", O_RDWR);
	f->fds[1] = open("/dev/null", O_RDWR);
	f->tcp[0] =
	    (struct listener){ .id = 0, .kind = LISTENER_HTTP, .fds = f->fds, .fds_count = 2 };
	f->tcp[1] = (struct listener){
		.id = 1, .kind = LISTENER_ADMIN, .shared = true, .fds = f->fds, .fds_count = 1
	};
	f->listeners = (struct listeners){ .all = f->tcp, .count = 2 };
	assert_int_equal(supervisor_init(&f->s, &f->loop, 2, &ops, f), 0);
	f->s.settings = (struct supervisor_settings){ .version = "1", .hang_ms = 5000 };
	f->s.spawn = &f->spawn;
	f->s.listeners = &f->listeners;
	f->s.board = f->board;
	f->s.board_fd = f->fds[2];
	f->behaviour[0] = f->behaviour[1] = f->behaviour[2] = GOOD;
	uv_timer_init(&f->loop, &f->timer);
	f->timer.data = f;
	uv_timer_start(&f->timer, on_timer, 20, 20);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	for (uint32_t i = 0; i < f->s.slots_count; i++) {
		if (f->s.slots[i].pid)
			kill(f->s.slots[i].pid, SIGKILL);
	}
	if (!f->empty)
		supervisor_drain(&f->s, 0, 0);
	for (int i = 0; i < 500 && !f->empty; i++)
		uv_run(&f->loop, UV_RUN_ONCE);
	assert_int_equal(f->empty, 1);
	supervisor_deinit(&f->s);
	uv_close((uv_handle_t *)&f->timer, NULL);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	spawn_deinit(&f->spawn);
	board_unmap(f->board, sizeof *f->board);
	for (int i = 0; i < 3; i++)
		close(f->fds[i]);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* nobody is left */
	free(f);
	return 0;
}

/* Runs the loop until `condition` or for at most 5 s. */
#define UNTIL(f, condition)                                                                        \
	do {                                                                                       \
		uint64_t until = clock_mono_ms() + 5000;                                           \
		while (!(condition) && clock_mono_ms() < until)                                    \
			uv_run(&(f)->loop, UV_RUN_ONCE);                                           \
		assert_true(condition);                                                            \
	} while (0)

static bool
all_run(const struct fixture *f)
{
	for (uint32_t i = 0; i < f->s.slots_count; i++) {
		if (f->s.slots[i].state != SLOT_RUNNING)
			return false;
	}
	return true;
}

static void
start(struct fixture *f)
{
	supervisor_start(&f->s);
	UNTIL(f, all_run(f));
}

static void
test_start(void **state)
{
	struct fixture *f = *state;
	const struct slot *slot = f->s.slots;

	start(f);
	for (int i = 0; i < 3; i++) {
		UNTIL(f, slot[i].page && slot[i].page->connections == (i < 2 ? 1 : 3));
		assert_int_equal(slot[i].page->tables_alive, 4); /* descriptors 0..3 and no other */
		assert_int_equal(slot[i].page->draining, 0);     /* no secret, own process group */
		assert_int_equal(slot[i].acked, GOOD);
	}
	UNTIL(f, slot[0].page->tunnels_open == 2); /* the pages of the master and of the sibling */
	UNTIL(f, slot[2].page->tunnels_open == 3);
	assert_true(slot[0].instance && slot[0].instance != slot[1].instance);
}

static void
test_killed(void **state)
{
	struct fixture *f = *state;
	struct slot *slot = f->s.slots;
	uint64_t instance, at;
	pid_t pid;

	start(f);
	pid = slot[0].pid;
	instance = slot[0].instance;
	UNTIL(f, slot[2].page->tunnels_open == 3);
	at = clock_mono_ms();
	kill(pid, SIGKILL);
	UNTIL(f, slot[0].pid != pid && slot[0].state == SLOT_RUNNING);
	assert_true(clock_mono_ms() - at < 1000);
	assert_true(slot[0].instance > instance);
	assert_int_equal(slot[0].restarts, 1);
	assert_int_equal(f->board->respawns, 1);
	assert_int_equal(board_base(f->board)->counts.counter[COUNTER_requests], 5);
	assert_true(board_has(board_base(f->board), instance));
	assert_false(board_has(board_base(f->board), slot[0].instance));
	UNTIL(f, slot[2].page->tunnels_open == 3); /* one went, one came */

	kill(slot[2].pid, SIGKILL);
	UNTIL(f, slot[2].restarts == 1 && slot[2].state == SLOT_RUNNING);
	UNTIL(f, slot[2].page->tunnels_open == 3);
	assert_int_equal(board_base(f->board)->counts.counter[COUNTER_requests],
			 5); /* the admin worker's are no traffic */
}

static void
test_hung(void **state)
{
	struct fixture *f = *state;
	struct slot *slot = f->s.slots;
	pid_t pid;

	start(f);
	f->s.settings.hang_ms = 300;
	pid = slot[1].pid;
	kill(pid, SIGSTOP);
	UNTIL(f, slot[1].pid != pid && slot[1].state == SLOT_RUNNING);
	assert_int_equal(slot[0].restarts, 0);
}

static void
test_hung_at_start(void **state)
{
	struct fixture *f = *state;

	f->s.settings.hang_ms = 200;
	supervisor_start(&f->s);
	kill(f->s.slots[0].pid, SIGSTOP);
	UNTIL(f, f->s.slots[0].restarts == 1 && all_run(f));
}

static void
test_back_off_and_loan(void **state)
{
	struct fixture *f = *state;
	struct slot *slot = f->s.slots;

	f->behaviour[1] = EXIT_AT_ONCE;
	supervisor_start(&f->s);
	UNTIL(f, slot[1].state == SLOT_BACKOFF && slot[0].state == SLOT_RUNNING);
	assert_int_equal(slot[1].quick, 3);
	assert_int_equal(slot[1].pid, 0);
	assert_ptr_equal(slot[1].lent_to, &slot[0]);
	UNTIL(f, slot[0].page->in_flight == 1);

	/* Each try waits longer, and the loan stays where it is. */
	UNTIL(f, slot[1].quick == 6 && slot[1].state == SLOT_BACKOFF);
	assert_true(slot[1].retry_ms > clock_mono_ms() + 600);
	assert_int_equal(slot[0].page->in_flight, 1);

	/* The borrower dies: its successor is given the loan again. */
	kill(slot[0].pid, SIGKILL);
	UNTIL(f, slot[0].restarts == 1 && slot[0].state == SLOT_RUNNING);
	UNTIL(f, slot[0].page->in_flight == 1);

	f->behaviour[1] = GOOD;
	UNTIL(f, slot[1].state == SLOT_RUNNING);
	assert_null(slot[1].lent_to);
	UNTIL(f, slot[0].page->in_flight == 0);
	assert_int_equal(slot[0].page->connections, 1);
}

static void
test_refusal_keeps_it_starting(void **state)
{
	struct fixture *f = *state;

	f->behaviour[0] = REFUSE;
	supervisor_start(&f->s);
	UNTIL(f, f->s.slots[0].refused == REFUSE);
	assert_int_equal(f->s.slots[0].state, SLOT_STARTING);
	assert_int_equal(f->s.slots[0].acked, 0);

	/* It was for a moment: the table is sent again, to the same process. */
	f->behaviour[0] = GOOD;
	UNTIL(f, f->s.slots[0].state == SLOT_RUNNING);
	assert_int_equal(f->s.slots[0].restarts, 0);
}

static void
test_refusal_for_good(void **state)
{
	struct fixture *f = *state;
	uint64_t at = clock_mono_ms();

	f->behaviour[0] = REFUSE;
	supervisor_start(&f->s);
	UNTIL(f, f->s.slots[0].restarts == 1);
	assert_true(clock_mono_ms() - at >= 5 * 200);
	assert_int_equal(f->greeted, 3 + 5 + 1); /* everybody, again, and the successor */
	f->behaviour[0] = GOOD;
	UNTIL(f, all_run(f));
}

static void
test_call(void **state)
{
	struct fixture *f = *state;

	f->behaviour[2] = ASK;
	start(f);
	UNTIL(f, f->calls == 1);
	assert_int_equal(f->call_id, 77);
}

/* Of a traffic worker nobody takes a call, and of nobody a message of the wrong shape: the process
 * is replaced. */
static void
test_offences(void **state)
{
	static const enum behaviour cases[] = { ASK, RUBBISH, CLOSE_CHANNEL };

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct fixture *f;

		assert_int_equal(setup((void **)&f), 0);
		f->behaviour[0] = cases[i];
		supervisor_start(&f->s);
		UNTIL(f, f->s.slots[0].restarts >= 1);
		assert_int_equal(f->calls, 0);
		teardown((void **)&f);
	}
	(void)state;
}

static void
test_settings(void **state)
{
	struct fixture *f = *state;
	struct supervisor_settings next = { .drain_ms = 4321, .version = "2", .hang_ms = 5000 };

	start(f);
	supervisor_configure(&f->s, &next);
	UNTIL(f, f->s.slots[0].page->version == 4321 && f->s.slots[2].page->version == 4321);
}

static void
test_drain(void **state)
{
	struct fixture *f = *state;

	f->behaviour[1] = EXIT_AT_ONCE;
	supervisor_start(&f->s);
	UNTIL(f, f->s.slots[1].state == SLOT_BACKOFF && f->s.slots[0].state == SLOT_RUNNING);
	supervisor_drain(&f->s, 3000, 0);
	UNTIL(f, f->empty == 1);
	for (int i = 0; i < 3; i++)
		assert_int_equal(f->s.slots[i].state, SLOT_DEAD);
	assert_int_equal(f->s.slots[0].restarts, 0);
}

/* Who does not end in time is killed; a second call shortens the time. */
static void
test_drain_impatient(void **state)
{
	struct fixture *f = *state;
	uint64_t at;

	start(f);
	kill(f->s.slots[0].pid, SIGSTOP);
	supervisor_drain(&f->s, 60000, 0);
	uv_run(&f->loop, UV_RUN_ONCE);
	assert_int_equal(f->s.slots[0].state, SLOT_DRAINING);
	at = clock_mono_ms();
	supervisor_drain(&f->s, 0, 0);
	UNTIL(f, f->empty == 1);
	assert_true(clock_mono_ms() - at < 4000);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_start, setup, teardown),
		cmocka_unit_test_setup_teardown(test_killed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hung, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hung_at_start, setup, teardown),
		cmocka_unit_test_setup_teardown(test_back_off_and_loan, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refusal_keeps_it_starting, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refusal_for_good, setup, teardown),
		cmocka_unit_test_setup_teardown(test_call, setup, teardown),
		cmocka_unit_test(test_offences),
		cmocka_unit_test_setup_teardown(test_settings, setup, teardown),
		cmocka_unit_test_setup_teardown(test_drain, setup, teardown),
		cmocka_unit_test_setup_teardown(test_drain_impatient, setup, teardown),
	};

	if (argc == 2 && strcmp(argv[1], "worker") == 0)
		return worker_role();
	log_setup("test", getenv("VERBOSE") ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
