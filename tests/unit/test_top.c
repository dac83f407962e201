/* top: the bounds hold against an exact count, over pages, cuts and publications; nothing is torn.
 */

#include "shm/top.h"

#include "lib/clock.h"
#include "lib/xalloc.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#define NAMES 20000
#define PAGES 4

static uint64_t truth[NAMES]; /* requests by name */
static uint64_t total;

struct page {
	struct top top;
	struct top_writer *writer;
};

static struct page *
page_new(void)
{
	struct page *p = xcalloc(1, sizeof *p);

	p->writer = top_writer_new(&p->top);
	return p;
}

static void
page_free(struct page *p)
{
	top_writer_free(p->writer);
	free(p);
}

static struct slice
name_of(unsigned n, char room[16])
{
	return slice_make(room, (size_t)snprintf(room, 16, "user-%u", n));
}

static void
count(struct page *p, unsigned n, uint64_t requests)
{
	struct top_sums more = { requests, n % 2, 10 * requests, 7, 0 };
	char room[16];

	top_add(p->writer, name_of(n, room), &more);
	truth[n] += requests;
	total += requests;
}

/* Few names make most of the requests, as it is with users. */
static unsigned
skewed(void)
{
	unsigned n = NAMES - 1;

	for (int i = rand() % 8; i >= 0; i--)
		n = (unsigned)rand() % (n + 1);
	return n;
}

static int
setup(void **state)
{
	srand(11);
	memset(truth, 0, sizeof truth);
	total = 0;
	return 0;
}

/* What is promised, of every name. */
static void
assert_bounds(const struct top_list *l)
{
	uint64_t listed[NAMES] = { 0 };

	assert_true(l->total == total);
	assert_true(l->slack <= total / TOP_ROWS);
	for (size_t i = 0; i < l->count; i++) {
		unsigned n = (unsigned)atoi(l->entries[i].name + 5);

		assert_true(n < NAMES && listed[n] == 0);
		listed[n] = l->entries[i].sums.requests;
	}
	for (unsigned n = 0; n < NAMES; n++) {
		assert_true(listed[n] <= truth[n]);
		assert_true(truth[n] <= listed[n] + l->slack);
	}
}

static void
test_exact_while_there_is_room(void **state)
{
	struct top_list l = TOP_LIST_INIT;
	struct page *p = page_new();

	for (int i = 0; i < 50000; i++)
		count(p, (unsigned)rand() % (TOP_ROWS - 1), 1);
	top_list_add(&l, &p->top);
	assert_int_equal(l.slack, 0);
	assert_bounds(&l);
	for (size_t i = 0; i < l.count; i++) {
		struct top_sums *s = &l.entries[i].sums;

		assert_true(s->bytes == 10 * s->requests && s->duration_us == 7 * s->requests);
		assert_true(s->errors == (atoi(l.entries[i].name + 5) % 2 ? s->requests : 0));
	}
	top_list_sort(&l);
	for (size_t i = 1; i < l.count; i++)
		assert_true(l.entries[i - 1].sums.requests >= l.entries[i].sums.requests);
	top_list_deinit(&l);
	page_free(p);
}

/* Streams that are as bad for it as can be, and one as it comes. */
static unsigned
stream(int kind, unsigned i)
{
	switch (kind) {
	case 0:
		return skewed();
	case 1:
		return i % NAMES; /* nobody is frequent */
	case 2:
		return i % 3 ? i / 7 % NAMES : 5; /* ever new ones around one */
	case 3:
		return i < 60000 ? i % TOP_ROWS : 600 + i % (TOP_ROWS * 3); /* all change */
	default:
		return (unsigned)rand() % NAMES;
	}
}

static void
test_bounds(void **state)
{
	for (int kind = 0; kind < 5; kind++) {
		struct page *pages[PAGES];
		struct top_list l = TOP_LIST_INIT;

		setup(NULL);
		for (int i = 0; i < PAGES; i++)
			pages[i] = page_new();
		for (unsigned i = 0; i < 150000; i++)
			count(pages[(unsigned)rand() % PAGES], stream(kind, i),
			      i % 10 ? 1 : (uint64_t)rand() % 20);
		for (int i = 0; i < PAGES; i++) {
			top_list_add(&l, &pages[i]->top);
			page_free(pages[i]);
		}
		assert_bounds(&l);
		top_list_deinit(&l);
	}
}

/* Workers that come and go for long: what they counted is kept within one page. */
static void
test_generations(void **state)
{
	struct top *base = xcalloc(1, sizeof *base);

	for (int generation = 0; generation < 30; generation++) {
		struct page *p = page_new(), *q = page_new();
		struct top_list l = TOP_LIST_INIT, now = TOP_LIST_INIT;

		for (unsigned i = 0; i < 8000; i++)
			count(i % 3 ? p : q, stream(generation % 5, i), 1);
		top_list_add(&l, base);
		top_list_add(&l, &p->top);
		top_list_publish(&l, base);
		assert_true(l.count < TOP_ROWS);
		top_list_add(&now, base);
		top_list_add(&now, &q->top);
		assert_bounds(&now);
		top_list_add(&l, &q->top);
		assert_bounds(&l);
		top_list_publish(&l, base);
		top_list_deinit(&l);
		top_list_deinit(&now);
		page_free(p);
		page_free(q);
	}
	free(base);
}

/* What a cut takes away is owned up to, to the last request. */
static void
test_cut(void **state)
{
	struct top *base = xcalloc(1, sizeof *base);
	struct top_list l = TOP_LIST_INIT, again = TOP_LIST_INIT;
	struct page *p = page_new(), *q = page_new();

	for (unsigned i = 0; i < 500; i++) {
		count(p, i, 10);
		count(q, 500 + i, 20 + i % 2);
	}
	top_list_add(&l, &p->top);
	top_list_add(&l, &q->top);
	assert_int_equal(l.slack, 0);
	top_list_publish(&l, base);
	assert_int_equal(l.slack, 10);
	top_list_add(&again, base);
	assert_int_equal(again.count, 500);
	assert_bounds(&again);
	top_list_deinit(&l);
	top_list_deinit(&again);
	page_free(p);
	page_free(q);
	free(base);
}

/* What came between two looks, each at a page and at what was kept of those before it. */
static void
test_differences(void **state)
{
	struct top *base = xcalloc(1, sizeof *base), *seen = xcalloc(1, sizeof *seen);
	struct page *p = page_new();

	for (int window = 0; window < 25; window++) {
		struct top_list before = TOP_LIST_INIT, now = TOP_LIST_INIT, kept = TOP_LIST_INIT;

		setup(NULL);
		for (unsigned i = 0; i < 6000; i++)
			count(p, stream(window % 5, i + (unsigned)window * 600), 1);
		if (window % 4 == 3) { /* a worker is gone */
			top_list_add(&kept, base);
			top_list_add(&kept, &p->top);
			top_list_publish(&kept, base);
			page_free(p);
			p = page_new();
		}
		top_list_add(&before, seen);
		top_list_add(&now, base);
		top_list_add(&now, &p->top);
		top_list_publish(&now, seen);
		top_list_differ(&now, &before);
		assert_true(now.total == total);
		for (size_t i = 0; i < now.count; i++) {
			uint64_t *is = &truth[atoi(now.entries[i].name + 5)];

			assert_true(now.entries[i].sums.requests <= *is + before.slack);
			*is -=
			    now.entries[i].sums.requests < *is ? now.entries[i].sums.requests : *is;
		}
		for (unsigned n = 0; n < NAMES; n++)
			assert_true(truth[n] <= now.slack);
		top_list_deinit(&before);
		top_list_deinit(&now);
		top_list_deinit(&kept);
	}
	page_free(p);
	free(base);
	free(seen);
}

static void
test_odd_names(void **state)
{
	struct top_list l = TOP_LIST_INIT;
	struct page *p = page_new();
	struct top_sums one = { 1, 0, 0, 0, 0 };
	char name[TOP_NAME_MAX + 8];

	memset(name, 'x', sizeof name);
	memcpy(name + TOP_NAME_MAX - 1, "\xc3\xa9", 2); /* would be cut in two */
	top_add(p->writer, slice_make(name, sizeof name), &one);
	top_add(p->writer, slice_make(name, TOP_NAME_MAX + 1), &one);
	top_add(p->writer, SLICE(""), &one);
	top_add(p->writer, SLICE("a\0b"), &one);
	top_list_add(&l, &p->top);
	top_list_sort(&l);
	assert_int_equal(l.total, 4);
	assert_int_equal(l.count, 2);
	assert_int_equal(l.entries[0].name_n, TOP_NAME_MAX - 1);
	assert_int_equal(l.entries[0].sums.requests, 2);
	assert_int_equal(l.entries[1].name_n, 3);
	top_list_deinit(&l);
	page_free(p);
}

static bool stop;

static void *
write_on(void *userdata)
{
	struct page *p = userdata;
	struct top_sums one = { 1, 0, 0, 0, 0 };
	char name[TOP_NAME_MAX];

	for (unsigned i = 0; !__atomic_load_n(&stop, __ATOMIC_RELAXED); i++) {
		memset(name, 'a' + (int)(i % 26), sizeof name);
		snprintf(name, 9, "%08x", i);
		name[8] = name[9];
		top_add(p->writer, slice_make(name, 9 + i % (TOP_NAME_MAX - 9)), &one);
	}
	return NULL;
}

/* Nor does anybody seem to have earned what the row's last name did: each is seen once. */
static void
test_nothing_torn(void **state)
{
	struct page *p = page_new();
	size_t seen = 0;
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, write_on, p), 0);
	for (int i = 0; i < 300; i++) {
		struct top_list l = TOP_LIST_INIT;

		top_list_add(&l, &p->top);
		for (size_t e = 0; e < l.count; e++) {
			for (size_t k = 9; k < l.entries[e].name_n; k++)
				assert_int_equal(l.entries[e].name[k], l.entries[e].name[8]);
			assert_int_equal(l.entries[e].sums.requests, 1);
		}
		seen += l.count;
		top_list_deinit(&l);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	assert_true(seen > 0);
	page_free(p);
}

/* Whatever a worker that was taken over writes there. */
static void
test_rubbish(void **state)
{
	struct top *page = xcalloc(1, sizeof *page), *base = xcalloc(1, sizeof *base);

	for (int round = 0; round < 60; round++) {
		struct top_list l = TOP_LIST_INIT;

		for (size_t i = 0; i < sizeof *page / 4; i++)
			((uint32_t *)page)[i] =
			    rand() % 3 ? (uint32_t)rand() % 160 : (uint32_t)rand() * 2u;
		for (int twice = 0; twice < 2; twice++)
			top_list_add(&l, page);
		for (size_t i = 0; i < l.count; i++)
			assert_in_range(l.entries[i].name_n, 1, TOP_NAME_MAX);
		top_list_publish(&l, base);
		top_list_deinit(&l);
	}
	free(page);
	free(base);
}

static uint64_t
cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* At most ten times what was measured with the sanitizers. */
static void
test_cost(void **state)
{
	enum { CALLS = 100000 };
	struct page *p = page_new();
	struct top_sums one = { 1, 0, 100, 100, 0 };
	uint64_t began = cpu_ns(), ns;
	char room[16];

	for (unsigned i = 0; i < CALLS; i++)
		top_add(p->writer, name_of(i * 7919 % 3 ? i % 100 : i % NAMES, room), &one);
	ns = (cpu_ns() - began) / CALLS;
	print_message("a request with its name: %lu ns\n", (unsigned long)ns);
	assert_true(ns < 10000);
	page_free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_exact_while_there_is_room, setup),
		cmocka_unit_test_setup(test_bounds, setup),
		cmocka_unit_test_setup(test_generations, setup),
		cmocka_unit_test_setup(test_cut, setup),
		cmocka_unit_test_setup(test_differences, setup),
		cmocka_unit_test_setup(test_odd_names, setup),
		cmocka_unit_test_setup(test_nothing_torn, setup),
		cmocka_unit_test_setup(test_rubbish, setup),
		cmocka_unit_test_setup(test_cost, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
