/* Sources that have much to say and take long to be heard: together they get a bounded part of each
 * loop turn, all of them in turn, and who says little is heard in each. */

#include "lib/stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define TALKERS 40
#define BURN_NS 200000u /* for each of their reads */
#define READS_MOST 15u  /* in a turn: two parts of a millisecond, and what goes over each */
#define READS_EACH 10u  /* until we have seen enough */
#define TURNS_MOST 2000

struct talker {
	struct stream s;
	int peer;
	unsigned reads;
	bool closed;
};

static uv_loop_t loop;
static struct stream_env env;

static void
on_data(struct stream *s, struct slice bytes)
{
	uint64_t until = uv_hrtime() + (bytes.n > 1 ? BURN_NS : 0);

	container_of(s, struct talker, s)->reads++;
	while (uv_hrtime() < until)
		;
}

static void
on_end(struct stream *s, int error)
{
	fail();
}

static void
on_drained(struct stream *s, int error)
{
}

static void
on_closed(struct stream *s)
{
	container_of(s, struct talker, s)->closed = true;
}

static const struct stream_ops ops = {
	.data = on_data, .end = on_end, .drained = on_drained, .closed = on_closed
};

static void
talker_open(struct talker *t)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds),
			 0);
	*t = (struct talker){ .peer = fds[1] };
	assert_int_equal(stream_open(&t->s, &env, &ops, fds[0], AF_UNIX), 0);
	assert_int_equal(stream_read(&t->s), 0);
}

static void
talker_close(struct talker *t)
{
	stream_close(&t->s);
	while (!t->closed)
		uv_run(&loop, UV_RUN_ONCE);
	close(t->peer);
}

/* As much as the socket takes. */
static void
talk(struct talker *t)
{
	static const char much[65536];

	while (send(t->peer, much, sizeof much, 0) > 0)
		;
}

/* Of all talkers. */
static unsigned
reads_of(const struct talker *all, unsigned *least, unsigned *most)
{
	unsigned sum = 0;

	*least = UINT32_MAX, *most = 0;
	for (unsigned i = 0; i < TALKERS; i++) {
		sum += all[i].reads;
		*least = all[i].reads < *least ? all[i].reads : *least;
		*most = all[i].reads > *most ? all[i].reads : *most;
	}
	return sum;
}

static void
turn(struct talker *all, struct talker *quiet)
{
	unsigned heard = quiet->reads;

	for (unsigned i = 0; i < TALKERS; i++)
		talk(&all[i]);
	assert_int_equal(send(quiet->peer, "x", 1, 0), 1);
	uv_run(&loop, UV_RUN_NOWAIT);
	assert_int_equal(quiet->reads, heard + 1);
	stream_env_turn(&env);
}

static void
test_many_that_have_much_to_say(void **state)
{
	struct talker all[TALKERS], quiet;
	unsigned least, most, before, after;
	int turns = 0;

	for (unsigned i = 0; i < TALKERS; i++)
		talker_open(&all[i]);
	talker_open(&quiet);
	turn(all, &quiet); /* nobody knows them yet */
	after = reads_of(all, &least, &most);
	do {
		before = after;
		turn(all, &quiet);
		after = reads_of(all, &least, &most);
		assert_true(after > before);
		assert_in_range(after - before, 1, READS_MOST);
	} while (least < READS_EACH && ++turns < TURNS_MOST);
	assert_in_range(least, READS_EACH, most);
	assert_in_range(most - least, 0, READS_EACH);
	for (unsigned i = 0; i < TALKERS; i++)
		talker_close(&all[i]);
	talker_close(&quiet);
}

/* One that is late may be told to pause, or close, before its time comes. */
static void
test_late_ones_that_go(void **state)
{
	struct talker all[TALKERS], quiet;
	unsigned least, most, before;

	for (unsigned i = 0; i < TALKERS; i++)
		talker_open(&all[i]);
	talker_open(&quiet);
	for (unsigned i = 0; i < 3; i++)
		turn(all, &quiet);
	for (unsigned i = 0; i < TALKERS; i += 2)
		stream_pause(&all[i].s);
	for (unsigned i = 1; i < TALKERS; i += 2)
		talker_close(&all[i]);
	before = reads_of(all, &least, &most);
	stream_env_turn(&env);
	uv_run(&loop, UV_RUN_NOWAIT);
	assert_int_equal(reads_of(all, &least, &most), before);
	assert_int_equal(stream_read(&all[0].s), 0);
	uv_run(&loop, UV_RUN_NOWAIT);
	stream_env_turn(&env);
	assert_true(reads_of(all, &least, &most) > before);
	for (unsigned i = 0; i < TALKERS; i += 2)
		talker_close(&all[i]);
	talker_close(&quiet);
}

static int
begin(void **state)
{
	stream_env_init(&env, &loop);
	return 0;
}

static int
end(void **state)
{
	stream_env_deinit(&env);
	return 0;
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_many_that_have_much_to_say, begin, end),
		cmocka_unit_test_setup_teardown(test_late_ones_that_go, begin, end),
	};

	uv_loop_init(&loop);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
