/* What is taken off a ring from either end, and what a body may do to the ring meanwhile. */

#include "lib/list.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

static void
test_ends(void **state)
{
	struct list head = LIST_INIT(head), node[3];

	(void)state;
	assert_null(list_pop(&head));
	assert_null(list_pop_last(&head));
	for (unsigned i = 0; i < 3; i++)
		list_push(&head, &node[i]);
	assert_ptr_equal(list_pop(&head), &node[0]);
	assert_true(list_empty(&node[0]));
	assert_ptr_equal(list_pop_last(&head), &node[2]);
	assert_true(list_empty(&node[2]));
	assert_ptr_equal(head.next, &node[1]);
	assert_ptr_equal(head.prev, &node[1]);
	assert_ptr_equal(list_pop_last(&head), &node[1]);
	assert_true(list_empty(&head) && list_empty(&node[1]));
}

static void
test_drain(void **state)
{
	struct list head = LIST_INIT(head), node[4];
	unsigned seen = 0;

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		list_push(&head, &node[i]);
	list_drain (pos, &head) {
		seen |= 1u << (pos - node);
		if (pos == &node[0]) { /* one goes, one comes */
			list_remove(&node[1]);
			list_push(&head, &node[3]);
		}
	}
	assert_int_equal(seen, 1u << 0 | 1u << 2 | 1u << 3);
	assert_true(list_empty(&head));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_drain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
