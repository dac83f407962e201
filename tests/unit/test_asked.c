/* asked: what goes into the ring comes out of it, newest first, whole or not at all. */

#include "shm/asked.h"

#include "lib/xalloc.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define MOST 100000

struct fixture {
	struct asked *ring;
	char *copy;
	struct asked_key *keys;
	bool stop;
};

static int
setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof *f);

	f->ring = xcalloc(1, sizeof *f->ring);
	f->copy = xmalloc(ASKED_BYTES);
	f->keys = xcalloc(MOST, sizeof *f->keys);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	free(f->ring);
	free(f->copy);
	free(f->keys);
	free(f);
	return 0;
}

/* Key number n: its length and every byte follow from n. */
static void
note_number(struct asked *ring, uint32_t n)
{
	char host[ASKED_HOST_MAX], path[ASKED_PATH_MAX];
	struct asked_key key = { n,
				 (uint8_t)(n % 10),
				 { host, n * 7919u % (ASKED_HOST_MAX + 1) },
				 { path, n * 104729u % (ASKED_PATH_MAX + 1) } };

	memset(host, 'a' + (int)(n % 26), sizeof host);
	memset(path, 'A' + (int)(n % 26), sizeof path);
	asked_note(ring, &key);
}

static bool
is_filled(struct slice s, size_t n, int byte)
{
	bool ok = s.n == n;

	for (size_t i = 0; i < s.n; i++)
		ok = ok && s.p[i] == byte;
	return ok;
}

static void
assert_number(const struct asked_key *key)
{
	uint32_t n = key->second;

	assert_int_equal(key->method, n % 10);
	assert_true(is_filled(key->host, n * 7919u % (ASKED_HOST_MAX + 1), 'a' + (int)(n % 26)));
	assert_true(is_filled(key->path, n * 104729u % (ASKED_PATH_MAX + 1), 'A' + (int)(n % 26)));
}

static void
test_newest_first(void **state)
{
	struct fixture *f = *state;
	size_t n;

	assert_int_equal(asked_read(f->ring, f->copy, f->keys, MOST), 0);
	for (uint32_t i = 0; i < 20000; i++) { /* several times round */
		note_number(f->ring, i);
		if (i % 1000 != 0 && i != 3999)
			continue;
		n = asked_read(f->ring, f->copy, f->keys, MOST);
		assert_true(n == i + 1 || n > 3500);
		for (size_t k = 0; k < n; k++) {
			assert_int_equal(f->keys[k].second, i - k);
			assert_number(&f->keys[k]);
		}
	}
	assert_int_equal(asked_read(f->ring, f->copy, f->keys, 3), 3);
}

static void
test_ten_thousand_of_a_hundred_bytes(void **state)
{
	struct fixture *f = *state;
	char text[100];
	struct asked_key key = { 1, 2, { text, 22 }, { text, 66 } };

	memset(text, 'x', sizeof text);
	for (int i = 0; i < 20000; i++)
		asked_note(f->ring, &key);
	assert_true(asked_read(f->ring, f->copy, f->keys, MOST) >= 10000);
}

static void
test_too_long_is_left_out(void **state)
{
	struct fixture *f = *state;
	char text[ASKED_PATH_MAX + 1] = { 0 };
	struct asked_key path = { 1, 2, { text, 3 }, { text, ASKED_PATH_MAX + 1 } };
	struct asked_key host = { 1, 2, { text, ASKED_HOST_MAX + 1 }, { text, 3 } };

	asked_note(f->ring, &path);
	asked_note(f->ring, &host);
	assert_int_equal(asked_read(f->ring, f->copy, f->keys, MOST), 0);
}

static void
test_forgotten(void **state)
{
	struct fixture *f = *state;

	for (uint32_t i = 0; i < 9000; i++)
		note_number(f->ring, i);
	asked_forget(f->ring);
	assert_int_equal(asked_read(f->ring, f->copy, f->keys, MOST), 0);
	for (size_t i = 0; i < ASKED_BYTES; i++)
		assert_int_equal(f->ring->ring[i], 0);
	note_number(f->ring, 77);
	assert_int_equal(asked_read(f->ring, f->copy, f->keys, MOST), 1);
	assert_number(&f->keys[0]);
}

static void *
writer(void *userdata)
{
	struct fixture *f = userdata;

	for (uint32_t i = 0; !__atomic_load_n(&f->stop, __ATOMIC_RELAXED); i++)
		note_number(f->ring, i);
	return NULL;
}

/* While another one writes as fast as it can. */
static void
test_nothing_torn(void **state)
{
	struct fixture *f = *state;
	size_t seen = 0;
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, writer, f), 0);
	for (int i = 0; i < 200; i++) {
		size_t n = asked_read(f->ring, f->copy, f->keys, MOST);

		for (size_t k = 0; k < n; k++)
			assert_number(&f->keys[k]);
		seen += n;
	}
	__atomic_store_n(&f->stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	assert_true(seen > 0);
}

/* Whatever a worker that was taken over writes there. */
static void
test_rubbish(void **state)
{
	struct fixture *f = *state;

	srand(1);
	for (int round = 0; round < 20; round++) {
		for (size_t i = 0; i < 4 * sizeof(uint32_t); i += sizeof(uint32_t))
			*(uint32_t *)((char *)f->ring + i) = (uint32_t)rand();
		for (size_t i = 0; i < ASKED_BYTES; i++) /* small numbers, so that some are good */
			f->ring->ring[i] = (char)(rand() % 4 ? 0 : rand() % 40);
		if (round % 2)
			f->ring->reserved = f->ring->written;
		for (uint64_t k = 0; k < 64; k++, f->ring->written++)
			assert_true(asked_read(f->ring, f->copy, f->keys, MOST) <= MOST);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_newest_first, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ten_thousand_of_a_hundred_bytes, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_too_long_is_left_out, setup, teardown),
		cmocka_unit_test_setup_teardown(test_forgotten, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nothing_torn, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rubbish, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
