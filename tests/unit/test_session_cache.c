/* session_cache: what is kept is found again, by its id alone, until it is too much. */

#include "worker/session_cookie.h"
#include "worker/session_own.h"
#include "worker/worker.h"

#include "lib/xalloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct worker worker; /* too large for the stack */

static int
set_up(void **state)
{
	struct sessions *ss = xcalloc(1, sizeof *ss);

	uv_loop_init(&worker.loop);
	worker.page = xcalloc(1, sizeof *worker.page);
	worker.wall = 1000;
	worker.sessions = ss;
	ss->worker = &worker;
	list_init(&ss->lru);
	list_init(&ss->busy);
	list_init(&ss->later);
	*state = ss;
	return 0;
}

static int
tear_down(void **state)
{
	sessions_free(&worker);
	free(worker.page);
	uv_loop_close(&worker.loop);
	return 0;
}

/* An id that begins with this number. */
static struct slice
id_of(unsigned n, char id[SESSION_ID + 1])
{
	snprintf(id, SESSION_ID + 1, "%010uAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", n);
	return slice_make(id, SESSION_ID);
}

static struct session_entry *
keep(struct sessions *ss, unsigned n, size_t size)
{
	char id[SESSION_ID + 1];
	struct session_entry *e = session_entry(ss, id_of(n, id));
	struct session *s = xcalloc(1, sizeof *s + size);

	s->refs = 1;
	s->size = size;
	s->expires = 2000;
	s->entry = e;
	session_keep(ss, e, s);
	return e;
}

static bool
has(struct sessions *ss, unsigned n)
{
	char id[SESSION_ID + 1];
	struct session_entry *e = session_find(ss, id_of(n, id));

	return e && session_is_fresh(ss, e);
}

static void
test_found(void **state)
{
	struct sessions *ss = *state;

	assert_false(has(ss, 1));
	for (unsigned i = 0; i < 1000; i++)
		keep(ss, i, 100);
	for (unsigned i = 0; i < 1000; i++)
		assert_true(has(ss, i));
	assert_false(has(ss, 1000));
	assert_null(session_find(ss, SLICE("0")));
	assert_int_equal(worker.page->sessions, 1000);
	session_drop_all(ss);
	assert_false(has(ss, 5));
	assert_int_equal(ss->entries, 0);
	assert_int_equal(ss->bytes, 0);
	assert_int_equal(worker.page->sessions, 0);
}

static void
test_expiry(void **state)
{
	struct sessions *ss = *state;
	struct session_entry *e = keep(ss, 1, 10);

	worker.wall = 1999;
	assert_true(has(ss, 1));
	worker.wall = 2000;
	assert_false(has(ss, 1));
	worker.wall = 1000;
	e->session->until_ms = uv_now(&worker.loop); /* it has to be read again */
	assert_false(has(ss, 1));
}

/* The least recently used go first; what requests are under way for stays. */
static void
test_bounds(void **state)
{
	struct sessions *ss = *state;
	struct session_entry *e = keep(ss, 0, 1 << 20);
	struct request *r = xcalloc(1, sizeof *r);

	r->worker = &worker;
	session_hold(r, e);
	for (unsigned i = 1; i < 200; i++) {
		keep(ss, i, 1 << 20);
		assert_true(ss->bytes <= (size_t)65 << 20);
	}
	assert_true(has(ss, 0));
	assert_false(has(ss, 1));
	assert_true(has(ss, 199));
	session_leave(r);
	free(r);
	for (unsigned i = 200; i < 300; i++)
		keep(ss, i, 1 << 20);
	assert_false(has(ss, 0));
}

static void
test_number(void **state)
{
	struct sessions *ss = *state;

	for (unsigned i = 0; i < 70000; i++)
		keep(ss, i, 1);
	assert_int_equal(ss->entries, 65536);
	assert_false(has(ss, 70000 - 65537));
	assert_true(has(ss, 70000 - 65536));
}

/* A token leads to its session; one that is not kept any more leads nowhere. */
static void
test_tokens(void **state)
{
	struct sessions *ss = *state;
	struct session_record record = { .held_n = 1 };
	struct session_entry *e = keep(ss, 1, 10), *other = keep(ss, 2, 10);

	record.held[0] = (struct session_held){ SLICE("a"), SLICE("a:1") };
	session_watch(ss, e, &record);
	assert_ptr_equal(map_get(&ss->tids, SLICE("a:1")), e);
	session_watch(ss, other, &record); /* it went along with a login */
	assert_ptr_equal(map_get(&ss->tids, SLICE("a:1")), other);
	session_drop(ss, e);
	session_settle(ss, e);
	assert_ptr_equal(map_get(&ss->tids, SLICE("a:1")), other);
	session_drop(ss, other);
	session_settle(ss, other);
	assert_null(map_get(&ss->tids, SLICE("a:1")));
	assert_int_equal(ss->entries, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_found, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_expiry, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bounds, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_number, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_tokens, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
