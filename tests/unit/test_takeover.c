/* master/takeover: an orphan of an earlier master is a process of its own, which hands over what it
 * was told to hold. */

#include "master/takeover.h"

#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/ipc.h"
#include "lib/log.h"
#include "shm/board_fields.h"
#include "shm/memfd.h"
#include "shm/message.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define OTHER_LAYOUT (BOARD_LAYOUT + 1u)

enum orphan { SPEAKS, SILENT, HANGS, POSES, FOLDED, FOREIGN };

struct fixture {
	char dir[64], path[80];
	int listener;
	pid_t orphan;
	struct takeover t;
	struct inherited in;
	struct board_master *board; /* of the new master */
	int board_fd;
};

/* ---- the orphan ---- */

static struct board_worker *page;

static void
on_sigterm(int number)
{
	page->counts.counter[COUNTER_requests] += 100; /* its last requests */
	page->counts.route[5].duration.sum += 100;
	_exit(0);
}

static void
on_message(void *userdata, struct ipc *ipc, struct ipc_message *m)
{
}

static void
on_gone(void *userdata, struct ipc *ipc)
{
}

static void
send_board(struct ipc *ipc, uint32_t slot, uint64_t instance, int fd)
{
	struct msg_board board = { .slot = slot, .instance = instance };

	if (ipc_send(ipc, MSG_BOARD, &board, sizeof board, fd) < 0)
		_exit(9);
}

/* As those of a program with another layout. */
static void
send_layouts(struct ipc *ipc)
{
	static struct board_field fields[BOARD_FIELDS_MAX];
	struct buf text = { 0 };
	struct slice all;
	int fd;

	for (int which = BOARD_PAGE_WORKER; which <= BOARD_PAGE_MASTER; which++)
		board_fields_write(OTHER_LAYOUT, which, fields, board_fields(which, fields), "",
				   &text);
	all = buf_slice(&text);
	if (memfd_of("layouts", &all, 1, &fd) < 0 || ipc_send(ipc, MSG_LAYOUTS, NULL, 0, fd) < 0)
		_exit(9);
	buf_deinit(&text);
}

static void
hand_over(int to, enum orphan how)
{
	static const struct ipc_ops ops = { .message = on_message, .gone = on_gone };
	struct msg_listener http = { .slot = 1, .kind = LISTENER_HTTP };
	int tcp = socket(AF_INET, SOCK_STREAM, 0), idle = socket(AF_INET, SOCK_STREAM, 0),
	    master_fd, page_fd;
	struct board_master *master;
	void *p;
	uv_loop_t loop;
	struct ipc ipc;

	if (uv_loop_init(&loop) < 0 || ipc_open(&ipc, &loop, to, &ops, NULL) < 0 ||
	    listen(tcp, 1) < 0)
		_exit(9);
	if (board_create(sizeof *master, &p, &master_fd) < 0)
		_exit(9);
	master = p;
	master->magic = BOARD_MAGIC;
	master->layout = how == FOREIGN ? OTHER_LAYOUT : BOARD_LAYOUT;
	master->version = 41;
	master->respawns = 3;
	master->base_turn = 3;
	master->base[0].counts.counter[COUNTER_requests] = 5; /* not in force */
	master->base[1].counts.counter[COUNTER_requests] = 1000;
	master->base[1].counts.route[5].duration.sum = 7;
	master->names.route[0].high = 6; /* so many may have a name */
	master->names.endpoint[0].high = 7;
	master->names.route[5] = (struct board_name){ 8, 9 };
	master->names.endpoint[6] = (struct board_name){ 8, 9 };
	master->names.upstream[0].high = 8;
	master->names.upstream[7] = (struct board_name){ 8, 10 };
	master->health[6] = (struct board_health){ .state = HEALTH_DEAD, .ejections = 2 };
	master->health[5].state = HEALTH_DEAD; /* of nobody */
	if (how == FOLDED)
		master->base[1].folded[3] = 9;
	if (board_create(sizeof *page, &p, &page_fd) < 0)
		_exit(9);
	page = p;
	ipc_send(&ipc, MSG_LISTENER, &http, sizeof http, tcp);
	ipc_send(&ipc, MSG_LISTENER, &http, sizeof http, idle); /* listens to nobody: of no use */
	ipc_send(&ipc, MSG_LISTENER, &http, 3, tcp);            /* malformed */
	ipc_send(&ipc, MSG_ACK, &http, sizeof http, -1);        /* has no place here */
	page->magic = BOARD_MAGIC;
	page->layout = how == FOREIGN ? OTHER_LAYOUT : BOARD_LAYOUT;
	page->role = ROLE_TRAFFIC;
	page->pid = (uint32_t)(how == POSES ? getppid() : getpid());
	page->instance = how == POSES ? 8 : 9;
	page->heartbeat_ms = clock_mono_ms() - (how == HANGS ? 60000 : 0);
	page->counts.counter[COUNTER_requests] = 20;
	page->counts.route[5].duration.sum = 20;
	page->counts.endpoint[6].idle = 20;
	if (how == FOREIGN)
		send_layouts(&ipc);
	send_board(&ipc, 1, 9, page_fd);
	send_board(&ipc, BOARD_SLOT_MASTER, 0, master_fd);
	ipc_close(&ipc, NULL);
}

static _Noreturn void
orphan_role(int listener, enum orphan how)
{
	int fd = accept(listener, NULL, NULL);

	signal(SIGTERM, on_sigterm);
	if (fd >= 0 && how != SILENT)
		hand_over(fd, how);
	for (;;) {
		usleep(10000);
		if (page && how != HANGS)
			page->heartbeat_ms = clock_mono_ms();
	}
}

/* ---- the new master ---- */

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	void *board;

	assert_non_null(f);
	snprintf(f->dir, sizeof f->dir, P_tmpdir "/yett-takeover-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof f->path, "%s/takeover.sock", f->dir);
	snprintf(a.sun_path, sizeof a.sun_path, "%s", f->path);
	f->listener = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	assert_int_equal(bind(f->listener, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(f->listener, 4), 0);
	assert_int_equal(board_create(sizeof *f->board, &board, &f->board_fd), 0);
	f->board = board;
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	if (f->orphan) {
		kill(f->orphan, SIGKILL);
		waitpid(f->orphan, NULL, 0);
	}
	takeover_deinit(&f->t);
	inherited_deinit(&f->in);
	board_unmap(f->board, sizeof *f->board);
	close(f->board_fd);
	close(f->listener);
	unlink(f->path);
	assert_int_equal(rmdir(f->dir), 0);
	free(f);
	return 0;
}

static int
ask(struct fixture *f, enum orphan how)
{
	f->orphan = fork();
	if (f->orphan == 0)
		orphan_role(f->listener, how);
	return takeover_ask(&f->t, f->dir, &f->in);
}

static void
test_nobody(void **state)
{
	struct fixture *f = *state;

	close(f->listener);
	assert_int_equal(takeover_ask(&f->t, f->dir, &f->in),
			 1); /* a file that nobody listens on */
	unlink(f->path);
	assert_int_equal(takeover_ask(&f->t, f->dir, &f->in), 1);
	f->listener = -1;
}

static void
test_silent(void **state)
{
	struct fixture *f = *state;
	uint64_t at = clock_mono_ms();

	assert_int_equal(ask(f, SILENT), -ETIMEDOUT);
	assert_in_range(clock_mono_ms() - at, 1500, 10000);
	assert_int_equal(f->in.count, 0);
}

static void
assert_base(struct fixture *f, uint64_t requests, uint64_t duration_us)
{
	const struct board_counts *counts = &board_base(f->board)->counts;

	assert_int_equal(counts->counter[COUNTER_requests], requests);
	assert_int_equal(counts->route[5].duration.sum, duration_us);
}

static void
take_over(struct fixture *f, enum orphan how)
{
	assert_int_equal(ask(f, how), 0);
	assert_int_equal(f->in.count, 1);
	assert_int_equal(f->in.sockets[0].slot, 1);
	assert_int_equal(f->t.old_count, 1);
	assert_int_equal(f->t.old[0].pid, f->orphan);

	takeover_seed(&f->t, f->board);
	assert_int_equal(f->board->version, 41);
	assert_int_equal(f->board->respawns, 3);
	assert_int_equal(f->board->names.route[5].low, 9);
	assert_int_equal(f->board->names.upstream[7].low, 10);
	assert_int_equal(f->board->health[6].ejections, 2);
	assert_int_equal(f->board->health[6].state, HEALTH_DEAD);
	assert_int_equal(f->board->health[5].state, HEALTH_UNKNOWN);
	takeover_tick(&f->t, f->board, clock_mono_ms());
	assert_base(f, 1000, 7); /* its page is looked at: it serves on */
	assert_ptr_equal(takeover_living(&f->t, 0), f->t.old[0].page);
	assert_int_equal(waitpid(f->orphan, NULL, WNOHANG), 0);

	takeover_end(&f->t, 5000);
	for (int i = 0; i < 500 && f->t.old[0].pidfd >= 0; i++) {
		usleep(10000);
		takeover_tick(&f->t, f->board, clock_mono_ms());
	}
	assert_int_equal(f->t.old[0].pidfd, -1);
	assert_null(takeover_living(&f->t, 0));
	assert_base(f, 1120, 127);
	takeover_tick(&f->t, f->board, clock_mono_ms());
	assert_base(f, 1120, 127);                                          /* nothing twice */
	assert_int_equal(board_base(f->board)->counts.endpoint[6].idle, 0); /* no gauge */
	assert_true(board_has(board_base(f->board), 9));
	assert_int_equal(waitpid(f->orphan, NULL, 0), -1); /* a child, as after an upgrade */
	f->orphan = 0;
}

static void
test_whole(void **state)
{
	take_over(*state, SPEAKS);
}

static void
test_other_layout(void **state)
{
	take_over(*state, FOREIGN);
}

/* A page is its process's also when that does nothing any more. */
static void
test_hangs(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(ask(f, HANGS), 0);
	assert_int_equal(f->t.old[0].pid, f->orphan);
	assert_true(f->t.old[0].pidfd >= 0);
}

/* Who was taken over writes what it likes: the next master must not end others for it. */
static void
test_page_that_names_another(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(ask(f, POSES), 0);
	assert_int_equal(f->t.old_count, 1);
	assert_int_equal(f->t.old[0].pidfd, -1);
	assert_int_equal(f->t.old[0].instance, 9); /* as it was given, whatever stands there */
	takeover_seed(&f->t, f->board);
	assert_base(f, 1020, 27); /* but what it counted, counts */
	takeover_end(&f->t, 0);   /* we live */
	takeover_tick(&f->t, f->board, clock_mono_ms() + 10000);
	usleep(50000);
	assert_int_equal(waitpid(f->orphan, NULL, WNOHANG), 0);
}

/* The earlier master saw its end, and was killed before it had told so. */
static void
test_page_that_is_in_the_base(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(ask(f, FOLDED), 0);
	takeover_seed(&f->t, f->board);
	assert_base(f, 1000, 7);
	assert_null(takeover_living(&f->t, 0));
	assert_false(takeover_is_over(&f->t)); /* it lives for all that, and is told to finish */
	takeover_end(&f->t, 0);
	for (int i = 0; i < 1000 && !takeover_is_over(&f->t); i++) {
		usleep(1000);
		takeover_tick(&f->t, f->board, clock_mono_ms() + 10000);
	}
	assert_true(takeover_is_over(&f->t));
	f->orphan = 0;
	assert_base(f, 1000, 7);
}

static void
test_too_slow(void **state)
{
	struct fixture *f = *state;
	int status;

	assert_int_equal(ask(f, SPEAKS), 0);
	takeover_seed(&f->t, f->board);
	kill(f->orphan, SIGSTOP);
	takeover_end(&f->t, 100);
	takeover_tick(&f->t, f->board, clock_mono_ms() + 10000);
	assert_int_equal(waitpid(f->orphan, &status, 0), f->orphan);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	takeover_tick(&f->t, f->board, clock_mono_ms());
	assert_int_equal(f->t.old[0].pidfd, -1);
	f->orphan = 0;
}

/* ---- searching ---- */

/* A process that is named as a worker is, with the listener; `lost`: its parent has ended. */
static pid_t
start_worker(bool lost, char *run_dir)
{
	static char name[] = "yett", role[] = "worker";
	char *argv[] = { name, role, run_dir, NULL };
	int report[2];
	pid_t pid, child;

	assert_int_equal(pipe2(report, O_CLOEXEC), 0);
	child = fork();
	if (child == 0) {
		pid = lost ? fork() : 0;
		if (pid > 0)
			_exit(0);
		pid = getpid();
		if (write(report[1], &pid, sizeof pid) < 0)
			_exit(9);
		execv("/proc/self/exe", argv);
		_exit(9);
	}
	assert_int_equal(read(report[0], &pid, sizeof pid), sizeof pid);
	close(report[1]);
	assert_int_equal(read(report[0], &child, sizeof child), 0); /* closed by exec */
	close(report[0]);
	if (lost)
		waitpid(-1, NULL, 0);
	return pid;
}

static struct inherited_orphan *
found(struct fixture *f, pid_t pid)
{
	for (size_t i = 0; i < f->in.orphans_count; i++) {
		if (f->in.orphans[i].pid == pid)
			return &f->in.orphans[i];
	}
	return NULL;
}

static void
test_search(void **state)
{
	struct fixture *f = *state;
	char other[sizeof f->dir + 1];
	pid_t orphan, named, child = start_worker(false, f->dir);
	struct inherited_orphan *o;
	struct stat st;

	snprintf(other, sizeof other, "%s2", f->dir);
	orphan = start_worker(true, other);
	named = start_worker(true, f->dir);
	takeover_search(f->dir, &f->in);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	assert_null(found(f, child)); /* its master lives */
	assert_null(found(f, getpid()));
	o = found(f, orphan);
	assert_non_null(o);
	assert_int_equal(fstat(f->listener, &st), 0);
	assert_int_equal(o->count, 1);
	assert_int_equal(o->inodes[0], st.st_ino);

	takeover_adopt(&f->t, &f->in);
	assert_int_equal(f->t.old_count, 1); /* the first may be another gateway's */
	assert_int_equal(f->t.old[0].pid, named);
	o->listens = true;
	takeover_adopt(&f->t, &f->in);
	assert_int_equal(f->t.old_count, 2);
	takeover_seed(&f->t, f->board); /* it has no page */
	takeover_end(&f->t, 60000);
	for (int i = 0; i < 500 && !takeover_is_over(&f->t); i++) {
		usleep(10000);
		takeover_tick(&f->t, f->board, clock_mono_ms());
	}
	assert_true(takeover_is_over(&f->t));
}

static void
test_kill(void **state)
{
	struct fixture *f = *state;
	int status;

	assert_int_equal(ask(f, SPEAKS), 0);
	kill(f->orphan, SIGSTOP);
	takeover_end(&f->t, 60000);
	assert_false(takeover_is_over(&f->t));
	takeover_kill(&f->t);
	assert_int_equal(waitpid(f->orphan, &status, 0), f->orphan);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	f->orphan = 0;
	takeover_tick(&f->t, f->board, clock_mono_ms());
	assert_true(takeover_is_over(&f->t));
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nobody, setup, teardown),
		cmocka_unit_test_setup_teardown(test_silent, setup, teardown),
		cmocka_unit_test_setup_teardown(test_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_layout, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hangs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_page_that_names_another, setup, teardown),
		cmocka_unit_test_setup_teardown(test_page_that_is_in_the_base, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_slow, setup, teardown),
		cmocka_unit_test_setup_teardown(test_search, setup, teardown),
		cmocka_unit_test_setup_teardown(test_kill, setup, teardown),
	};

	if (argc > 1 && strcmp(argv[1], "worker") == 0)
		return sleep(60) > 0;
	log_setup("test", LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
