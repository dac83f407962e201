/* master/listeners and master/socket: real sockets on ports that the kernel chooses, and in a
 * directory of their own. */

#include "master/listeners.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
	char dir[64], run_dir[80], admin[100], shared[100], text[110];
	struct config config;
	struct config_listener listener[2];
	struct inherited in;
	struct buf error;
	struct listeners l;
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	assert_non_null(f);
	snprintf(f->dir, sizeof f->dir, P_tmpdir "/yett-listeners-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->run_dir, sizeof f->run_dir, "%s/run", f->dir);
	assert_int_equal(mkdir(f->run_dir, 0700), 0);
	snprintf(f->admin, sizeof f->admin, "%s/admin.sock", f->run_dir);
	snprintf(f->shared, sizeof f->shared, "%s/http.sock", f->dir);
	snprintf(f->text, sizeof f->text, "unix:%s", f->shared);
	f->listener[0].address =
	    (struct config_address){ .text = "127.0.0.1:0", .host = "127.0.0.1" };
	f->listener[0].place.line = 3;
	f->listener[1].address = (struct config_address){ .text = f->text, .unix_path = f->shared };
	f->config = (struct config){
		.file = "yett.yaml",
		.listeners = f->listener,
		.listeners_count = 2,
		.workers = 3,
		.run_dir = f->run_dir,
		.user = "",
		.admin_socket = { .text = "unix:admin", .unix_path = f->admin },
	};
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	listeners_deinit(&f->l);
	inherited_deinit(&f->in);
	buf_deinit(&f->error);
	assert_int_equal(rmdir(f->run_dir), 0); /* all sockets were removed */
	assert_int_equal(rmdir(f->dir), 0);
	free(f);
	return 0;
}

static void
open_all(struct fixture *f)
{
	int r = listeners_open(&f->l, &f->config, &f->in, &f->error);

	if (r < 0)
		print_error("%.*s", SLICE_F(buf_slice(&f->error)));
	assert_int_equal(r, 0);
	assert_int_equal(f->error.n, 0);
}

static void
refused(struct fixture *f, int error, const char *text)
{
	struct listeners l;

	assert_int_equal(listeners_open(&l, &f->config, &f->in, &f->error), error);
	buf_addc(&f->error, '\0');
	if (!strstr(f->error.p, text))
		fail_msg("`%s` is not in `%s`", text, f->error.p);
}

static int
option(int fd, int name)
{
	int value = -1;
	socklen_t n = sizeof value;

	assert_int_equal(getsockopt(fd, SOL_SOCKET, name, &value, &n), 0);
	return value;
}

static uint16_t
port_of(int fd)
{
	struct sockaddr_in a;
	socklen_t n = sizeof a;

	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	return ntohs(a.sin_port);
}

static void
test_open(void **state)
{
	struct fixture *f = *state;

	open_all(f);
	assert_int_equal(f->l.count, 4); /* two of traffic, admin, takeover */
	assert_int_equal(f->l.all[0].fds_count, 3);
	assert_false(f->l.all[0].shared);
	for (uint32_t i = 0; i < 3; i++) {
		int fd = listener_fd(&f->l.all[0], i);

		assert_int_equal(option(fd, SO_ACCEPTCONN), 1);
		assert_int_equal(option(fd, SO_REUSEPORT), 1);
		assert_int_equal(port_of(fd), f->l.all[0].port);
		assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
		assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	}
	assert_int_equal(listener_fd(&f->l.all[0], 3), -1);
	assert_true(f->l.all[1].shared);
	assert_int_equal(listener_fd(&f->l.all[1], 2), listener_fd(&f->l.all[1], 0));
	assert_int_equal(f->l.all[2].kind, LISTENER_ADMIN);
	assert_int_equal(f->l.all[3].kind, LISTENER_TAKEOVER);
	assert_int_equal(option(f->l.all[3].fds[0], SO_TYPE), SOCK_SEQPACKET);
	listeners_close(&f->l, LISTENER_HTTP);
	assert_int_equal(listener_fd(&f->l.all[0], 0), -1);
	assert_int_equal(access(f->shared, F_OK), -1);
	assert_int_equal(access(f->admin, F_OK), 0);
}

static void
test_modes(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	umask(077);
	open_all(f);
	umask(022);
	assert_int_equal(stat(f->shared, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0666);
	assert_int_equal(stat(f->admin, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
}

/* A second gateway of the same user would get the port by SO_REUSEPORT, and half of the
 * connections. */
static void
test_port_in_use(void **state)
{
	struct fixture *f = *state;
	struct fixture *other;
	char pid[32];

	open_all(f);
	assert_int_equal(setup((void **)&other), 0);
	other->listener[0].address.port = f->l.all[0].port;
	refused(other, -EADDRINUSE, "yett.yaml:3: listeners: 127.0.0.1:0: address in use by");
	snprintf(pid, sizeof pid, "(pid %d)", (int)getpid());
	assert_non_null(strstr(other->error.p, pid));
	teardown((void **)&other);
}

static int
unix_server(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

static void
test_unix_left_over(void **state)
{
	struct fixture *f = *state;

	close(unix_server(f->shared));
	open_all(f);
}

static void
test_unix_in_use(void **state)
{
	struct fixture *f = *state;
	int fd = unix_server(f->shared);

	refused(f, -EADDRINUSE, "another process listens there");
	assert_int_equal(access(f->shared, F_OK), 0);
	assert_int_equal(access(f->admin, F_OK), -1); /* nothing is left */
	close(fd);
	unlink(f->shared);
}

static void
test_unix_no_socket(void **state)
{
	struct fixture *f = *state;

	close(open(f->shared, O_CREAT | O_WRONLY, 0600));
	refused(f, -EEXIST, "exists and is no socket");
	assert_int_equal(unlink(f->shared), 0);
}

static ino_t
file_of(const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 ? 0 : st.st_ino;
}

/* In the directory whose lock we hold, an orphan of an earlier master may still listen. It keeps
 * its path until our own workers are there. */
static void
test_admin_is_replaced(void **state)
{
	struct fixture *f = *state;
	int fd = unix_server(f->admin);
	ino_t before = file_of(f->admin);

	open_all(f);
	assert_int_equal(file_of(f->admin), before);
	listeners_place(&f->l, LISTENER_ADMIN);
	assert_int_not_equal(file_of(f->admin), 0);
	assert_int_not_equal(file_of(f->admin), before);
	listeners_place(&f->l, LISTENER_ADMIN); /* once is enough */
	listeners_close(&f->l, LISTENER_ADMIN);
	assert_int_equal(file_of(f->admin), 0);
	close(fd);
}

/* A start that fails: what orphans serve stays, and nothing of ours does. */
static void
test_never_placed(void **state)
{
	struct fixture *f = *state;
	int fd = unix_server(f->admin), shared = unix_server(f->shared);
	ino_t before = file_of(f->admin), shared_before = file_of(f->shared);

	inherited_add(&f->in, shared, 0);
	open_all(f);
	listeners_deinit(&f->l);
	assert_int_equal(file_of(f->admin), before);
	assert_int_equal(file_of(f->shared), shared_before);
	close(fd);
	unlink(f->admin);
	unlink(f->shared); /* teardown finds the directories empty */
}

/* A socket file that another gateway has put in the place of ours stays. */
static void
test_not_ours_any_more(void **state)
{
	struct fixture *f = *state;
	int fd;

	open_all(f);
	unlink(f->shared);
	fd = unix_server(f->shared);
	listeners_close(&f->l, LISTENER_HTTP);
	assert_int_equal(access(f->shared, F_OK), 0);
	close(fd);
	unlink(f->shared);
}

static uint64_t
inode_of(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return st.st_ino;
}

/* The sockets of an earlier master are used, each in its slot as far as it goes; what fits nothing
 * is closed. */
static void
test_inherited(void **state)
{
	struct fixture *f = *state;
	struct fixture *next;
	uint64_t unix_inode;
	int strange = socket(AF_INET, SOCK_STREAM, 0), copy;

	open_all(f);
	assert_int_equal(setup((void **)&next), 0);
	next->config.workers = 4;
	next->listener[0].address.port = f->l.all[0].port;
	next->listener[1].address = f->listener[1].address;
	copy = dup(strange);
	inherited_add(&next->in, copy, 0);
	for (uint32_t i = 0; i < 3; i++)
		inherited_add(&next->in, dup(f->l.all[0].fds[2 - i]), 2 - i);
	inherited_add(&next->in, dup(f->l.all[1].fds[0]), 0);
	open_all(next);
	inherited_deinit(&next->in);
	assert_int_equal(fcntl(copy, F_GETFD), -1);
	close(strange);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(inode_of(next->l.all[0].fds[i]), inode_of(f->l.all[0].fds[i]));
	assert_int_equal(next->l.all[0].fds_count, 4); /* one is new */
	assert_int_equal(port_of(next->l.all[0].fds[3]), f->l.all[0].port);
	assert_int_equal(option(next->l.all[0].fds[3], SO_ACCEPTCONN), 0);
	listeners_listen(&next->l); /* as late as that, it loses no connection if we fail */
	assert_int_equal(option(next->l.all[0].fds[3], SO_ACCEPTCONN), 1);
	listeners_place(&next->l, LISTENER_HTTP);
	unix_inode = inode_of(f->l.all[1].fds[0]);
	assert_int_equal(inode_of(next->l.all[1].fds[0]), unix_inode);
	teardown((void **)&next); /* removes the socket's file, which is now its own */
	assert_int_equal(access(f->shared, F_OK), -1);
}

/* Orphans that nobody hands over do not keep us from the address, and are marked; whoever else
 * listens there does. */
static void
test_orphans_listen(void **state)
{
	struct fixture *f = *state;
	struct fixture *next;
	struct inherited_orphan *orphan, *stranger;

	f->config.workers = 2;
	open_all(f);
	assert_int_equal(setup((void **)&next), 0);
	next->listener[0].address.port = f->l.all[0].port;
	next->config.listeners_count = 1;
	inherited_add_orphan(&next->in, 1, -1);
	inherited_add_orphan(&next->in, 2, -1);
	orphan = &next->in.orphans[0];
	stranger = &next->in.orphans[1];
	orphan->inodes = calloc(2, sizeof *orphan->inodes);
	stranger->inodes = calloc(1, sizeof *stranger->inodes);
	assert_true(orphan->inodes && stranger->inodes);
	orphan->count = stranger->count = 1;
	orphan->inodes[0] = inode_of(f->l.all[0].fds[0]);
	stranger->inodes[0] = inode_of(f->l.all[1].fds[0]);
	refused(next, -EADDRINUSE, "address in use by"); /* the other socket is nobody's */
	next->error.n = 0;
	orphan->count = 2;
	orphan->inodes[1] = inode_of(f->l.all[0].fds[1]);
	orphan->listens = false;
	open_all(next);
	assert_true(orphan->listens);
	assert_false(stranger->listens);
	assert_int_equal(option(next->l.all[0].fds[0], SO_ACCEPTCONN), 0);
	teardown((void **)&next);
}

/* One of our run_dir that holds no socket yet may be about to: what nobody holds is on its way to
 * it. */
static void
test_orphan_that_has_not_begun(void **state)
{
	struct fixture *f = *state;
	struct fixture *next;
	struct inherited_orphan *orphan;

	open_all(f);
	assert_int_equal(setup((void **)&next), 0);
	next->listener[0].address.port = f->l.all[0].port;
	next->config.listeners_count = 1;
	orphan = inherited_add_orphan(&next->in, 1, -1);
	refused(next, -EADDRINUSE, "address in use by");
	next->error.n = 0;
	orphan->named = true;
	open_all(next);
	assert_int_equal(option(next->l.all[0].fds[0], SO_ACCEPTCONN), 0);
	teardown((void **)&next);
}

/* The same as for orphans on a port, on a Unix socket outside the run_dir. */
static void
test_orphans_listen_unix(void **state)
{
	struct fixture *f = *state;
	struct inherited_orphan *orphan = inherited_add_orphan(&f->in, 1, -1);
	int fd = unix_server(f->shared);

	orphan->inodes = calloc(1, sizeof *orphan->inodes);
	assert_non_null(orphan->inodes);
	orphan->inodes[0] = inode_of(fd);
	orphan->count = 1;
	open_all(f);
	assert_true(orphan->listens);
	listeners_place(&f->l, LISTENER_HTTP);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_open, setup, teardown),
		cmocka_unit_test_setup_teardown(test_modes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_port_in_use, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unix_left_over, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unix_in_use, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unix_no_socket, setup, teardown),
		cmocka_unit_test_setup_teardown(test_admin_is_replaced, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_ours_any_more, setup, teardown),
		cmocka_unit_test_setup_teardown(test_inherited, setup, teardown),
		cmocka_unit_test_setup_teardown(test_never_placed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_orphans_listen, setup, teardown),
		cmocka_unit_test_setup_teardown(test_orphan_that_has_not_begun, setup, teardown),
		cmocka_unit_test_setup_teardown(test_orphans_listen_unix, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
