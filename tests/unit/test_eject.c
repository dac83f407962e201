/* master/eject: reports in, words on the board out. */

#include "master/eject.h"

#include "lib/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define UPSTREAMS 2
#define ENDPOINTS 8

/* Upstreams with index 1 and 2 whose endpoints have the slots that the texts name. */
struct fixture {
	struct board_master *board;
	struct ejector *e;
	struct directory d[2]; /* the one in force and the one before */
	struct directory_upstream upstreams[2][UPSTREAMS], *places[2][UPSTREAMS];
	struct directory_endpoint endpoints[2][UPSTREAMS][ENDPOINTS];
	unsigned turn;
};

static const char *const authorities[] = { "", "a", "b", "c", "d", "e", "f", "g", "h", "i" };

static void
watch(struct fixture *f, const char *first, const char *second, uint64_t now)
{
	const char *const slots[UPSTREAMS] = { first, second };
	struct directory *d = &f->d[f->turn];

	directory_unlink(d);
	*d = (struct directory){ .upstreams = f->places[f->turn],
				 .upstreams_count = second ? 2 : 1 };
	for (unsigned u = 0; u < d->upstreams_count; u++) {
		struct directory_endpoint *e = f->endpoints[f->turn][u];

		d->upstreams[u] = &f->upstreams[f->turn][u];
		*d->upstreams[u] = (struct directory_upstream){
			.name = u ? "two" : "one",
			.index = u + 1,
			.endpoints = e,
			.endpoints_count = strlen(slots[u]),
			.balance = { .eject_failures = 5,
				     .eject_time = 1000,
				     .eject_max_time = 2500 },
		};
		for (size_t i = 0; slots[u][i]; i++) {
			e[i] = (struct directory_endpoint){ .slot = (uint32_t)(slots[u][i] - '0') };
			e[i].authority = authorities[e[i].slot];
		}
	}
	directory_link(d);
	ejector_watch(f->e, d, now);
	f->turn = !f->turn;
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	log_set_level(LOG_LEVEL_ERROR);
	f->board = calloc(1, sizeof *f->board);
	f->e = ejector_new(f->board, NULL);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	ejector_free(f->e);
	for (int i = 0; i < 2; i++)
		directory_unlink(&f->d[i]);
	free(f->board);
	free(f);
	return 0;
}

static bool
is_out(const struct fixture *f, uint32_t slot, uint64_t now)
{
	return f->board->health[slot].ejected_until_ms > now;
}

/* The report of slot at `now`: for how long is it ejected? */
static uint64_t
ejected(struct fixture *f, uint32_t slot, uint64_t now)
{
	ejector_failing(f->e, 1, slot, now);
	return is_out(f, slot, now) ? f->board->health[slot].ejected_until_ms - now : 0;
}

static void
test_times(void **state)
{
	struct fixture *f = *state;
	struct board_health *w = &f->board->health[1];

	watch(f, "12", NULL, 5);
	assert_int_equal(ejected(f, 1, 10000), 1000);
	assert_int_equal(w->up_since_ms, 11000);
	assert_int_equal(ejected(f, 1, 10500), 500); /* it is out: no second time */
	ejector_tick(f->e, 11000);
	assert_int_equal(ejected(f, 1, 11000), 2000);
	assert_int_equal(ejected(f, 1, 13500), 2500); /* max_time; no tick was between */
	assert_int_equal(w->ejections, 3);
	ejector_tick(f->e, 16000);
	assert_int_equal(w->ejected_count, 3);
	ejector_tick(f->e, 16999);
	assert_int_equal(w->ejected_count, 3);
	ejector_tick(f->e, 17000); /* good for as long as an ejection */
	assert_int_equal(w->ejected_count, 2);
	ejector_tick(f->e, 18000);
	ejector_tick(f->e, 19000);
	ejector_tick(f->e, 20000);
	assert_int_equal(w->ejected_count, 0);
	assert_int_equal(ejected(f, 1, 20001), 1000);
}

static void
test_at_most_half(void **state)
{
	struct fixture *f = *state;

	watch(f, "12345", NULL, 0);
	assert_true(ejected(f, 1, 100));
	assert_true(ejected(f, 2, 100));
	assert_false(ejected(f, 3, 100));
	ejector_tick(f->e, 1100);          /* both are back */
	assert_false(ejected(f, 3, 1099)); /* it was told no, and is not asked again at once */
	assert_true(ejected(f, 3, 1100));
}

static void
test_never_the_last(void **state)
{
	struct fixture *f = *state;

	watch(f, "1", NULL, 0);
	assert_false(ejected(f, 1, 100));
	watch(f, "123", NULL, 2000);
	f->board->health[2].state = f->board->health[3].state = HEALTH_DEAD;
	assert_false(ejected(f, 1, 2000));
	assert_false(ejected(f, 2, 2000)); /* what is dead needs no ejection */
	f->board->health[3].state = HEALTH_ALIVE;
	assert_true(ejected(f, 1, 4000));
	f->board->health[3].state = HEALTH_DEAD; /* the other one dies: it is needed */
	ejector_tick(f->e, 4100);
	assert_false(is_out(f, 1, 4101));
	assert_int_equal(f->board->health[1].up_since_ms, 4100);
}

static void
test_shared_by_upstreams(void **state)
{
	struct fixture *f = *state;

	watch(f, "1234", "1", 0);
	assert_false(ejected(f, 1, 100)); /* the other upstream has nobody else */
	assert_true(ejected(f, 2, 100));
}

static void
test_reloads(void **state)
{
	struct fixture *f = *state;

	watch(f, "12", NULL, 100);
	assert_int_equal(f->board->health[1].up_since_ms, 0); /* as old as the gateway */
	assert_true(ejected(f, 1, 200));
	watch(f, "123", NULL, 300);
	assert_true(is_out(f, 1, 301));
	assert_int_equal(f->board->health[3].up_since_ms, 300); /* new to a running upstream */
	assert_int_equal(f->board->health[2].up_since_ms, 0);
	watch(f, "1", NULL, 400); /* alone now */
	assert_false(is_out(f, 1, 401));
	watch(f, "13", "45", 500);
	assert_int_equal(f->board->health[3].up_since_ms, 500);
	assert_int_equal(f->board->health[4].up_since_ms, 0); /* the upstream is new with it */
}

static void
test_slot_of_another(void **state)
{
	struct fixture *f = *state;

	watch(f, "12", NULL, 0);
	assert_true(ejected(f, 1, 100));
	f->endpoints[!f->turn][0][0].authority = "other";
	ejector_watch(f->e, &f->d[!f->turn], 300);
	assert_false(is_out(f, 1, 301));
	assert_int_equal(f->board->health[1].ejections, 0);
	assert_int_equal(f->board->health[1].ejected_count, 0);
	ejector_tick(f->e, 5000);
}

static void
test_of_an_earlier_master(void **state)
{
	struct fixture *f = *state;

	f->board->names.endpoint->high = 4; /* so many may have words */
	for (uint32_t slot = 1; slot <= 3; slot++)
		f->board->health[slot] = (struct board_health){ .ejected_count = 2,
								.ejected_until_ms = 1500,
								.ejections = 5 };
	watch(f, "1245", NULL, 1000);
	assert_true(is_out(f, 1, 1400));
	assert_true(is_out(f, 2, 1400));
	assert_false(ejected(f, 4, 1100)); /* half of them are out */
	assert_int_equal(f->board->health[1].ejections, 5);
	ejector_tick(f->e, 1500);
	assert_int_equal(ejected(f, 1, 2200), 2500); /* the third time in a row */
	watch(f, "12345", NULL, 2300);               /* 3 was of who is gone */
	assert_int_equal(f->board->health[3].ejections, 0);
	assert_false(is_out(f, 3, 2301));
}

static void
test_rubbish(void **state)
{
	struct fixture *f = *state;

	ejector_failing(f->e, 1, 1, 0); /* no directory yet */
	watch(f, "12", NULL, 0);
	ejector_failing(f->e, 1, 0, 10000);
	ejector_failing(f->e, 1, 7, 10000);
	ejector_failing(f->e, 9, 2, 10000);
	ejector_failing(f->e, 1, BOARD_ENDPOINTS, 10000);
	ejector_failing(f->e, UINT32_MAX, UINT32_MAX, 10000);
	for (uint32_t i = 0; i < BOARD_ENDPOINTS; i++)
		assert_int_equal(f->board->health[i].ejections, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_times, setup, teardown),
		cmocka_unit_test_setup_teardown(test_at_most_half, setup, teardown),
		cmocka_unit_test_setup_teardown(test_never_the_last, setup, teardown),
		cmocka_unit_test_setup_teardown(test_shared_by_upstreams, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reloads, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slot_of_another, setup, teardown),
		cmocka_unit_test_setup_teardown(test_of_an_earlier_master, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rubbish, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
