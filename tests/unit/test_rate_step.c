/*
 * rate: two processes, of which one stands still at some instruction of its call while the other
 * makes the whole of its own; then the first goes on, or is killed there. One of them passes and
 * no more, wherever it was.
 */

#include "shm/rate_rows.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define SECOND UINT64_C(1000000000)
#define HOUR (3600 * SECOND)
#define NOW (1000 * HOUR)
#define LATER (NOW + SECOND)
#define KEY 7u
#define EVERY 13 /* instructions */

static struct rate_table table;
static int table_fd;
static struct rate_limit hourly; /* one */
static struct rate_result *told; /* by the process that is stepped */

static struct rate_row *
row(unsigned i)
{
	return &table.sets[0].row[i];
}

static void
all_taken(uint64_t until)
{
	for (unsigned i = 0; i < RATE_ROWS; i++)
		*row(i) = (struct rate_row){ 100 + i, until };
}

static void
prepare_nothing(void)
{
}

/* The second one finds a free row where the first one found none. */
static void
prepare_full(void)
{
	all_taken(NOW + HOUR);
	row(5)->due = NOW + SECOND / 2;
}

/* They do not find the same row free. */
static void
prepare_two_places(void)
{
	all_taken(NOW + HOUR);
	row(2)->due = NOW + SECOND / 2;
	row(9)->due = NOW;
}

static void
prepare_two_places_turned(void)
{
	all_taken(NOW + HOUR);
	row(2)->due = NOW;
	row(9)->due = NOW + SECOND / 2;
	row(2)->tag = 0;
}

static void
prepare_dead_claims(void)
{
	all_taken(NOW + HOUR);
	*row(3) = (struct rate_row){ KEY, RATE_CLAIM | 1 };
	*row(8) = (struct rate_row){ KEY, RATE_CLAIM | 2 };
	*row(1) = (struct rate_row){ 99, RATE_CLAIM | 3 };
}

static void
prepare_own_row(void)
{
	all_taken(NOW + HOUR);
	*row(4) = (struct rate_row){ KEY, NOW - HOUR };
}

static const struct scenario {
	const char *name;
	void (*prepare)(void);
	bool other_first; /* another key comes in between, too */
} scenarios[] = {
	{ "an empty set", prepare_nothing, false },
	{ "a full set", prepare_full, false },
	{ "two places", prepare_two_places, false },
	{ "two places, turned", prepare_two_places_turned, false },
	{ "dead claims", prepare_dead_claims, false },
	{ "a row of its own", prepare_own_row, false },
	{ "a row of its own that another key takes", prepare_own_row, true },
	{ "dead claims that another key takes", prepare_dead_claims, true },
};
#define SCENARIOS (sizeof scenarios / sizeof scenarios[0])

static bool
take(uint64_t key, uint64_t now)
{
	struct rate_result r;

	rate_take(&table, key, &hourly, 1, now, &r);
	return r.allowed;
}

/* A process that stands still before its call. */
static pid_t
start(void)
{
	struct rate_table mine;
	struct rate_result r;
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid > 0) {
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
			return -1;
		assert_true(WIFSTOPPED(status));
		return pid;
	}
	if (rate_attach(dup(table_fd), &table.head, &mine))
		_exit(1);
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
		_exit(77);
	raise(SIGSTOP);
	rate_take(&mine, KEY, &hourly, 1, NOW, &r);
	*told = r; /* not before it is settled */
	_exit(0);
}

/* False when it has ended. */
static bool
step(pid_t pid)
{
	int status;

	assert_int_equal(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSTOPPED(status);
}

static void
prepare(const struct scenario *s)
{
	memset(table.sets, 0, sizeof *table.sets);
	memset(told, 0, sizeof *told);
	s->prepare();
}

static unsigned
instructions(const struct scenario *s)
{
	unsigned n = 0;
	pid_t pid;

	prepare(s);
	pid = start();
	if (pid < 0)
		return 0;
	while (step(pid))
		n++;
	assert_true(told->allowed || s->prepare == prepare_full);
	return n;
}

static void
assert_one_passes(const struct scenario *s, unsigned at, bool killed)
{
	/* Spent by the shared row for a row that came meanwhile, or by the dead: nobody passes. */
	bool may_refuse = killed || s->prepare == prepare_full;
	unsigned passed;
	pid_t pid;

	prepare(s);
	pid = start();
	for (unsigned i = 0; i < at; i++)
		assert_true(step(pid));
	if (s->other_first)
		(void)take(KEY + 1, LATER);
	passed = take(KEY, LATER);
	if (killed)
		kill(pid, SIGKILL);
	else
		ptrace(PTRACE_CONT, pid, NULL, NULL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	passed += told->allowed;
	passed += take(KEY, LATER);
	if (passed > 1 || (passed == 0 && !may_refuse))
		print_message("%s: %u passed, %s at instruction %u\n", s->name, passed,
			      killed ? "killed" : "held", at);
	assert_true(passed <= 1);
	assert_true(may_refuse || passed == 1);
	assert_true(take(KEY, LATER + 2 * HOUR));
}

static void
test_wherever_it_stands(void **state)
{
	for (size_t i = 0; i < SCENARIOS; i++) {
		unsigned n = instructions(&scenarios[i]);

		if (n == 0)
			skip(); /* no process may trace another here */
		for (unsigned at = (unsigned)i % EVERY; at < n; at += EVERY)
			assert_one_passes(&scenarios[i], at, at % 4 == 0);
	}
}

static int
setup(void **state)
{
	told = mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (told == MAP_FAILED || rate_limit_init(&hourly, 1, 3600, 1))
		return -1;
	return rate_create(1, NULL, &table, &table_fd);
}

static int
teardown(void **state)
{
	rate_detach(&table);
	munmap(told, sizeof *told);
	return close(table_fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wherever_it_stands),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
