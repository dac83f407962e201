/*
 * TLS behind streams: a server's and a client's with a socket between them, in one loop.
 */

#include "lib/stream.h"
#include "lib/tls_session.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "tls_talk.h"

#define OPEN 12345 /* `end` of a stream that has had none */

static uv_loop_t loop;
static struct stream_env env;
static uv_prepare_t turn;
static uv_idle_t again;
static struct tls_context *server_context, *client_context;

struct end {
	struct stream s;
	struct buf got;
	size_t stop_at; /* pauses when it has so much; 0: never */
	int end, secured, drained;
	bool closed;
	bool in_clear; /* until something comes, which TLS begins with */
};

struct both {
	struct end server, client;
	int server_fd, client_fd;
};

static void
on_data(struct stream *s, struct slice bytes)
{
	struct end *e = container_of(s, struct end, s);

	if (e->in_clear) {
		e->in_clear = false;
		stream_accept_tls(s, server_context, bytes);
		return;
	}
	buf_adds(&e->got, bytes);
	if (e->stop_at && e->got.n >= e->stop_at)
		stream_pause(s);
}

static void
on_end(struct stream *s, int error)
{
	container_of(s, struct end, s)->end = error;
}

static void
on_drained(struct stream *s, int error)
{
	container_of(s, struct end, s)->drained++;
}

static void
on_secured(struct stream *s, int outcome)
{
	container_of(s, struct end, s)->secured = outcome;
}

static void
on_closed(struct stream *s)
{
	container_of(s, struct end, s)->closed = true;
}

static const struct stream_ops ops = { .data = on_data,
				       .end = on_end,
				       .drained = on_drained,
				       .secured = on_secured,
				       .closed = on_closed };

static void
not_idle(uv_idle_t *idle)
{
}

static void
on_turn(uv_prepare_t *prepare)
{
	stream_env_turn(&env);
	if (list_empty(&env.due))
		uv_idle_stop(&again);
	else
		uv_idle_start(&again, not_idle);
}

static bool
pick(void *arg, struct slice name, struct tls_choice *choice)
{
	*choice = (struct tls_choice){ .certificates = { pair_certificates.ecdsa_own }, .n = 1 };
	return !slice_eq(name, SLICE("nobody.example"));
}

static int
setup(void **state)
{
	struct tls_settings server = { .newest = TLS_1_3, .pick = pick };
	struct tls_settings client = { .newest = TLS_1_3 };

	pair_make_certificates(state);
	client.trust = pair_certificates.trust;
	server_context = tls_server_new(&server);
	client_context = tls_client_new(&client);
	uv_loop_init(&loop);
	stream_env_init(&env, &loop);
	uv_prepare_init(&loop, &turn);
	uv_prepare_start(&turn, on_turn);
	uv_unref((uv_handle_t *)&turn);
	uv_idle_init(&loop, &again);
	return 0;
}

static int
teardown(void **state)
{
	uv_close((uv_handle_t *)&turn, NULL);
	uv_close((uv_handle_t *)&again, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(env.open, 0);
	stream_env_deinit(&env);
	assert_int_equal(uv_loop_close(&loop), 0);
	tls_context_unref(server_context);
	tls_context_unref(client_context);
	return pair_free_certificates(state);
}

/* What a turn's end does wakes nobody: so without waiting. */
#define RUN_UNTIL(condition)                                                                       \
	do {                                                                                       \
		uint64_t until = uv_hrtime() + 10000000000u;                                       \
		while (!(condition)) {                                                             \
			uv_run(&loop, UV_RUN_NOWAIT);                                              \
			assert_true(uv_hrtime() < until);                                          \
		}                                                                                  \
	} while (0)

/* All that is under way has come. */
static void
settle(void)
{
	for (int i = 0; i < 20; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
}

static void
end_open(struct end *e, int fd)
{
	*e = (struct end){ .end = OPEN, .secured = OPEN };
	assert_int_equal(stream_open(&e->s, &env, &ops, fd, AF_UNIX), 0);
	assert_int_equal(stream_read(&e->s), 0);
}

/* A server with TLS, and the other end of its socket. */
static void
serve(struct both *b)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	b->server_fd = fds[0];
	b->client_fd = fds[1];
	end_open(&b->server, fds[0]);
	stream_accept_tls(&b->server.s, server_context, slice_make(NULL, 0));
}

static void
call(struct both *b, const char *name)
{
	struct tls_session *session = tls_session_new(client_context);

	assert_int_equal(tls_session_set_peer(session, name), 0);
	end_open(&b->client, b->client_fd);
	assert_int_equal(stream_connect_tls(&b->client.s, session), 0);
}

static void
both_open(struct both *b)
{
	serve(b);
	call(b, PAIR_NAME);
	RUN_UNTIL(b->server.secured == 0 && b->client.secured == 0);
}

static void
end_close(struct end *e)
{
	stream_close(&e->s);
	RUN_UNTIL(e->closed);
	buf_deinit(&e->got);
}

static void
both_close(struct both *b)
{
	end_close(&b->server);
	end_close(&b->client);
}

static int
say(struct end *e, struct slice bytes)
{
	return stream_write(&e->s, &bytes, 1);
}

static void
test_talk(void **state)
{
	struct both b;

	both_open(&b);
	assert_string_equal(tls_session_version(stream_tls(&b.server.s)), "TLSv1.3");
	assert_int_equal(say(&b.client, SLICE("question")), 0);
	RUN_UNTIL(b.server.got.n == 8);
	assert_int_equal(say(&b.server, SLICE("and answer")), 0);
	RUN_UNTIL(b.client.got.n == 10);
	assert_memory_equal(b.client.got.p, "and answer", 10);
	both_close(&b);
}

/* What was said before the handshake's end is read with it. */
static void
test_data_behind_the_handshake(void **state)
{
	struct both b;

	serve(&b);
	call(&b, PAIR_NAME);
	assert_int_equal(say(&b.client, SLICE("early")), -ENOTCONN);
	RUN_UNTIL(b.client.secured == 0);
	assert_int_equal(say(&b.client, SLICE("question")), 0);
	RUN_UNTIL(b.server.got.n == 8);
	both_close(&b);
}

static char
pattern_at(size_t i)
{
	return (char)(i * 7 + i / 251);
}

/* More than buffers hold, to a reader that stops. */
static void
test_large(void **state)
{
	const size_t size = (size_t)8 << 20, piece = 100000;
	struct buf BUF_CLEAN bytes = { 0 };
	size_t sent = 0;
	struct both b;
	bool full = false;

	both_open(&b);
	for (size_t i = 0; i < size; i++)
		buf_addc(&bytes, pattern_at(i));
	b.client.stop_at = 300000;
	while (sent < size) {
		size_t n = size - sent < piece ? size - sent : piece;
		int r = say(&b.server, slice_make(bytes.p + sent, n));

		assert_true(r >= 0);
		sent += n;
		if (r != STREAM_FULL)
			continue;
		settle();
		if (b.server.s.full) { /* the reader has stopped */
			full = true;
			assert_true(b.client.got.n >= b.client.stop_at);
			assert_true(b.client.got.n < b.client.stop_at + STREAM_READ_SIZE);
			b.client.stop_at += 1000000;
			assert_int_equal(stream_read(&b.client.s), 0);
			RUN_UNTIL(!b.server.s.full);
		}
	}
	b.client.stop_at = 0;
	assert_int_equal(stream_read(&b.client.s), 0);
	RUN_UNTIL(b.client.got.n == size);
	assert_true(full);
	assert_memory_equal(b.client.got.p, bytes.p, size);
	both_close(&b);
}

static void
test_close_is_told(void **state)
{
	struct both b;

	both_open(&b);
	assert_int_equal(say(&b.server, SLICE("all of it")), 0);
	end_close(&b.server);
	RUN_UNTIL(b.client.end != OPEN);
	assert_int_equal(b.client.got.n, 9);
	assert_int_equal(b.client.end, 0);
	end_close(&b.client);
}

/* Each side ends by itself. */
static void
test_half_closed(void **state)
{
	struct both b;

	both_open(&b);
	assert_int_equal(say(&b.client, SLICE("question")), 0);
	assert_int_equal(stream_shutdown(&b.client.s), 0);
	RUN_UNTIL(b.server.end != OPEN);
	assert_int_equal(b.server.end, 0);
	assert_int_equal(b.server.got.n, 8);
	assert_int_equal(say(&b.client, SLICE("more")), -EPIPE);
	assert_int_equal(say(&b.server, SLICE("answer")), 0);
	RUN_UNTIL(b.client.got.n == 6);
	assert_int_equal(b.client.end, OPEN);
	assert_int_equal(stream_shutdown(&b.server.s), 0);
	RUN_UNTIL(b.client.end == 0);
	both_close(&b);
}

static void
test_cut_off(void **state)
{
	struct both b;

	both_open(&b);
	assert_int_equal(say(&b.server, SLICE("a part")), 0);
	assert_int_equal(shutdown(b.server_fd, SHUT_WR), 0);
	RUN_UNTIL(b.client.end != OPEN);
	assert_int_equal(b.client.got.n, 6);
	assert_int_equal(b.client.end, -ECONNRESET);
	both_close(&b);
}

static void
test_cut_off_in_the_handshake(void **state)
{
	struct both b;

	serve(&b);
	assert_int_equal(send(b.client_fd, "\x16\x03\x01\x02\x00\x01", 6, 0), 6);
	settle();
	assert_int_equal(b.server.end, OPEN);
	close(b.client_fd);
	RUN_UNTIL(b.server.end != OPEN);
	assert_int_equal(b.server.end, -ECONNRESET);
	assert_int_equal(b.server.secured, OPEN);
	end_close(&b.server);
}

static void
test_nothing_is_said(void **state)
{
	struct both b;

	serve(&b);
	close(b.client_fd);
	RUN_UNTIL(b.server.end != OPEN);
	assert_int_equal(b.server.end, -ECONNRESET);
	assert_null(stream_tls(&b.server.s));
	assert_int_equal(say(&b.server, SLICE("anybody?")), -ENOTCONN);
	end_close(&b.server);
}

static void
test_no_tls(void **state)
{
	struct both b;
	char answer[16] = "";

	serve(&b);
	assert_int_equal(send(b.client_fd, "\x80garbage", 8, 0), 8);
	RUN_UNTIL(b.server.end != OPEN);
	assert_int_equal(b.server.end, -EPROTO);
	assert_true(*tls_session_why(stream_tls(&b.server.s)));
	assert_int_equal(say(&b.server, SLICE("sorry")), -ENOTCONN);
	end_close(&b.server);
	assert_int_equal(recv(b.client_fd, answer, sizeof answer, 0), 7);
	assert_int_equal(answer[0], 0x15); /* an alert */
	close(b.client_fd);
}

static void
test_plain(void **state)
{
	struct both b;
	char answer[16] = "";

	serve(&b);
	assert_int_equal(send(b.client_fd, "GET / HTTP/1.1\r\n\r\n", 18, 0), 18);
	RUN_UNTIL(b.server.got.n == 18);
	assert_int_equal(b.server.secured, STREAM_PLAIN);
	assert_int_equal(say(&b.server, SLICE("no")), 0);
	assert_int_equal(recv(b.client_fd, answer, sizeof answer, 0), 2);
	end_close(&b.server);
	assert_int_equal(recv(b.client_fd, answer, sizeof answer, 0), 0);
	close(b.client_fd);
}

static void
test_early(void **state)
{
	struct both b;
	char hello[2000];
	ssize_t n;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	b.client_fd = fds[1];
	call(&b, PAIR_NAME);
	settle();
	n = recv(fds[0], hello, sizeof hello, 0);
	assert_true(n > 100);
	end_open(&b.server, fds[0]);
	stream_accept_tls(&b.server.s, server_context, slice_make(hello, (size_t)n));
	RUN_UNTIL(b.server.secured == 0 && b.client.secured == 0);
	both_close(&b);
}

/* Behind the PROXY header of a client that has sent more by then than one read takes: none of it is
 * taken for what comes in clear. */
static void
test_much_comes_early(void **state)
{
	static char noise[STREAM_READ_SMALL + 5000];
	struct both b;
	int fds[2];

	memset(noise, 0x16, STREAM_READ_SMALL);
	memset(noise + STREAM_READ_SMALL, 'G', 5000);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	assert_int_equal(send(fds[1], noise, sizeof noise, 0), sizeof noise);
	end_open(&b.server, fds[0]);
	b.server.in_clear = true;
	RUN_UNTIL(b.server.end != OPEN || b.server.got.n > 0);
	assert_int_equal(b.server.got.n, 0);
	assert_int_equal(b.server.end, -EPROTO);
	end_close(&b.server);
	close(fds[1]);
}

static void
test_refused(void **state)
{
	struct both b;

	serve(&b);
	call(&b, "nobody.example");
	RUN_UNTIL(b.server.end != OPEN && b.client.end != OPEN);
	assert_int_equal(b.server.end, -EPROTO);
	assert_int_equal(b.client.end, -ECONNABORTED);
	both_close(&b);
	serve(&b);
	call(&b, "other.example");
	RUN_UNTIL(b.client.end != OPEN);
	assert_int_equal(b.client.end, -EKEYREJECTED);
	both_close(&b);
}

static void
test_reset_is_no_end(void **state)
{
	struct both b;

	both_open(&b);
	stream_reset(&b.server.s);
	RUN_UNTIL(b.client.end != OPEN);
	assert_true(b.client.end < 0);
	RUN_UNTIL(b.server.closed);
	end_close(&b.client);
	buf_deinit(&b.server.got);
}

/* What came with the end while the reader had stopped is told in order, when it goes on. */
static void
test_end_waits_for_a_paused_reader(void **state)
{
	struct both b;

	both_open(&b);
	b.client.stop_at = 1;
	assert_int_equal(say(&b.server, SLICE("last words")), 0);
	assert_int_equal(stream_shutdown(&b.server.s), 0);
	RUN_UNTIL(b.client.got.n == 10);
	settle();
	assert_int_equal(b.client.end, OPEN);
	assert_int_equal(stream_read(&b.client.s), 0);
	RUN_UNTIL(b.client.end == 0);
	both_close(&b);
}

static void
test_paused_reader_hears_that_the_peer_is_gone(void **state)
{
	struct both b;

	both_open(&b);
	stream_pause(&b.client.s);
	settle();
	stream_reset(&b.server.s);
	RUN_UNTIL(b.server.closed);
	stream_env_check(&env);
	assert_int_equal(b.client.end, -ECONNRESET);
	end_close(&b.client);
	buf_deinit(&b.server.got);
}

/* A turn takes up a few handshakes; bytes of others do not wait for all of them. */
static void
test_handshakes_are_bounded(void **state)
{
	enum { MANY = 60 };
	static struct both crowd[MANY];
	struct both b;
	unsigned turns = 0, done;

	both_open(&b);
	for (unsigned i = 0; i < MANY; i++) {
		serve(&crowd[i]);
		call(&crowd[i], PAIR_NAME);
	}
	assert_int_equal(say(&b.client, SLICE("question")), 0);
	for (done = 0; done < MANY && turns < 10000; turns++) {
		uv_run(&loop, UV_RUN_NOWAIT);
		done = 0;
		for (unsigned i = 0; i < MANY; i++)
			done += crowd[i].server.secured == 0;
		if (turns == 1) {
			assert_int_equal(b.server.got.n, 8);
			assert_true(done < MANY / 2);
		}
	}
	assert_int_equal(done, MANY);
	assert_true(turns > 4); /* their last flights cost little, many end in one */
	for (unsigned i = 0; i < MANY; i++)
		both_close(&crowd[i]);
	both_close(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_talk),
		cmocka_unit_test(test_data_behind_the_handshake),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_close_is_told),
		cmocka_unit_test(test_half_closed),
		cmocka_unit_test(test_cut_off),
		cmocka_unit_test(test_cut_off_in_the_handshake),
		cmocka_unit_test(test_nothing_is_said),
		cmocka_unit_test(test_no_tls),
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_early),
		cmocka_unit_test(test_much_comes_early),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_reset_is_no_end),
		cmocka_unit_test(test_end_waits_for_a_paused_reader),
		cmocka_unit_test(test_paused_reader_hears_that_the_peer_is_gone),
		cmocka_unit_test(test_handshakes_are_bounded),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
