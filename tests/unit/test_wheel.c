#include "lib/wheel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

struct fired {
	struct wheel *w;
	uint64_t now;
	int count;
	struct wheel_node *again; /* set anew when it fires */
	struct wheel_node *kill;  /* cleared when another fires */
};

static void
on_fire(void *userdata, struct wheel_node *node)
{
	struct fired *f = userdata;

	assert_true(node->deadline <= f->now);
	f->count++;
	if (node == f->again) {
		f->again = NULL;
		wheel_set(f->w, node, f->now + 250);
	} else if (f->kill) {
		wheel_clear(f->kill);
		f->kill = NULL;
	}
}

static int
sweep(struct fired *f, uint64_t now)
{
	f->now = now;
	f->count = 0;
	wheel_sweep(f->w, now, on_fire, f);
	return f->count;
}

static void
test_fires_once_and_never_early(void **state)
{
	struct wheel w;
	struct wheel_node n;
	struct fired f = { .w = &w };

	wheel_init(&w, 1000);
	wheel_node_init(&n);
	wheel_set(&w, &n, 1350);
	assert_int_equal(sweep(&f, 1300), 0);
	assert_int_equal(sweep(&f, 1400), 1);
	assert_int_equal(sweep(&f, 9000), 0);
}

static void
test_moves(void **state)
{
	struct wheel w;
	struct wheel_node n;
	struct fired f = { .w = &w };

	wheel_init(&w, 0);
	wheel_node_init(&n);
	wheel_set(&w, &n, 500);
	wheel_set(&w, &n, 2000); /* later: stays linked where it was */
	assert_int_equal(sweep(&f, 1900), 0);
	assert_int_equal(sweep(&f, 2000), 1);
	wheel_set(&w, &n, 9000);
	wheel_set(&w, &n, 2500); /* earlier: must be linked anew */
	assert_int_equal(sweep(&f, 2500), 1);
	wheel_set(&w, &n, 3000);
	wheel_clear(&n);
	assert_int_equal(sweep(&f, 9900), 0);
}

static void
test_far_and_never(void **state)
{
	struct wheel w;
	struct wheel_node far, never;
	struct fired f = { .w = &w };
	uint64_t hours = 10 * 3600 * 1000;

	wheel_init(&w, 0);
	wheel_node_init(&far);
	wheel_node_init(&never);
	wheel_set(&w, &far, hours); /* many turns of the wheel away */
	wheel_set(&w, &never, 100);
	never.deadline = UINT64_MAX;
	assert_int_equal(sweep(&f, hours - 100), 0);
	assert_int_equal(sweep(&f, hours), 1);
	wheel_clear(&never);
}

static void
test_callbacks_may_change_the_wheel(void **state)
{
	struct wheel w;
	struct wheel_node a, b;
	struct fired f = { .w = &w };

	wheel_init(&w, 0);
	wheel_node_init(&a);
	wheel_node_init(&b);
	wheel_set(&w, &a, 300);
	f.again = &a;
	assert_int_equal(sweep(&f, 300), 1);
	assert_int_equal(sweep(&f, 600), 1);
	wheel_set(&w, &a, 900);
	wheel_set(&w, &b, 900);
	f.kill = &b; /* a fires first and takes b away */
	assert_int_equal(sweep(&f, 1000), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fires_once_and_never_early),
		cmocka_unit_test(test_moves),
		cmocka_unit_test(test_far_and_never),
		cmocka_unit_test(test_callbacks_may_change_the_wheel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
