/* What the kernel counts as acknowledged, in every way in which a connection can end under a
 * request. Whether a request may be sent again rests on it. */

#include "lib/stream.h"
#include "lib/stream_peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

struct pair {
	struct stream_env env;
	struct stream s; /* ours */
	int fd;          /* the peer's */
	int end;         /* what `end` was told; 1: nothing yet */
	bool closed;
};

static uv_loop_t loop;

static void
on_data(struct stream *s, struct slice bytes)
{
}

static void
on_end(struct stream *s, int error)
{
	container_of(s, struct pair, s)->end = error;
}

static void
on_drained(struct stream *s, int error)
{
}

static void
on_closed(struct stream *s)
{
	container_of(s, struct pair, s)->closed = true;
}

static const struct stream_ops ops = {
	.data = on_data, .end = on_end, .drained = on_drained, .closed = on_closed
};

static void
write_bytes(struct pair *p, size_t n, int expected)
{
	static const char bytes[1000];
	struct slice part = slice_make(bytes, n);

	assert_int_equal(stream_write(&p->s, &part, 1), expected);
}

static void
peer_reads(struct pair *p, size_t n)
{
	char bytes[1000];

	assert_int_equal(recv(p->fd, bytes, n, MSG_WAITALL), n);
}

/* A connection that has carried `warm` exchanges of 100 bytes, so that acknowledgements are put
 * off. */
static void
pair_open(struct pair *p, unsigned warm)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof a;
	int listener = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(listener, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&a, &n), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	*p = (struct pair){ .end = 1, .fd = accept(listener, NULL, NULL) };
	assert_true(p->fd >= 0);
	close(listener);
	stream_env_init(&p->env, &loop);
	assert_int_equal(stream_open(&p->s, &p->env, &ops, fd, AF_INET), 0);
	for (unsigned i = 0; i < warm; i++) {
		write_bytes(p, 100, 0);
		peer_reads(p, 100);
		assert_int_equal(send(p->fd, "0123456789", 10, 0), 10);
		assert_int_equal(recv(fd, (char[10]){ 0 }, 10, MSG_WAITALL), 10);
	}
}

static void
peer_ends(struct pair *p, bool reset)
{
	if (reset)
		setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &(struct linger){ .l_onoff = 1 },
			   sizeof(struct linger));
	close(p->fd);
}

static int
end_of(struct pair *p)
{
	assert_int_equal(stream_read(&p->s), 0);
	while (p->end == 1)
		uv_run(&loop, UV_RUN_ONCE);
	return p->end;
}

static uint64_t
acked(const struct pair *p)
{
	uint64_t n = 0;

	assert_int_equal(stream_acked(&p->s, &n), 0);
	return n;
}

static void
pair_close(struct pair *p)
{
	stream_close(&p->s);
	while (!p->closed)
		uv_run(&loop, UV_RUN_ONCE);
	stream_env_deinit(&p->env);
}

static void
test_idle_connection_that_ended(void **state)
{
	struct pair p;

	pair_open(&p, 3);
	assert_int_equal(acked(&p), 300);
	assert_true(stream_is_quiet(&p.s));
	peer_ends(&p, false);
	assert_false(stream_is_quiet(&p.s));
	write_bytes(&p, 50, 0); /* answered by a reset, which comes behind the end */
	assert_int_equal(end_of(&p), 0);
	assert_int_equal(acked(&p), 300);
	write_bytes(&p, 1, -EPIPE); /* not ECONNRESET: the end came first */
	assert_int_equal(acked(&p), 300);
	pair_close(&p);
}

static void
test_new_connection_that_ended(void **state)
{
	struct pair p;

	pair_open(&p, 0);
	peer_ends(&p, false);
	write_bytes(&p, 50, 0);
	assert_int_equal(end_of(&p), 0);
	assert_int_equal(acked(&p), 0);
	pair_close(&p);
}

static void
test_orderly_end_acknowledges_what_was_read(void **state)
{
	struct pair p;

	pair_open(&p, 3);
	write_bytes(&p, 50, 0);
	peer_reads(&p, 50);
	peer_ends(&p, false);
	assert_int_equal(end_of(&p), 0);
	assert_int_equal(acked(&p), 350);
	pair_close(&p);
}

/* Read and perhaps acted upon, and yet not acknowledged: a reset is no proof of anything. */
static void
test_reset_behind_a_read(void **state)
{
	for (int all = 0; all < 2; all++) {
		struct pair p;

		pair_open(&p, 3);
		write_bytes(&p, 50, 0);
		peer_reads(&p, all ? 50 : 10);
		peer_ends(&p, all); /* unread bytes make a close a reset */
		assert_int_equal(end_of(&p), -ECONNRESET);
		assert_true(acked(&p) <= 350);
		pair_close(&p);
	}
}

/* A write takes the error away, and what is read then looks like an orderly end. */
static void
test_write_sees_the_reset_first(void **state)
{
	struct pair p;

	pair_open(&p, 3);
	write_bytes(&p, 50, 0);
	peer_reads(&p, 50);
	peer_ends(&p, true);
	write_bytes(&p, 1, -ECONNRESET);
	assert_int_equal(end_of(&p), 0);
	pair_close(&p);
}

static void
test_unix_socket(void **state)
{
	struct pair p = { .end = 1 };
	uint64_t n;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	p.fd = fds[1];
	stream_env_init(&p.env, &loop);
	assert_int_equal(stream_open(&p.s, &p.env, &ops, fds[0], AF_UNIX), 0);
	assert_true(stream_is_quiet(&p.s));
	assert_true(stream_acked(&p.s, &n) < 0);
	close(p.fd);
	assert_false(stream_is_quiet(&p.s));
	write_bytes(&p, 50, -EPIPE); /* nothing of it was taken */
	assert_int_equal(end_of(&p), 0);
	pair_close(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_idle_connection_that_ended),
		cmocka_unit_test(test_new_connection_that_ended),
		cmocka_unit_test(test_orderly_end_acknowledges_what_was_read),
		cmocka_unit_test(test_reset_behind_a_read),
		cmocka_unit_test(test_write_sees_the_reset_first),
		cmocka_unit_test(test_unix_socket),
	};
	int failed;

	signal(SIGPIPE, SIG_IGN);
	uv_loop_init(&loop);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	return uv_loop_close(&loop) == 0 ? failed : 1;
}
