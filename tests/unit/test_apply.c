#include "master/apply.h"
#include "master/rules.h"

#include "lib/json.h"

#include <errno.h>
#include <stdlib.h>

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

/* ---- files ---- */

static void
expect_file(const char *text, int result, const char *out)
{
	struct buf json BUF_CLEAN = { 0 }, report BUF_CLEAN = { 0 };

	assert_int_equal(apply_file(slice_of(text), &json, &report), result);
	buf_addc(result < 0 ? &report : &json, '\0');
	assert_string_equal(result < 0 ? report.p : json.p, out);
}

static void
test_files(void **state)
{
	expect_file(
	    "routes:\n"
	    "  a: {path: /a, strip: true, n: 5, text: '5', list: [1, x], none: ~, v: 1.10}\n"
	    "  01: {odd: 0x10}\n",
	    0,
	    "{\"routes\":{\"a\":{\"path\":\"/a\",\"strip\":true,\"n\":5,\"text\":\"5\","
	    "\"list\":[1,\"x\"],\"none\":null,\"v\":1.10},\"01\":{\"odd\":\"0x10\"}}}");
	/* In Redis all is text. */
	expect_file("frontends: {a.test/: 7}\nbackends:\n  7: {10.0.0.1:80: 0, _x: true}\n", 0,
		    "{\"frontends\":{\"a.test/\":\"7\"},"
		    "\"backends\":{\"7\":{\"10.0.0.1:80\":\"0\",\"_x\":\"true\"}}}");
	expect_file("{\"routes\": {\"a\": {\"x\": {\"y\": []}}}}", 0,
		    "{\"routes\":{\"a\":{\"x\":{\"y\":[]}}}}");
	expect_file("routes: {}\n", 0, "{\"routes\":{}}");
	expect_file("", -EBADMSG,
		    "1: there are no rules in it; write a mapping with routes, upstreams, "
		    "policies, api_keys, "
		    "frontends or backends\n");
	expect_file("routes:\n  a: 1\n  b: 1\n  a: 2\nroutes: {}\n[x]: 1\n", -EBADMSG,
		    "4: the name stands twice; remove one of the two\n"
		    "5: a name is a text and stands once; remove this one\n"
		    "6: a name is a text and stands once; remove this one\n");
}

/* ---- rules ---- */

/* Whose gate sets a header that no rule may. */
static const char header[] = "X-User";
static struct config_claim claim = { .claim = "id", .header = header };
static struct config config = { .serial = 1, .gate = { .claims = &claim, .claims_count = 1 } };

static int
config_make(void **state)
{
	config_rule_defaults(&config);
	return 0;
}

static int
config_drop(void **state)
{
	arena_deinit(&config.arena);
	return 0;
}

static struct rules *
rules_of_test(void)
{
	const struct slice web[] = { SLICE("10.0.0.1:80"), SLICE("0"), SLICE("_x"), SLICE("1") };
	struct rules *r = rules_new();

	rules_set_frontend(r, SLICE("a.test/"), SLICE("web"));
	rules_set_frontend(r, SLICE("b.test/"), SLICE("web"));
	rules_set_backend(r, SLICE("web"), web, 4);
	return r;
}

static void
expect(const char *text, int result, const char *out)
{
	struct buf is BUF_CLEAN = { 0 }, report BUF_CLEAN = { 0 };
	struct delta d DELTA_CLEAN = { 0 };
	struct rules *r = rules_of_test();
	struct json *root;

	assert_int_equal(json_parse(slice_of(text), 65536, 8, &root), 0);
	assert_int_equal(apply_read(r, &config, root, &d, &report), result);
	if (result == 0)
		delta_write(&d, &is);
	buf_addc(&is, '\0');
	buf_addc(&report, '\0');
	assert_string_equal(result < 0 ? report.p : is.p, out);
	json_free(root);
	rules_free(r);
}

static void
test_families(void **state)
{
	expect("{\"frontends\":{\"b.test/\":\"web\",\"c.test/\":\"web\"}}", 0,
	       "[{\"key\":\"frontend:a.test/\",\"before\":\"web\",\"after\":null},"
	       "{\"key\":\"frontend:c.test/\",\"before\":null,\"after\":\"web\"}]");
	/* The same value in other words. */
	expect("{\"backends\":{\"web\":{\"_x\":\"1\",\"10.0.0.1:80\":\"0.0\"}}}", 0, "[]");
	expect("{\"backends\":{\"web\":{\"10.0.0.1:80\":\"5\"}}}", 0,
	       "[{\"key\":\"backend:web\",\"before\":{\"10.0.0.1:80\":\"0\",\"_x\":\"1\"},"
	       "\"after\":{\"10.0.0.1:80\":\"5\"}}]");
	expect("{\"frontends\":{}}", 0,
	       "[{\"key\":\"frontend:a.test/\",\"before\":\"web\",\"after\":null},"
	       "{\"key\":\"frontend:b.test/\",\"before\":\"web\",\"after\":null}]");
}

static void
test_mistakes(void **state)
{
	expect("{}", -EINVAL,
	       "rules: there are none; write an object with routes, upstreams, policies, api_keys, "
	       "frontends "
	       "and backends\n");
	expect("{\"rutes\":{},\"frontends\":[],\"backends\":{\"b\":{}}}", -EINVAL,
	       "rutes: unknown; rules are routes, upstreams, policies, api_keys, frontends and "
	       "backends\n"
	       "frontends: names and their rules; write {} for none\n"
	       "backends.b: a backend has at least one server or setting\n");
	expect("{\"frontends\":{\"x\":1},\"backends\":{\"b\":{\"h\":1},\"c\":{\"h\":\"many\"}}}",
	       -EINVAL,
	       "frontends.x: a frontend is the name of its backend\n"
	       "backends.b: the values of a backend are texts; put them in quotes\n"
	       "backends.c: field \"h\": the score is no number\n");
	expect("{\"routes\":{\"r\":1}}", -EINVAL,
	       "routes.r: a rule is a mapping of its settings\n");
	/* A terminal shows it. */
	expect("{\"routes\":{\"\\u001b[2J\":{\"path\":\"/\"}}}", -EINVAL,
	       "routes.\\x1b[2J: the name of a rule has letters, digits, '.', '_' and '-' alone\n");
	/* Wrong beside the configuration alone. */
	expect("{\"routes\":{\"r\":{\"path\":\"/r\",\"upstream\":\"u\","
	       "\"request_headers\":{\"set\":{\"x-user\":\"1\"}}}}}",
	       -EINVAL,
	       "routes.r: request_headers.set: x-user is the gateway's own: it frames the message, "
	       "belongs to one connection, or says who asks; remove it\n");
}

/* Whatever is written down, applying what leads to it makes the rules so. */
static void
test_random(void **state)
{
	for (unsigned seed = 0; seed < 500; seed++) {
		struct buf text BUF_CLEAN = { 0 }, report BUF_CLEAN = { 0 };
		struct delta d DELTA_CLEAN = { 0 }, none DELTA_CLEAN = { 0 };
		struct rules *r = rules_of_test();
		struct json *root;

		srand(seed);
		buf_adds(&text, SLICE("{\"frontends\":{"));
		for (int i = 0, n = 0; i < 4; i++) {
			if (rand() % 2)
				buf_addf(&text, "%s\"%c.test/\":\"%c\"", n++ ? "," : "", 'a' + i,
					 'x' + rand() % 2);
		}
		buf_addf(&text, "},\"backends\":{\"web\":{\"10.0.0.%d:80\":\"%d\"}}}", rand() % 3,
			 rand() % 3);
		assert_int_equal(json_parse(buf_slice(&text), 65536, 8, &root), 0);
		assert_int_equal(apply_read(r, &config, root, &d, &report), 0);
		for (size_t i = 0; i < d.items.count; i++) {
			const struct delta_item *item = d.items.entries[i].value;

			assert_int_equal(
			    rules_put(r, map_name(&d.items.entries[i]), slice_of(item->after)), 1);
		}
		assert_int_equal(apply_read(r, &config, root, &none, &report), 0);
		assert_int_equal(none.items.count, 0);
		json_free(root);
		rules_free(r);
	}
}

static void
test_loss(void **state)
{
	struct rules *r = rules_new();
	struct delta d DELTA_CLEAN = { 0 };
	char name[8] = "0.test";

	for (; name[0] < '7'; name[0]++)
		rules_set_frontend(r, slice_of(name), SLICE("b"));
	for (const char *key = "frontend:0\0frontend:1\0frontend:2\0"; *key; key += 11)
		delta_put(&d, slice_of(key), SLICE("\"b\""), SLICE("null"));
	assert_false(apply_is_loss(r, &d));
	delta_put(&d, SLICE("frontend:3"), SLICE("\"b\""), SLICE("null"));
	assert_true(apply_is_loss(r, &d)); /* 4 of 7 */
	rules_set_frontend(r, SLICE("8.test"), SLICE("b"));
	assert_false(apply_is_loss(r, &d)); /* of 8 */
	rules_free(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),    cmocka_unit_test(test_families),
		cmocka_unit_test(test_mistakes), cmocka_unit_test(test_random),
		cmocka_unit_test(test_loss),
	};

	return cmocka_run_group_tests(tests, config_make, config_drop);
}
