/* board: its maker writes, everybody else reads, and nobody can do otherwise. */

#include "shm/board.h"

#include "shm/board_fields.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define SIZE sizeof(struct board_worker)

static int
tries_to_write(int fd)
{
	void *p;

	if (write(fd, "x", 1) != -1 || pwrite(fd, "x", 1, 0) != -1)
		return 1;
	if (ftruncate(fd, 0) != -1 || ftruncate(fd, 2 * (off_t)SIZE) != -1)
		return 2;
	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096) != -1)
		return 3;
	if (mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) != MAP_FAILED)
		return 4;
	p = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED || mprotect(p, SIZE, PROT_READ | PROT_WRITE) != -1)
		return 5;
	munmap(p, SIZE);
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) != -1)
		return 6;
	return 0;
}

/* The other process: what may it do with the descriptor? Its answer is its exit status. */
static int
other_process(int fd, int maker)
{
	const struct board_worker *page;
	const void *mapped;
	char path[64], byte;
	int r = tries_to_write(fd), again;

	if (r)
		return r;
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	again = open(path, O_RDWR | O_CLOEXEC); /* succeeds for root, whom no mode stops */
	if (again >= 0 && (r = tries_to_write(again)) != 0)
		return 10 + r;
	if (board_map(fd, SIZE, &mapped))
		return 20;
	page = mapped;
	if (page->heartbeat_ms != 1)
		return 21;
	/* It sees what the maker stores from now on. */
	if (write(maker, "x", 1) != 1 || read(maker, &byte, 1) != 1 ||
	    board_get(&page->heartbeat_ms) != 2)
		return 22;
	return 0;
}

static void
test_one_writer(void **state)
{
	struct board_worker *page;
	int fd, pair[2], status;
	char byte;
	void *mapped;
	pid_t pid;

	assert_int_equal(board_create(SIZE, &mapped, &fd), 0);
	page = mapped;
	assert_int_equal(page->magic, 0);
	board_set(&page->heartbeat_ms, 1);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(pair[1]);
		_exit(other_process(fd, pair[0]));
	}
	close(pair[0]);
	if (read(pair[1], &byte, 1) == 1) {
		board_set(&page->heartbeat_ms, 2);
		assert_int_equal(write(pair[1], "x", 1), 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(tries_to_write(fd), 0); /* nor does a leaked descriptor help */
	close(pair[1]);
	close(fd);
	board_unmap(page, SIZE);
	board_unmap(NULL, SIZE);
}

static void
test_mode(void **state)
{
	struct stat st;
	void *page;
	int fd;

	assert_int_equal(board_create(SIZE, &page, &fd), 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0400);
	assert_int_equal(st.st_size, SIZE);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	board_unmap(page, SIZE);
}

static void
test_map_refuses(void **state)
{
	static const int weak[] = { 0, F_SEAL_FUTURE_WRITE | F_SEAL_GROW | F_SEAL_SHRINK,
				    F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL,
				    F_SEAL_FUTURE_WRITE | F_SEAL_GROW | F_SEAL_SEAL };
	const void *got = NULL;
	void *page;
	int fd;

	for (size_t i = 0; i < sizeof weak / sizeof *weak; i++) {
		fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		assert_int_equal(ftruncate(fd, (off_t)SIZE), 0);
		if (weak[i])
			assert_int_equal(fcntl(fd, F_ADD_SEALS, weak[i]), 0);
		assert_int_equal(board_map(fd, SIZE, &got), -EBADMSG);
		assert_int_equal(fcntl(fd, F_GETFD), -1);
	}
	assert_int_equal(board_create(SIZE, &page, &fd), 0);
	assert_int_equal(board_map(dup(fd), SIZE - 8, &got), -EBADMSG);
	assert_int_equal(board_map(dup(fd), SIZE + 8, &got), -EBADMSG);
	assert_int_equal(board_map(dup(fd), SIZE, &got), 0);
	assert_int_equal(
	    board_map(open("/dev/null", O_RDONLY | O_CLOEXEC), SIZE, &(const void *){ 0 }),
	    -EBADMSG);
	assert_int_equal(board_map(-1, SIZE, &(const void *){ 0 }), -EBADMSG);
	board_unmap(got, SIZE);
	board_unmap(page, SIZE);
	close(fd);
}

/* Every word of `part` is its own number; what comes of each word in the sum is known by its place.
 */
static void
test_fold(void **state)
{
	const size_t words = sizeof(struct board_counts) / sizeof(uint64_t);
	const size_t endpoints = offsetof(struct board_counts, endpoint) / sizeof(uint64_t);
	const size_t limits = offsetof(struct board_counts, limit) / sizeof(uint64_t);
	const size_t row = sizeof(struct board_endpoint) / sizeof(uint64_t);
	struct board_counts *sum = calloc(1, sizeof *sum), *part = calloc(1, sizeof *part);
	uint64_t *got = (uint64_t *)sum, *add = (uint64_t *)part;

	for (size_t i = 0; i < words; i++) {
		got[i] = 7;
		add[i] = i + 1;
	}
	board_fold(sum, part);
	for (size_t i = 0; i < words; i++) {
		size_t in_row = i < endpoints ? 0 : (i - endpoints) % row * sizeof(uint64_t);
		bool gauge = i >= endpoints && i < limits &&
			     in_row >= offsetof(struct board_endpoint, in_flight);

		assert_int_equal(got[i], gauge ? 7 : 7 + i + 1);
	}
	free(sum);
	free(part);
}

/* A master that is killed amid it leaves the base of before. */
static void
test_keep(void **state)
{
	struct board_master *m = calloc(1, sizeof *m);
	struct board_counts *counts = calloc(1, sizeof *counts);
	const struct board_base *before;
	uint64_t turn = board_turn(m);

	counts->route[3].bytes_in = 2;
	for (uint64_t instance = 1; instance <= 100; instance++) {
		before = board_base(m);
		board_keep(m, counts, instance);
		assert_int_equal(before->counts.route[3].bytes_in, 2 * (instance - 1));
		assert_false(board_has(before, instance));
		assert_ptr_not_equal(before, board_base(m));
		assert_int_equal(board_base(m)->counts.route[3].bytes_in, 2 * instance);
		assert_true(board_has(board_base(m), instance));
		assert_int_equal(board_turn(m), turn + instance); /* though there are but two */
	}
	assert_true(board_has(board_base(m), 99));
	free(counts);
	free(m);
}

/* Whoever changes them may stand still there for long: a scrape is told what was so before. */
static void
test_rows_amid_a_change(void **state)
{
	struct board_issuer rows[2] = { { .fetches = 5, .name = "a" } }, seen[2] = { 0 };
	uint64_t seq = 4;

	board_read(&seq, rows, sizeof rows, seen);
	assert_int_equal(seen[0].fetches, 5);
	seq = 5;
	rows[0] = (struct board_issuer){ .name = "b" };
	board_read(&seq, rows, sizeof rows, seen);
	assert_int_equal(seen[0].fetches, 5);
	assert_string_equal(seen[0].name, "a");
	seq = 6;
	board_read(&seq, rows, sizeof rows, seen);
	assert_string_equal(seen[0].name, "b");
}

static void
test_bucket(void **state)
{
	struct board_durations all = { 0 };
	struct board_sizes sizes = { 0 };
	uint64_t sum = 0;

	for (unsigned i = 0; i < BOARD_BUCKETS - 1; i++) {
		board_add_duration(&all, board_bucket_us[i]); /* bounds are inclusive */
		assert_int_equal(all.bucket[i], 1 + (i > 0));
		board_add_duration(&all, board_bucket_us[i] + 1ull);
		assert_int_equal(all.bucket[i + 1], 1);
		sum += 2 * board_bucket_us[i] + 1ull;
		if (i)
			assert_true(board_bucket_us[i] > board_bucket_us[i - 1]);
	}
	assert_int_equal(all.sum, sum);
	for (unsigned i = 0; i < BOARD_SIZES - 1; i++) {
		board_add_size(&sizes, board_size_bytes[i]);
		assert_int_equal(sizes.bucket[i], 1);
		if (i)
			assert_true(board_size_bytes[i] > board_size_bytes[i - 1]);
	}
	board_add_size(&sizes, UINT64_MAX);
	assert_int_equal(sizes.bucket[BOARD_SIZES - 1], 1);
}

/* Of a route: the default buckets of Prometheus' clients. */
static void
test_bucket_of_route(void **state)
{
	static const struct {
		uint64_t us;
		unsigned bucket;
	} cases[] = {
		{ 0, 0 },       { 5000, 0 },      { 5001, 1 },      { 10000, 1 },
		{ 2500001, 9 }, { 10000000, 10 }, { 10000001, 11 }, { UINT64_MAX / 8, 11 },
	};
	struct board_durations all = { 0 };
	struct board_route route = { 0 };
	uint64_t sum = 0;

	assert_int_equal(board_bucket_us[BOARD_ROUTE_FIRST], 5000);
	assert_int_equal(board_bucket_us[BOARD_ROUTE_FIRST + BOARD_ROUTE_BUCKETS - 2], 10000000);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct board_route before = route;

		board_add_request(&all, &route, cases[i].us);
		sum += cases[i].us;
		before.duration.bucket[cases[i].bucket]++;
		before.duration.sum = sum;
		assert_memory_equal(&route, &before, sizeof route);
	}
	assert_int_equal(all.sum, sum);
}

static void
test_codes(void **state)
{
	const int none[] = { 0, 99, 600, -1 };

	for (unsigned i = 0; i < sizeof none / sizeof none[0]; i++)
		assert_int_equal(board_code(none[i]), 0);
	assert_int_equal(board_code(100), 1);
	assert_int_equal(board_code(599), BOARD_CODES - 1);
}

static void
test_names(void **state)
{
	assert_string_equal(board_counter_name[COUNTER_requests], "requests");
	assert_string_equal(board_counter_name[COUNTER_accept_paused], "accept_paused");
	for (unsigned i = 0; i < COUNTER_N; i++)
		assert_true(strlen(board_counter_name[i]));
}

static void
test_words(void **state)
{
	uint64_t word = 5;

	board_add(&word, 3);
	board_sub(&word, 1);
	assert_int_equal(board_get(&word), 7);
	board_set(&word, 1);
	assert_int_equal(word, 1);
}

/* ---- another layout ---- */

static struct board_field *
field(struct board_field *all, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(all[i].name, name) == 0)
			return &all[i];
	}
	fail_msg("no field %s", name);
	return NULL;
}

#define SHIFT 64u /* all stands so much further behind */

/* A page as another program has it: a copy of ours that is shifted. */
struct other {
	struct board_field own[BOARD_FIELDS_MAX], fields[BOARD_FIELDS_MAX];
	size_t n;
	char page[sizeof(struct board_worker) + SHIFT];
	struct board_worker out;
};

static struct other *
other_page(void)
{
	struct other *o = calloc(1, sizeof *o);
	struct board_worker *w = (void *)(o->page + SHIFT);

	o->n = board_fields(BOARD_PAGE_WORKER, o->own);
	memcpy(o->fields, o->own, sizeof o->own);
	for (size_t i = 0; i < o->n; i++)
		o->fields[i].offset += SHIFT;
	w->instance = 7;
	w->counts.counter[COUNTER_requests] = 11;
	w->counts.counter[COUNTER_retries] = 12;
	w->counts.by_reason[REASON_no_route] = 13;
	w->counts.endpoint[5].requests = 14;
	w->counts.endpoint[BOARD_ENDPOINTS - 1].requests = 15;
	w->counts.route[3].by_class[2] = 16;
	return o;
}

static void
translate(struct other *o, size_t size)
{
	board_translate(o->own, o->n, &o->out, sizeof o->out, o->fields, o->n, o->page, size);
}

static void
test_other_layout(void **state)
{
	struct other *o = other_page();
	const struct board_counts *c = &o->out.counts;
	struct board_field first;

	/* In another order, one of ours missing, one of another size, and fewer rows. */
	first = o->fields[0];
	memmove(&o->fields[0], &o->fields[1], (o->n - 1) * sizeof first);
	o->fields[o->n - 1] = first;
	snprintf(field(o->fields, o->n, "counter.retries")->name, 16, "gone");
	field(o->fields, o->n, "route.by_class")->bytes = 40;
	field(o->fields, o->n, "endpoint.requests")->rows = 100;
	translate(o, sizeof o->page);
	assert_int_equal(o->out.instance, 7);
	assert_int_equal(c->counter[COUNTER_requests], 11);
	assert_int_equal(c->counter[COUNTER_retries], 0);
	assert_int_equal(c->by_reason[REASON_no_route], 13);
	assert_int_equal(c->endpoint[5].requests, 14);
	assert_int_equal(c->endpoint[BOARD_ENDPOINTS - 1].requests, 0);
	assert_int_equal(c->route[3].by_class[2], 0);
	free(o);
}

/* What it says of itself leads nobody outside. */
static void
test_other_layout_lies(void **state)
{
	struct other *o = other_page();

	field(o->fields, o->n, "counter.requests")->offset = sizeof o->page - 4;
	field(o->fields, o->n, "instance")->offset = UINT32_MAX - 3;
	field(o->fields, o->n, "endpoint.requests")->stride = UINT32_MAX;
	field(o->fields, o->n, "counter.retries")->rows = 0;
	translate(o, sizeof o->page);
	assert_int_equal(o->out.instance, 0);
	assert_int_equal(o->out.counts.counter[COUNTER_requests], 0);
	assert_int_equal(o->out.counts.endpoint[5].requests, 0);
	assert_int_equal(o->out.counts.by_reason[REASON_no_route], 13);
	memset(&o->out, 0, sizeof o->out);
	translate(o, SHIFT); /* it is shorter than it says */
	assert_int_equal(o->out.counts.by_reason[REASON_no_route], 0);
	free(o);
}

static void
test_field_names(void **state)
{
	static struct board_field all[BOARD_FIELDS_MAX];

	for (int which = BOARD_PAGE_WORKER; which <= BOARD_PAGE_MASTER; which++) {
		size_t size = which == BOARD_PAGE_WORKER ? sizeof(struct board_worker)
							 : sizeof(struct board_master);
		size_t n = board_fields((enum board_page)which, all);

		for (size_t i = 0; i < n; i++) {
			assert_ptr_equal(field(all, n, all[i].name), &all[i]);
			assert_null(strpbrk(all[i].name, " \n"));
			assert_true(all[i].offset + (uint64_t)(all[i].rows - 1) * all[i].stride +
					all[i].bytes <=
				    size);
		}
	}
}

/* What the master counts beside its base goes on in a program of another layout, too. */
static void
test_field_names_of_counters(void **state)
{
	static const char *const counters[] = { "reloads_ok",      "respawns",
						"redis.changes",   "issuers.name",
						"issuers.fetches", "issuers.failures",
						"spans_exported",  "health.ejections" };
	static struct board_field all[BOARD_FIELDS_MAX];
	size_t n = board_fields(BOARD_PAGE_MASTER, all);

	for (size_t i = 0; i < sizeof counters / sizeof counters[0]; i++)
		field(all, n, counters[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_writer),
		cmocka_unit_test(test_mode),
		cmocka_unit_test(test_map_refuses),
		cmocka_unit_test(test_fold),
		cmocka_unit_test(test_keep),
		cmocka_unit_test(test_rows_amid_a_change),
		cmocka_unit_test(test_bucket),
		cmocka_unit_test(test_bucket_of_route),
		cmocka_unit_test(test_codes),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_other_layout),
		cmocka_unit_test(test_other_layout_lies),
		cmocka_unit_test(test_field_names),
		cmocka_unit_test(test_field_names_of_counters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
