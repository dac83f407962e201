/* suspended: rows found, moved and missed, also by a reader beside the writer. */

#include "lib/clock.h"
#include "shm/board.h"
#include "shm/suspended.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#define SEED 77
#include "random.h"

#define CROWDED 980 /* of 1024 rows: a look is long, and much moves under it */
#define STANDING 60
#define RACE_MS 400

struct fixture {
	struct suspended writer, reader;
};

static const struct suspended_fact in_force = { .state = SUSPENDED_IN_FORCE };

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	int fd;

	assert_int_equal(suspended_create(10, &f->writer, &fd), 0);
	assert_int_equal(suspended_attach(fd, &f->reader), 0);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	suspended_detach(&f->reader);
	suspended_detach(&f->writer);
	free(f);
	return 0;
}

static struct slice
name_of(unsigned i, char text[16])
{
	snprintf(text, 16, "user-%u", i);
	return slice_of(text);
}

static enum suspended_state
state_of(const struct suspended *t, enum suspended_kind kind, struct slice id)
{
	struct suspended_fact fact;

	suspended_find(t, kind, id, &fact);
	return fact.state;
}

static void
test_put_and_take(void **state)
{
	struct fixture *f = *state;
	const struct slice odd = slice_make("a b\r\n\0\xff", 7);
	const struct suspended_fact brief = { SUSPENDED_IN_FORCE, .until = 100, .before = 50 };
	const struct suspended_fact clean = { SUSPENDED_CLEAN };
	struct suspended_fact fact;

	assert_false(suspended_any(&f->reader));
	assert_true(suspended_put(&f->writer, SUSPENDED_SUB, odd, &brief));
	assert_true(suspended_any(&f->reader));
	suspended_find(&f->reader, SUSPENDED_SUB, odd, &fact);
	assert_int_equal(fact.state, SUSPENDED_IN_FORCE);
	assert_int_equal(fact.until, 100);
	assert_int_equal(fact.before, 50);
	/* Another kind, and another id, are others. */
	assert_int_equal(state_of(&f->reader, SUSPENDED_JTI, odd), SUSPENDED_FREE);
	assert_int_equal(state_of(&f->reader, SUSPENDED_SUB, SLICE("a b")), SUSPENDED_FREE);
	assert_true(suspended_put(&f->writer, SUSPENDED_SUB, odd, &clean));
	assert_int_equal(suspended_count(&f->reader, SUSPENDED_SUB), 1);
	assert_int_equal(state_of(&f->reader, SUSPENDED_SUB, odd), SUSPENDED_CLEAN);
	suspended_take(&f->writer, SUSPENDED_SUB, odd);
	suspended_take(&f->writer, SUSPENDED_SUB, odd);
	assert_int_equal(state_of(&f->reader, SUSPENDED_SUB, odd), SUSPENDED_FREE);
	assert_int_equal(suspended_count(&f->reader, SUSPENDED_SUB), 0);
	assert_false(suspended_any(&f->reader));
	suspended_set_flags(&f->writer, SUSPENDED_ASKS | SUSPENDED_AWAY);
	assert_true(suspended_any(&f->reader));
	assert_int_equal(suspended_flags(&f->reader), SUSPENDED_ASKS | SUSPENDED_AWAY);
}

/* Against an array, up to the last row. */
static void
test_model(void **state)
{
	struct fixture *f = *state;
	bool there[1100] = { false };
	unsigned count = 0;
	char text[16];

	for (int step = 0; step < 60000; step++) {
		unsigned i = below(1100);

		if (below(100) < (step < 30000 ? 70 : 30)) {
			bool put =
			    suspended_put(&f->writer, SUSPENDED_SUB, name_of(i, text), &in_force);

			assert_true(put == (there[i] || count < 1023));
			count += put && !there[i];
			there[i] = there[i] || put;
		} else {
			suspended_take(&f->writer, SUSPENDED_SUB, name_of(i, text));
			count -= there[i];
			there[i] = false;
		}
		i = below(1100);
		assert_int_equal(state_of(&f->reader, SUSPENDED_SUB, name_of(i, text)),
				 there[i] ? SUSPENDED_IN_FORCE : SUSPENDED_FREE);
		assert_int_equal(suspended_count(&f->reader, SUSPENDED_SUB), count);
	}
}

/* Others come and go around those that stand: none of these is missed at any moment. They came
 * last, far from where a look for them begins, and move with each that goes. */
static void
test_reader_beside_writer(void **state)
{
	struct fixture *f = *state;
	uint64_t end = clock_mono_ms() + RACE_MS, looks = 0;
	char text[16];
	pid_t child;
	int status;

	for (unsigned i = 0; i < CROWDED; i++)
		assert_true(suspended_put(&f->writer, SUSPENDED_SUB, name_of(i, text), &in_force));
	child = fork();
	assert_true(child >= 0);
	while (child == 0) {
		unsigned i = below(CROWDED - STANDING);

		suspended_take(&f->writer, SUSPENDED_SUB, name_of(i, text));
		(void)!suspended_put(&f->writer, SUSPENDED_SUB, name_of(i, text), &in_force);
		if (getppid() == 1)
			_exit(0);
	}
	for (; clock_mono_ms() < end; looks++) {
		unsigned i = CROWDED - STANDING + below(STANDING);
		enum suspended_state is = state_of(&f->reader, SUSPENDED_SUB, name_of(i, text));

		if (is != SUSPENDED_IN_FORCE && is != SUSPENDED_BUSY)
			fail_msg("%s was %d after %llu looks", text, is, (unsigned long long)looks);
		assert_int_equal(state_of(&f->reader, SUSPENDED_JTI, name_of(i, text)) ==
				     SUSPENDED_IN_FORCE,
				 false);
	}
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	assert_true(looks > 1000);
}

/* A master that is killed in the middle of a row: it is not taken for a free one. */
static void
test_unreadable_row(void **state)
{
	struct fixture *f = *state;

	assert_true(suspended_put(&f->writer, SUSPENDED_SUB, SLICE("x"), &in_force));
	for (uint32_t i = 0; i < f->writer.rows; i++) {
		if (f->writer.page->row[i].word)
			f->writer.page->row[i].word |= 3;
	}
	assert_int_equal(state_of(&f->reader, SUSPENDED_SUB, SLICE("x")), SUSPENDED_BUSY);
}

/* Whatever a page says, a reader comes to an end, inside of it. */
static void
test_rubbish(void **state)
{
	struct fixture *f = *state;

	for (int round = 0; round < 50; round++) {
		for (uint32_t i = 0; i < f->writer.rows; i++) {
			uint64_t *word = (uint64_t *)(void *)&f->writer.page->row[i];

			for (int k = 0; k < 4; k++)
				word[k] = (uint64_t)below(1u << 30) << 34 | below(1u << 30) << 2 |
					  (round % 2 ? 1 : below(4));
		}
		(void)state_of(&f->reader, SUSPENDED_SUB, SLICE("x"));
	}
}

static void
test_refused_pages(void **state)
{
	static const struct {
		size_t size;
		uint64_t magic;
		uint32_t format, rows;
	} cases[] = {
		{ 16, SUSPENDED_MAGIC, SUSPENDED_FORMAT, 0 },
		{ sizeof(struct suspended_page), SUSPENDED_MAGIC, SUSPENDED_FORMAT, 0 },
		{ sizeof(struct suspended_page) + 32 * 4, SUSPENDED_MAGIC, SUSPENDED_FORMAT, 8 },
		{ sizeof(struct suspended_page) + 32 * 3, SUSPENDED_MAGIC, SUSPENDED_FORMAT, 3 },
		{ sizeof(struct suspended_page) + 32 * 4, SUSPENDED_MAGIC, 99, 4 },
		{ sizeof(struct suspended_page) + 32 * 4, 1, SUSPENDED_FORMAT, 4 },
	};
	struct suspended reader = { 0 };

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct suspended_page head = { .magic = cases[i].magic,
					       .format = cases[i].format,
					       .rows = cases[i].rows };
		void *memory;
		int fd;

		assert_int_equal(board_create(cases[i].size, &memory, &fd), 0);
		memcpy(memory, &head, cases[i].size < sizeof head ? cases[i].size : sizeof head);
		assert_true(suspended_attach(fd, &reader) < 0);
		board_unmap(memory, cases[i].size);
	}
	assert_true(suspended_attach(-1, &reader) < 0);
}

int
main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(put_and_take),   CASE(model),   CASE(reader_beside_writer),
		CASE(unreadable_row), CASE(rubbish), CASE(refused_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
