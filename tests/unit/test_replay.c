/* replay: of requests that two tables decide on, those that part ways are counted, and no others.
 */

#include "master/replay.h"

#include "lib/json.h"
#include "lib/uri.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const char *const upstreams[] = { "", "red", "green", "blue" };

static struct segment *
make_endpoints(void)
{
	struct seg_builder b;
	struct segment *s;

	seg_builder_init(&b);
	for (size_t i = 0; i < sizeof upstreams / sizeof *upstreams; i++) {
		struct table_upstream up = {
			.name = seg_builder_string(&b, slice_of(upstreams[i])),
		};

		seg_builder_add(&b, ENDPOINTS_UPSTREAMS, &up, sizeof up);
	}
	assert_int_equal(seg_builder_finish(&b, SEGMENT_ENDPOINTS, 1, &s), 0);
	seg_builder_deinit(&b);
	return s;
}

struct rule {
	const char *host, *path;
	uint32_t upstream, flags, status; /* status: it answers itself */
};

static struct segment *
make_rules(const struct rule *rules, const char *protect)
{
	struct table_policy policy = { 0 };
	struct table_gate gate = { .flags = GATE_PROTECT };
	struct table_action action = { 0 };
	struct table_builder b;
	struct segment *s;

	table_builder_init(&b);
	seg_builder_add(&b.seg, RULES_POLICIES, &policy, sizeof policy);
	seg_builder_add(&b.seg, RULES_ACTIONS, &action, sizeof action);
	for (; rules->host; rules++) {
		struct table_shape shape = { .flags = rules->flags };
		struct table_route r = { .upstream = rules->upstream };
		char id[64];

		snprintf(id, sizeof id, "redis:%s%s", rules->host, rules->path);
		table_builder_texts(&b, &r, slice_of(id), slice_of(rules->host),
				    slice_of(rules->path));
		action = (struct table_action){ .flags = ACTION_RESPOND, .status = rules->status };
		if (rules->status)
			shape.action =
			    seg_builder_add(&b.seg, RULES_ACTIONS, &action, sizeof action);
		r.shape = table_builder_shape(&b, &shape);
		table_builder_route(&b, slice_of(rules->host), false, slice_of(rules->path), &r);
	}
	if (protect)
		table_builder_gate(&b, slice_of(protect), &gate);
	assert_int_equal(table_builder_finish(&b, 1, &s), 0);
	table_builder_deinit(&b);
	return s;
}

static const struct rule before[] = {
	{ "a.test", "/", 1, 0, 0 },
	{ "a.test", "/api", 2, 0, 0 },
	{ "b.test", "/", 3, 0, 0 },
	{ NULL, NULL, 0, 0, 0 },
};
static const struct asked_key keys[] = {
	{ 1700000005, METHOD_GET, { "a.test", 6 }, { "/", 1 } },
	{ 1700000004, METHOD_GET, { "A.TEST:80", 9 }, { "/api/x", 6 } },
	{ 1700000003, METHOD_POST, { "a.test", 6 }, { "/api", 4 } },
	{ 1700000002, METHOD_GET, { "b.test", 6 }, { "/x", 2 } },
	{ 1700000001, METHOD_GET, { "c.test", 6 }, { "/", 1 } },
	{ 1700000000, METHOD_GET, { "b\\r", 3 }, { "", 0 } }, /* rubbish counts for nothing */
};
#define KEYS (sizeof keys / sizeof *keys)

static struct json *
run(const struct rule *after, const char *protect, bool examples)
{
	struct segment *endpoints = make_endpoints();
	struct replay_side a = { make_rules(before, NULL), endpoints };
	struct replay_side b = { make_rules(after, protect), endpoints };
	struct buf BUF_CLEAN out = { 0 };
	struct json *json;

	buf_addc(&out, '{');
	replay_compare(keys, KEYS, &a, &b, examples, &out);
	buf_addc(&out, '}');
	assert_int_equal(json_parse(buf_slice(&out), 1 << 20, 8, &json), 0);
	seg_unref((struct segment *)(uintptr_t)a.rules);
	seg_unref((struct segment *)(uintptr_t)b.rules);
	seg_unref(endpoints);
	return json;
}

static int
number(const struct json *object, const char *name)
{
	double n = -1;

	(void)!json_number(json_get(object, name), &n);
	return (int)n;
}

static void
assert_text(const struct json *object, const char *name, const char *text)
{
	assert_true(slice_eq(json_text(json_get(object, name)), slice_of(text)));
}

static void
test_the_same_rules(void **state)
{
	struct json *json = run(before, NULL, false);

	assert_int_equal(number(json, "keys"), KEYS);
	assert_int_equal(number(json, "elsewhere"), 0);
	assert_int_equal(number(json, "groups_count"), 0);
	assert_text(json, "since", "2023-11-14T22:13:20Z");
	json_free(json);
}

static void
test_changed_rules(void **state)
{
	static const struct rule after[] = {
		{ "a.test", "/", 1, 0, 0 },
		{ "a.test", "/api", 3, 0, 0 },
		{ "b.test", "/", 3, ROUTE_REFUSED, 0 },
		{ "c.test", "/", 2, 0, 0 },
		{ NULL, NULL, 0, 0, 0 },
	};
	struct json *json = run(after, NULL, true);
	const struct json *group = json_first(json_get(json, "groups"));

	assert_int_equal(number(json, "elsewhere"), 4);
	assert_int_equal(number(json, "groups_count"), 3);
	assert_int_equal(number(group, "count"), 2); /* the largest is the first */
	assert_text(json_get(group, "before"), "route", "redis:a.test/api");
	assert_text(json_get(group, "before"), "upstream", "green");
	assert_text(json_get(group, "before"), "outcome", "routed");
	assert_text(json_get(group, "after"), "upstream", "blue");
	assert_text(json_get(group, "example"), "path", "/api/x");
	for (group = json_next(group); group; group = json_next(group)) {
		if (slice_eq(json_text(json_get(json_get(group, "before"), "outcome")),
			     SLICE("no_route")))
			assert_text(json_get(group, "after"), "route", "redis:c.test/");
		else
			assert_text(json_get(group, "after"), "outcome", "rule_refused");
	}
	json_free(json);
}

/* Another rule that leads to the same place moves nobody. */
static void
test_another_rule_to_the_same(void **state)
{
	static const struct rule after[] = {
		{ "", "/", 3, 0, 0 },
		{ "a.test", "/", 1, 0, 0 },
		{ "a.test", "/api", 2, 0, 0 },
		{ NULL, NULL, 0, 0, 0 },
	};
	struct json *json = run(after, NULL, false);

	assert_int_equal(number(json, "elsewhere"), 1); /* c.test, which had none */
	assert_null(json_get(json_first(json_get(json, "groups")), "example"));
	json_free(json);
}

static void
test_protection(void **state)
{
	struct json *json = run(before, "/api", false);
	const struct json *group = json_first(json_get(json, "groups"));

	assert_int_equal(number(json, "elsewhere"), 2);
	assert_int_equal(json_kind(json_get(json_get(group, "before"), "protected")), JSON_FALSE);
	assert_int_equal(json_kind(json_get(json_get(group, "after"), "protected")), JSON_TRUE);
	json_free(json);
}

static void
test_rewriting(void **state)
{
	static const struct rule after[] = {
		{ "a.test", "/", 1, 0, 0 },
		{ "a.test", "/api", 2, ROUTE_STRIP, 0 },
		{ "b.test", "/", 3, 0, 0 },
		{ NULL, NULL, 0, 0, 0 },
	};
	struct json *json = run(after, NULL, false);

	assert_int_equal(number(json, "elsewhere"), 2);
	json_free(json);
}

static void
test_answers_of_its_own(void **state)
{
	static const struct rule after[] = {
		{ "a.test", "/", 1, 0, 0 },
		{ "a.test", "/api", 2, 0, 403 },
		{ "b.test", "/", 3, 0, 0 },
		{ NULL, NULL, 0, 0, 0 },
	};
	struct json *json = run(after, NULL, false);

	assert_int_equal(number(json, "elsewhere"), 2);
	json_free(json);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_same_rules),
		cmocka_unit_test(test_changed_rules),
		cmocka_unit_test(test_another_rule_to_the_same),
		cmocka_unit_test(test_protection),
		cmocka_unit_test(test_rewriting),
		cmocka_unit_test(test_answers_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
