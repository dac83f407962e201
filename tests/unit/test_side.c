/*
 * The second link against a real redis-server on a free port. Skipped where there is none.
 */

#include "master/config.h"
#include "master/side.h"

#include <errno.h>

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#include "redis_server.h"

struct fixture {
	uv_loop_t loop;
	struct side *side;
	struct side_user user;
	struct side_channel channel;
	struct config_redis configs[2], *config;
	struct redis_server server;
	unsigned ups, downs, answers, lost, flushes;
	bool tracking;
	int64_t integer; /* of the last answer */
	struct buf said; /* "key KEY;", "text TEXT;", "state FAULT;" */
};

/* Only literal addresses occur here. */
void
resolver_once(struct resolver *r, const char *host,
	      void (*done)(void *userdata, const struct resolved *a, size_t n), void *userdata)
{
	done(userdata, NULL, 0);
}

static void
on_up(void *userdata, bool tracking)
{
	struct fixture *f = userdata;

	f->ups++;
	f->tracking = tracking;
}

static void
on_down(void *userdata, const char *reason)
{
	struct fixture *f = userdata;

	f->downs++;
}

static void
on_invalidated(void *userdata, struct slice key)
{
	struct fixture *f = userdata;

	if (!key.p)
		f->flushes++;
	else
		buf_addf(&f->said, "key %.*s;", SLICE_F(key));
}

static void
on_state(void *userdata, const char *fault)
{
	struct fixture *f = userdata;

	buf_addf(&f->said, "state %.6s;", fault);
}

static void
on_text(void *userdata, struct slice text)
{
	struct fixture *f = userdata;

	buf_addf(&f->said, "text %.*s;", SLICE_F(text));
}

static void
on_answer(void *userdata, struct slice tag, const struct redis_reply *r)
{
	struct fixture *f = userdata;

	assert_true(slice_eq(tag, SLICE("t")));
	f->answers++;
	f->lost += !r;
	f->integer = r ? r->integer : -1;
}

/* ---- the loop ---- */

typedef bool (*condition)(struct fixture *f, const char *arg);

static void
on_tick(uv_timer_t *timer)
{
}

static bool
run_until(struct fixture *f, condition c, const char *arg, uint64_t patience)
{
	uint64_t end = clock_mono_ms() + patience;
	uv_timer_t tick;
	bool met;

	uv_timer_init(&f->loop, &tick);
	uv_timer_start(&tick, on_tick, 1, 1);
	while (!(met = c(f, arg)) && clock_mono_ms() < end)
		uv_run(&f->loop, UV_RUN_ONCE);
	uv_close((uv_handle_t *)&tick, NULL);
	uv_run(&f->loop, UV_RUN_NOWAIT);
	return met;
}

static bool
is_up(struct fixture *f, const char *arg)
{
	struct side_status st;

	side_get_status(f->side, &st);
	return st.up;
}

static bool
is_not_up(struct fixture *f, const char *arg)
{
	return !is_up(f, arg);
}

static bool
has_said(struct fixture *f, const char *text)
{
	buf_addc(&f->said, '\0');
	f->said.n--;
	return strstr(f->said.p, text) != NULL;
}

static bool
has_answers(struct fixture *f, const char *count)
{
	return f->answers == (unsigned)atoi(count);
}

static bool
was_flushed(struct fixture *f, const char *arg)
{
	return f->flushes > 0;
}

static bool
never(struct fixture *f, const char *arg)
{
	return false;
}

#define await(f, c, arg) assert_true(run_until(f, c, arg, PATIENCE_MS))

/* ---- setting up ---- */

static void
configure(struct fixture *f)
{
	f->config = f->config == &f->configs[0] ? &f->configs[1] : &f->configs[0];
	*f->config = (struct config_redis){
		.configured = true,
		.address = { .text = "redis", .host = "127.0.0.1", .port = f->server.port },
		.username = "",
		.timeout = 2000,
	};
	side_configure(f->side, f->config);
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	uv_loop_init(&f->loop);
	f->side = side_new(&f->loop, NULL, NULL);
	f->user = (struct side_user){ on_up, on_down, on_invalidated, .userdata = f };
	f->channel = (struct side_channel){ SLICE("news"), on_state, on_text, .userdata = f };
	close(listen_free(&f->server.port));
	redis_start(&f->server, "");
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	side_free(f->side);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	redis_kill(&f->server);
	unlink(f->server.socket);
	buf_deinit(&f->said);
	free(f);
	return 0;
}

static int
ask(struct fixture *f, struct slice key)
{
	const struct slice argv[] = { SLICE("EXISTS"), key };

	return side_command(f->side, on_answer, f, SLICE("t"), 2, argv);
}

static void
begin(struct fixture *f)
{
	configure(f);
	side_join(f->side, &f->user);
	await(f, is_up, NULL);
	assert_int_equal(f->ups, 1);
	assert_true(f->tracking);
}

/* ---- cases ---- */

static void
test_nothing_without_users(void **state)
{
	struct fixture *f = *state;
	struct side_status st;

	configure(f);
	assert_false(run_until(f, is_up, NULL, 200));
	assert_int_equal(ask(f, SLICE("a")), -ENOTCONN);
	side_get_status(f->side, &st);
	assert_false(st.wanted);
	side_join(f->side, &f->user);
	await(f, is_up, NULL);
	side_leave(f->side, &f->user);
	assert_false(is_up(f, NULL));
	assert_int_equal(f->downs, 0); /* it had left */
}

/* Keys that were read, existing or not, and no others. */
static void
test_announces_what_was_read(void **state)
{
	struct fixture *f = *state;

	begin(f);
	assert_int_equal(ask(f, SLICE("with space\r\n")), 0);
	assert_int_equal(ask(f, SLICE("there")), 0);
	await(f, has_answers, "2");
	redis_type(&f->server, "SET other 1");
	redis_type(&f->server, "SET \"with space\\r\\n\" 1");
	await(f, has_said, "key with space\r\n;");
	redis_type(&f->server, "SET there 1");
	await(f, has_said, "key there;");
	assert_false(has_said(f, "other"));
	/* Once: it has to be read again. */
	f->said.n = 0;
	redis_type(&f->server, "DEL there");
	assert_false(run_until(f, has_said, "key", 100));
	assert_int_equal(ask(f, SLICE("there")), 0);
	await(f, has_answers, "3");
	assert_int_equal(f->integer, 0);
	redis_type(&f->server, "FLUSHALL");
	await(f, was_flushed, NULL);
}

static void
test_many_at_once(void **state)
{
	struct fixture *f = *state;

	begin(f);
	for (int i = 0; i < 5000; i++)
		assert_int_equal(ask(f, SLICE("k")), 0);
	await(f, has_answers, "5000");
	assert_int_equal(f->lost, 0);
}

static void
test_channels(void **state)
{
	struct fixture *f = *state;

	configure(f);
	side_listen(f->side, &f->channel); /* without a user */
	await(f, has_said, "state ;");
	redis_type(&f->server, "PUBLISH news first");
	redis_type(&f->server, "PUBLISH olds second");
	await(f, has_said, "text first;");
	assert_false(run_until(f, has_said, "second", 50));
	side_join(f->side, &f->user);
	side_unlisten(f->side, &f->channel);
	f->said.n = 0;
	assert_int_equal(ask(f, SLICE("a")), 0);
	await(f, has_answers, "1");
	assert_false(run_until(f, never, NULL, 50));
	redis_type(&f->server, "PUBLISH news third");
	assert_false(run_until(f, has_said, "third", 50));
}

/* Each command is told, and all of it comes back. */
static void
test_loss(void **state)
{
	struct fixture *f = *state;

	begin(f);
	side_listen(f->side, &f->channel);
	await(f, has_said, "state ;");
	f->said.n = 0;
	kill(f->server.pid, SIGSTOP);
	for (int i = 0; i < 10; i++)
		assert_int_equal(ask(f, SLICE("k")), 0);
	run_until(f, never, NULL, 20);
	redis_kill(&f->server);
	await(f, is_not_up, NULL);
	assert_int_equal(f->answers, 10);
	assert_int_equal(f->lost, 10);
	assert_int_equal(f->downs, 1);
	redis_start(&f->server, "");
	await(f, is_up, NULL);
	await(f, has_said, "state ;");
	assert_int_equal(f->ups, 2);
	redis_type(&f->server, "PUBLISH news again");
	await(f, has_said, "text again;");
}

/* A user who may read and subscribe, and not CLIENT TRACKING: channels come, changes do not. */
static void
test_no_tracking(void **state)
{
	struct fixture *f = *state;

	redis_type(&f->server, "ACL SETUSER default -client|tracking");
	configure(f);
	side_join(f->side, &f->user);
	side_listen(f->side, &f->channel);
	await(f, has_said, "state ;");
	assert_int_equal(f->ups, 1);
	assert_false(f->tracking);
	assert_int_equal(ask(f, SLICE("k")), 0);
	await(f, has_answers, "1");
	redis_type(&f->server, "PUBLISH news a");
	await(f, has_said, "text a;");
}

static void
test_forbidden_channel(void **state)
{
	struct fixture *f = *state;

	redis_type(&f->server, "ACL SETUSER default resetchannels &__redis__:invalidate");
	configure(f);
	side_join(f->side, &f->user);
	side_listen(f->side, &f->channel);
	await(f, has_said, "state NOPERM;");
	assert_true(f->tracking);
}

static void
test_another_server(void **state)
{
	struct fixture *f = *state;
	struct redis_server old;

	begin(f);
	old = f->server;
	close(listen_free(&f->server.port));
	redis_start(&f->server, "");
	redis_type(&f->server, "SET only-here 1");
	configure(f);
	assert_int_equal(f->downs, 1);
	await(f, is_up, NULL);
	assert_int_equal(ask(f, SLICE("only-here")), 0);
	await(f, has_answers, "1");
	assert_int_equal(f->integer, 1);
	redis_kill(&old);
	unlink(old.socket);
}

int
main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(nothing_without_users),
		CASE(announces_what_was_read),
		CASE(many_at_once),
		CASE(channels),
		CASE(loss),
		CASE(no_tracking),
		CASE(forbidden_channel),
		CASE(another_server),
	};

	if (system("command -v redis-server >/dev/null") != 0) {
		print_message("skipped: there is no redis-server\n");
		return 77;
	}
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
