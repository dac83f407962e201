/* Native rules: what is good, what is refused and why, what is left of a refused one, copies,
 * files. */

#include "master/history.h"
#include "master/rules.h"
#include "master/rules_recover.h"
#include "shm/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static struct config beside = { .serial = 1 };

static int
beside_make(void **state)
{
	config_rule_defaults(&beside);
	return 0;
}

static int
beside_drop(void **state)
{
	arena_deinit(&beside.arena);
	return 0;
}

static int
set(struct rules *r, enum native_kind kind, const char *name, const char *json)
{
	return rules_set_native(r, kind, slice_of(name), slice_of(json));
}

static const char *
reason(const struct rules *r, const char *key)
{
	const struct rules_refusal *f = rules_refusal_find(r, slice_of(key));

	return f ? f->reason : "";
}

static const void *
read_good(const struct rules *r, enum native_kind kind, const char *name)
{
	struct rules_native *n = rules_native_find(r, kind, slice_of(name));

	return n ? rules_native_read(n, &beside) : NULL;
}

static const void *
read_refused(const struct rules *r, const char *key)
{
	const struct rules_refusal *f = rules_refusal_find(r, slice_of(key));

	assert_non_null(f);
	return f->native ? rules_native_read(f->native, &beside) : NULL;
}

static void
test_good(void **state)
{
	struct rules *r = rules_new();
	const struct config_route *route;
	const struct config_upstream *u;

	assert_int_equal(set(r, NATIVE_ROUTE, "r",
			     "{\"path\":\"/a/\",\"target\":\"h:1\",\"methods\":"
			     "[\"PUT\"],\"priority\":-3,\"query\":[\"q\"]}"),
			 1);
	route = read_good(r, NATIVE_ROUTE, "r");
	assert_string_equal(route->name, "r");
	assert_string_equal(route->path, "/a");
	assert_string_equal(route->upstream, "h:1");
	assert_int_equal(route->priority, -3);
	assert_int_equal(route->query_count, 1);
	assert_ptr_equal(read_good(r, NATIVE_ROUTE, "r"), route); /* read once */
	assert_int_equal(set(r, NATIVE_UPSTREAM, "u",
			     "{\"endpoints\":[\"a\",{\"address\":\"b:2\","
			     "\"weight\":3}],\"max_connections\":7}"),
			 1);
	u = read_good(r, NATIVE_UPSTREAM, "u");
	assert_int_equal(u->endpoints_count, 2);
	assert_int_equal(u->endpoints[1].weight, 3);
	assert_int_equal(u->balance.max_connections, 7);
	assert_int_equal(rules_known(r), 2);
	assert_int_equal(set(r, NATIVE_UPSTREAM, "u", "{\"endpoints\":[\"a\"]}"), 1);
	assert_int_equal(set(r, NATIVE_UPSTREAM, "u", "{\"endpoints\":[\"a\"]}"), 0);
	assert_int_equal(rules_delete(r, SLICE("yett:upstream:u")), 1);
	assert_int_equal(rules_delete(r, SLICE("yett:upstream:u")), 0);
	rules_free(r);
}

/* What nobody has to read it for is what it says when it is read. */
static void
test_place(void **state)
{
	static const struct {
		const char *json, *host, *path, *target;
	} cases[] = {
		{ "{\"path\":\"/a/\",\"target\":\"H:1\"}", "", "/a", "h:1" },
		{ "{\"path\":\"/a/\",\"exact\":true,\"upstream\":\"u\"}", "", "/a/", NULL },
		{ "{\"host\":\"*.A.test\",\"upstream\":\"target\"}", "*.a.test", "/", NULL },
		{ "{\"\\u0074arget\":\"https://h/b\"}", "", "/", "https://h:443/b" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct rules *r = rules_new();
		const struct config_route *route;
		const struct rules_place *at;

		assert_int_equal(set(r, NATIVE_ROUTE, "r", cases[i].json), 1);
		at = rules_native_place(rules_native_find(r, NATIVE_ROUTE, SLICE("r")));
		route = read_good(r, NATIVE_ROUTE, "r");
		assert_string_equal(at->host, cases[i].host);
		assert_string_equal(at->host, route->host);
		assert_string_equal(at->path, cases[i].path);
		assert_string_equal(at->path, route->path);
		assert_int_equal(at->target != NULL, cases[i].target != NULL);
		if (at->target) {
			assert_string_equal(at->target, cases[i].target);
			assert_string_equal(at->target, route->upstream);
		}
		rules_free(r);
	}
}

static void
test_inherits(void **state)
{
	struct config c = { .serial = 2, .balance.max_connections = 9 };
	struct rules *r = rules_new();
	struct rules_native *n;
	const struct config_upstream *u;

	config_rule_defaults(&c);
	set(r, NATIVE_UPSTREAM, "u", "{\"endpoints\":[\"a\"]}");
	n = rules_native_find(r, NATIVE_UPSTREAM, SLICE("u"));
	u = rules_native_read(n, &c);
	assert_int_equal(u->balance.max_connections, 9);
	c.serial = 3; /* another one in the same place */
	c.balance.max_connections = 8;
	config_rule_defaults(&c);
	u = rules_native_read(n, &c);
	assert_int_equal(u->balance.max_connections, 8);
	rules_free(r);
	arena_deinit(&c.arena);
}

static void
test_refused(void **state)
{
	static const struct {
		enum native_kind kind;
		const char *json, *why;
	} cases[] = {
		{ NATIVE_ROUTE, "", "it is no JSON" },
		{ NATIVE_ROUTE, "{\"target\":\"h\",}", "it is no JSON" },
		{ NATIVE_ROUTE, "{\"target\":\"h\"} x", "it is no JSON" },
		{ NATIVE_ROUTE, "{\"target\":\"h\",\"target\":\"h\"}", "it is no JSON" },
		{ NATIVE_ROUTE, "{\"a\":[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]}", "it is no JSON" },
		{ NATIVE_ROUTE, "3", "a mapping belongs here, not a single value" },
		{ NATIVE_ROUTE, "{}", "the route leads nowhere" },
		{ NATIVE_ROUTE, "{\"target\":\"h\",\"path\":\"a\"}", "path: \"a\" does not begin" },
		{ NATIVE_ROUTE, "{\"target\":\"h\",\"headers\":{}}",
		  "headers: a list belongs here" },
		{ NATIVE_ROUTE, "{\"target\":\"h\",\"headers\":[{}]}",
		  "headers[0]: name is missing" },
		{ NATIVE_ROUTE, "{\"target\":\"h\",\"query\":[{\"name\":\"a\",\"regex\":\"a++\"}]}",
		  "query[0].regex: \"a++\" is no pattern, at character 2" },
		{ NATIVE_ROUTE, "{\"target\":\"h\",\"x.y\":1}", "x.y: unknown key" },
		{ NATIVE_ROUTE, "{\"target\":\"h\",\"path\":null}", "path: the value is missing" },
		{ NATIVE_UPSTREAM, "{}", "endpoints is missing" },
		{ NATIVE_UPSTREAM, "{\"endpoints\":[]}", "endpoints: there is no endpoint" },
		{ NATIVE_UPSTREAM, "{\"endpoints\":[\"a\",\"a:80\"]}", "endpoints[1]: a:80 is an" },
		{ NATIVE_UPSTREAM, "{\"endpoints\":[\"a\"],\"endpoint\":1}",
		  "endpoint: unknown key" },
		{ NATIVE_ROUTE, "{\"target\":\"h\",\"priority\":1e400}", "priority: " },
		{ NATIVE_ROUTE, "{\"target\":\"h\",\"priority\":-1e400}", "priority: " },
		{ NATIVE_POLICY, "{\"protect\":[\"a\"]}", "protect[0].path: \"a\" does not begin" },
		{ NATIVE_POLICY, "{\"protect\":[{}]}", "protect[0]: path is missing" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct rules *r = rules_new();
		struct buf key BUF_CLEAN = { 0 };

		buf_adds(&key, rules_native_prefix(cases[i].kind));
		buf_addf(&key, "x");
		buf_addc(&key, '\0');
		assert_int_equal(set(r, cases[i].kind, "x", cases[i].json), -1);
		if (strncmp(reason(r, key.p), cases[i].why, strlen(cases[i].why)) != 0)
			fail_msg("%s: %s", cases[i].json, reason(r, key.p));
		assert_true(rules_is_refused(r, slice_of(key.p)));
		rules_free(r);
	}
}

static void
test_names(void **state)
{
	static const char *const bad[] = { "", "a b", "a/b", "a\r\nb", "\xc3\xa9" };
	struct rules *r = rules_new();
	char large[RULE_NAME_MAX + 2];

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(set(r, NATIVE_POLICY, bad[i], "{}"), -1);
	memset(large, 'x', sizeof large);
	large[RULE_NAME_MAX + 1] = '\0';
	assert_int_equal(set(r, NATIVE_POLICY, large, "{}"), -1);
	large[RULE_NAME_MAX] = '\0';
	assert_int_equal(set(r, NATIVE_POLICY, large, "{}"), 1);
	rules_free(r);
}

static void
test_rescued_route(void **state)
{
	struct rules *r = rules_new();
	const struct config_route *route;

	set(r, NATIVE_ROUTE, "a",
	    "{\"host\":\"A.test\",\"path\":\"/x\",\"methods\":[\"PUT\"],\"headers\":"
	    "[{\"name\":\"K\",\"value\":\"v\"},{\"name\":\"L\",\"regex\":\"(\"}],"
	    "\"query\":3,\"nope\":1}");
	route = read_refused(r, "yett:route:a");
	assert_string_equal(route->host, "a.test");
	assert_string_equal(route->path, "/x");
	assert_int_equal(route->methods, 1u << METHOD_PUT);
	assert_int_equal(route->headers_count, 1);
	assert_string_equal(route->headers[0].name, "K");
	assert_int_equal(route->unread, 1);
	/* Where it would have matched is not known. */
	set(r, NATIVE_ROUTE, "b", "{\"host\":\"a b\",\"target\":\"h\"}");
	assert_null(read_refused(r, "yett:route:b"));
	set(r, NATIVE_ROUTE, "c", "{\"path\":[],\"target\":\"h\"}");
	assert_null(read_refused(r, "yett:route:c"));
	set(r, NATIVE_ROUTE, "d", "[]");
	assert_null(read_refused(r, "yett:route:d"));
	/* It may have come before all others. */
	set(r, NATIVE_ROUTE, "e", "{\"target\":\"h\",\"priority\":\"high\"}");
	route = read_refused(r, "yett:route:e");
	assert_int_equal(route->priority, INT32_MAX);
	rules_free(r);
}

static void
test_rescued_policy(void **state)
{
	struct rules *r = rules_new();
	const struct config_policy *p;

	set(r, NATIVE_POLICY, "a",
	    "{\"protect\":[\"/a/\",{\"path\":\"/b\",\"methods\":[\"X\"]},"
	    "{\"path\":\"/c\",\"methods\":[\"GET\"],\"exact\":true},5,{\"path\":\"d\"}],"
	    "\"except\":[\"/a/b\"]}");
	p = read_refused(r, "yett:policy:a");
	assert_int_equal(p->protect_count, 3);
	assert_string_equal(p->protect[0].path, "/a");
	assert_int_equal(p->protect[1].methods, 0);
	assert_int_equal(p->protect[2].methods, 1u << METHOD_GET);
	assert_true(p->protect[2].exact);
	assert_int_equal(p->except_count, 0);
	assert_true(p->unread);
	set(r, NATIVE_POLICY, "b", "{\"except\":[\"/a\"],\"x\":1}");
	p = read_refused(r, "yett:policy:b");
	assert_true(p->unread && p->protect_count == 0);
	set(r, NATIVE_POLICY, "c", "{\"protect\":[\"/a\"],\"x\":1}");
	p = read_refused(r, "yett:policy:c");
	assert_true(!p->unread && p->protect_count == 1);
	rules_free(r);
}

static void
test_last_good_stays(void **state)
{
	struct rules *r = rules_new();
	uint64_t generation;

	set(r, NATIVE_ROUTE, "r", "{\"target\":\"h:1\"}");
	generation = rules_generation(r);
	assert_int_equal(set(r, NATIVE_ROUTE, "r", "{\"target\":1,\"x\":2}"), -1);
	assert_true(rules_generation(r) > generation);
	assert_false(rules_is_refused(r, SLICE("yett:route:r")));
	assert_string_equal(
	    ((const struct config_route *)read_good(r, NATIVE_ROUTE, "r"))->upstream, "h:1");
	generation = rules_generation(r);
	assert_int_equal(set(r, NATIVE_ROUTE, "r", "{\"target\":1,\"x\":2}"), -1);
	assert_int_equal(rules_generation(r), generation);
	assert_int_equal(set(r, NATIVE_ROUTE, "r", "{\"target\":\"h:1\"}"), 1);
	assert_int_equal(rules_refusals(r), 0);
	rules_free(r);
}

static bool
is_lost(const struct rules *r, const char *key)
{
	return rules_refusal_find(r, slice_of(key))->lost;
}

static void
remember(struct history *h, const char *id, const char *delta)
{
	history_add(
	    h, revision_new(slice_of(id), SLICE("d"), 0, SLICE("w"), SLICE("y"), slice_of(delta)));
}

/* What is refused at first sight has its good value in the history, or none was there. */
static void
test_recovered(void **state)
{
	struct history h = { 0 };
	struct rules *r = rules_new();

	set(r, NATIVE_ROUTE, "good", "{");
	set(r, NATIVE_ROUTE, "older", "{");
	set(r, NATIVE_ROUTE, "new", "{");
	set(r, NATIVE_ROUTE, "unknown", "{");
	set(r, NATIVE_ROUTE, "a b", "{"); /* such a name was never good */
	assert_false(is_lost(r, "yett:route:a b"));
	remember(&h, "1-0",
		 "[{\"key\":\"yett:route:good\",\"before\":null,\"after\":"
		 "\"{\\\"target\\\":\\\"old:1\\\"}\"},"
		 "{\"key\":\"yett:route:older\",\"before\":null,\"after\":"
		 "\"{\\\"target\\\":\\\"h:1\\\"}\"}]");
	remember(&h, "2-0",
		 "[{\"key\":\"yett:route:good\",\"before\":"
		 "\"{\\\"target\\\":\\\"h:1\\\"}\",\"after\":false},"
		 "{\"key\":\"yett:route:new\",\"before\":null,\"after\":false}]");
	rules_recover(r, &h);
	assert_string_equal(
	    ((const struct config_route *)read_good(r, NATIVE_ROUTE, "good"))->upstream, "h:1");
	assert_non_null(read_good(r, NATIVE_ROUTE, "older"));
	assert_true(rules_refusal_find(r, SLICE("yett:route:good"))->kept);
	assert_false(is_lost(r, "yett:route:good"));
	assert_false(is_lost(r, "yett:route:new"));
	assert_true(rules_is_refused(r, SLICE("yett:route:new")));
	assert_true(is_lost(r, "yett:route:unknown"));
	assert_int_equal(rules_closes(rules_refusal_find(r, SLICE("yett:route:unknown")), &beside),
			 CLOSES_ALL);
	rules_whole(r);
	set(r, NATIVE_ROUTE, "later", "{");
	assert_false(is_lost(r, "yett:route:later"));
	history_deinit(&h);
	rules_free(r);
}

/* What a revision says of those that never had one, a gateway that comes later can rely on. */
static void
test_never_good(void **state)
{
	struct buf never BUF_CLEAN = { 0 };
	struct rules *first = rules_new(), *later = rules_new();
	struct history h = { 0 };
	struct revision *revision =
	    revision_new(SLICE("1-0"), SLICE("d"), 0, SLICE("w"), SLICE("y"), SLICE("\"x\""));

	set(first, NATIVE_ROUTE, "r", "{");
	set(first, NATIVE_POLICY, "a b", "{"); /* such a name closes nothing anyhow */
	rules_never(first, false, &never);
	assert_int_equal(never.n, 0);
	rules_never(first, true, &never);
	buf_addc(&never, '\0');
	assert_string_equal(never.p, "[\"yett:route:r\"]");
	revision_set_never(revision, slice_of(never.p));
	history_add(&h, revision);
	set(later, NATIVE_ROUTE, "r", "{");
	assert_false(rules_knows_better(later, revision));
	rules_recover(later, &h);
	assert_false(is_lost(later, "yett:route:r"));
	set(later, NATIVE_ROUTE, "r", "{\"target\":\"h:1\"}");
	assert_false(rules_knows_better(later, revision)); /* the digest says so already */
	set(later, NATIVE_ROUTE, "r", "{");
	assert_true(rules_knows_better(later, revision));
	revision_set_never(revision, SLICE("[1,null,\"yett:route:r\"]"));
	assert_true(rules_knows_better(later, revision));
	revision_set_never(revision, SLICE("[\"yett:"));
	assert_false(rules_knows_better(later, revision));
	history_deinit(&h);
	rules_free(first);
	rules_free(later);
}

static void
test_copy_and_file(void **state)
{
	char path[] = "/tmp/test-rules-native-XXXXXX";
	struct rules *r = rules_new(), *copy, *loaded = rules_new();
	char before[DIGEST_TEXT], after[DIGEST_TEXT];
	struct buf error BUF_CLEAN = { 0 }, key BUF_CLEAN = { 0 };
	struct revision *revision = NULL;
	int64_t saved_at;
	size_t found = 0;

	close(mkstemp(path));
	set(r, NATIVE_ROUTE, "r", "{\"target\":\"h:1\"}");
	set(r, NATIVE_ROUTE, "r", "{\"target\":1}");
	set(r, NATIVE_POLICY, "p", "{\"protect\":[\"/a\",1]}");
	rules_whole(r);
	set(r, NATIVE_POLICY, "new", "{");
	copy = rules_copy(r);
	rules_free(r);
	set(copy, NATIVE_UPSTREAM, "u", "{\"endpoints\":[\"h\"]}");
	rules_digest(copy, before);
	assert_int_equal(rules_save(copy, NULL, path, &error), 0);
	rules_free(copy);
	assert_int_equal(rules_load(loaded, path, &saved_at, &revision, &error), 0);
	rules_digest(loaded, after);
	assert_string_equal(before, after);
	assert_non_null(read_good(loaded, NATIVE_ROUTE, "r"));
	assert_non_null(read_refused(loaded, "yett:policy:p"));
	assert_true(is_lost(loaded, "yett:policy:p"));
	assert_false(is_lost(loaded, "yett:policy:new"));
	for (size_t i = 0; i < rules_keys(loaded); i++)
		found += rules_key_at(loaded, i, &key);
	assert_int_equal(found, rules_known(loaded));
	assert_int_equal(found, 4);
	rules_free(loaded);
	unlink(path);
}

/* Another version may take what this one refuses, and is to have the same digest: it is of what is
 * stored. */
static void
test_digest_of_refused(void **state)
{
	static const char *const values[] = {
		"{\"target\":\"h:1\"}",
		"{\"target\":\"h:1\",\"new\":1}",
		"{\"target\":\"h:1\",\"format\":2}",
		"{\"target\":\"h:2\"}",
		"{\"target\":\"\xff\"}",
		"{",
	};
	struct rules *r = rules_new(), *copy;
	char is[DIGEST_TEXT], other[DIGEST_TEXT];

	for (int i = 0; i < 200; i++) {
		struct buf text BUF_CLEAN = { 0 };
		struct digest sum = { 0 };
		const char *value = values[(i * 7 + i / 6) % 6];

		set(r, NATIVE_ROUTE, "r", value);
		if (strchr(value, '\xff'))
			buf_adds(&text, SLICE("false"));
		else
			buf_add_json(&text, slice_of(value));
		digest_add(&sum, SLICE("yett:route:r"), buf_slice(&text));
		rules_digest(r, is);
		assert_string_equal(is, digest_text(&sum, other));
		copy = rules_copy(r);
		rules_replace(r, copy);
	}
	rules_delete(r, SLICE("yett:route:r"));
	rules_digest(r, is);
	assert_string_equal(is, digest_text(&(struct digest){ 0 }, other));
	rules_free(r);
}

static void
test_format(void **state)
{
	struct rules *r = rules_new();

	set(r, NATIVE_ROUTE, "r", "{\"format\":1,\"target\":\"h:1\"}");
	assert_non_null(read_good(r, NATIVE_ROUTE, "r"));
	set(r, NATIVE_ROUTE, "r", "{\"target\":\"h:1\",\"format\":2}");
	assert_non_null(rules_refusal_find(r, SLICE("yett:route:r")));
	assert_non_null(strstr(rules_refusal_find(r, SLICE("yett:route:r"))->reason,
			       "format: it is 2, and this version reads up to 1"));
	assert_non_null(read_good(r, NATIVE_ROUTE, "r")); /* the last good one */
	set(r, NATIVE_ROUTE, "r", "{\"target\":\"h:1\",\"format\":\"new\"}");
	assert_non_null(rules_refusal_find(r, SLICE("yett:route:r")));
	rules_free(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),           cmocka_unit_test(test_place),
		cmocka_unit_test(test_inherits),       cmocka_unit_test(test_refused),
		cmocka_unit_test(test_names),          cmocka_unit_test(test_rescued_route),
		cmocka_unit_test(test_rescued_policy), cmocka_unit_test(test_last_good_stays),
		cmocka_unit_test(test_recovered),      cmocka_unit_test(test_never_good),
		cmocka_unit_test(test_copy_and_file),  cmocka_unit_test(test_digest_of_refused),
		cmocka_unit_test(test_format),
	};

	return cmocka_run_group_tests(tests, beside_make, beside_drop);
}
