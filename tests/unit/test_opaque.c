/* opaque: what is known of tokens that say nothing, and for how long. */

#include "worker/opaque.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define MANY 10000

static const struct identity *
identity_of(struct identity_builder *b, const char *sub)
{
	identity_begin(b, IDENTITY_TOKEN);
	b->head.sub = identity_add(b, slice_of(sub));
	return identity_end(b);
}

static void
test_known(void **state)
{
	struct opaque *o = opaque_new(), *other = opaque_new();
	struct identity_builder b = { 0 };
	uint8_t name[HMAC_SIZE], elsewhere[HMAC_SIZE];
	const struct identity *who = NULL;
	enum reason reason;

	(void)state;
	opaque_name(o, SLICE("token"), name);
	opaque_name(other, SLICE("token"), elsewhere);
	assert_memory_not_equal(name, elsewhere, sizeof name); /* each process has a key */
	assert_false(opaque_find(o, name, 100, &reason, &who));
	opaque_put(o, name, REASON_none, 200, identity_of(&b, "7"));
	assert_true(opaque_find(o, name, 199, &reason, &who));
	assert_int_equal(reason, REASON_none);
	assert_true(slice_eq(identity_text(who, who->sub), SLICE("7")));
	assert_false(opaque_find(o, name, 200, &reason, &who));
	opaque_put(o, name, REASON_token_inactive, 300, NULL); /* in its place */
	assert_true(opaque_find(o, name, 299, &reason, &who));
	assert_int_equal(reason, REASON_token_inactive);
	assert_null(who);
	opaque_clear(o);
	assert_false(opaque_find(o, name, 100, &reason, &who));
	opaque_free(o);
	opaque_free(other);
	identity_builder_deinit(&b);
}

/* Many tokens of somebody else take the place of those that end before, and of no other. */
static void
test_bounded(void **state)
{
	struct opaque *o = opaque_new();
	struct identity_builder b = { 0 };
	uint8_t name[HMAC_SIZE], own[HMAC_SIZE];
	const struct identity *who;
	unsigned found = 0;
	enum reason reason;

	(void)state;
	opaque_name(o, SLICE("own"), own);
	opaque_put(o, own, REASON_none, 1000, identity_of(&b, "7"));
	for (unsigned i = 0; i < MANY; i++) {
		char text[16];

		snprintf(text, sizeof text, "t%u", i);
		opaque_name(o, slice_of(text), name);
		opaque_put(o, name, REASON_token_inactive, 500, NULL);
		assert_true(opaque_find(o, name, 100, &reason, &who));
	}
	for (unsigned i = 0; i < MANY; i++) {
		char text[16];

		snprintf(text, sizeof text, "t%u", i);
		opaque_name(o, slice_of(text), name);
		found += opaque_find(o, name, 100, &reason, &who);
	}
	assert_in_range(found, 1000, 2048);
	assert_true(opaque_find(o, own, 100, &reason, &who));
	assert_int_equal(reason, REASON_none);
	opaque_free(o);
	identity_builder_deinit(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
