#include "master/delta.h"
#include "master/rules.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#define KEYS 6
#define VALUES 5
#define ROUNDS 2000

static const char *const values[VALUES] = { "null", "false", "\"a\"", "\"b\\u000a\\\"\"",
					    "{\"_x\":\"1\",\"h:1\":\"0\"}" };

/* ---- digests ---- */

static void
assert_digest(const struct digest *d, const char *text)
{
	char is[DIGEST_TEXT];

	assert_string_equal(digest_text(d, is), text);
}

static void
test_digest(void **state)
{
	struct digest a = { 0 }, b = { 0 };
	char text[DIGEST_TEXT];

	digest_add(&a, SLICE("k"), SLICE("v"));
	/* Gateways of other versions must come to the same. */
	assert_digest(&a, "bc5661dd94d9d56c3b94a225880b3593");
	digest_add(&a, SLICE("kv"), SLICE(""));
	digest_add(&b, SLICE("kv"), SLICE(""));
	digest_text(&b, text);
	digest_add(&b, SLICE("k"), SLICE("v"));
	assert_memory_equal(&a, &b, sizeof a);
	digest_remove(&a, SLICE("k"), SLICE("v"));
	assert_digest(&a, text);
	digest_remove(&a, SLICE("kv"), SLICE(""));
	assert_digest(&a, "00000000000000000000000000000000");
}

static void
test_digest_carries(void **state)
{
	struct digest d = { 0 };
	char key[16];

	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 200; i++) {
			struct slice k = slice_make(key, (size_t)sprintf(key, "%d", i));

			if (round == 0)
				digest_add(&d, k, k);
			else
				digest_remove(&d, k, k);
		}
	}
	assert_digest(&d, "00000000000000000000000000000000");
}

/* ---- deltas ---- */

static struct slice
key_at(int i)
{
	static const char *const keys[KEYS] = { "frontend:a", "frontend:b", "backend:\xc3\xa9",
						"backend:\"", "yett:x",     "yett:xy" };

	return slice_of(keys[i]);
}

static void
between(const int *from, const int *to, struct delta *out)
{
	for (int i = 0; i < KEYS; i++)
		delta_put(out, key_at(i), slice_of(values[from[i]]), slice_of(values[to[i]]));
}

static void
choose(int *set)
{
	for (int i = 0; i < KEYS; i++)
		set[i] = rand() % VALUES;
}

static void
assert_same(const struct delta *a, const struct delta *b)
{
	struct buf x BUF_CLEAN = { 0 }, y BUF_CLEAN = { 0 };

	delta_write(a, &x);
	delta_write(b, &y);
	if (!slice_eq(buf_slice(&x), buf_slice(&y)))
		fail_msg("%.*s\nis not\n%.*s", SLICE_F(buf_slice(&x)), SLICE_F(buf_slice(&y)));
}

static void
test_algebra(void **state)
{
	for (int round = 0; round < ROUNDS; round++) {
		struct delta ab DELTA_CLEAN = { 0 }, bc DELTA_CLEAN = { 0 }, ac DELTA_CLEAN = { 0 };
		struct delta back DELTA_CLEAN = { 0 }, read DELTA_CLEAN = { 0 };
		struct buf text BUF_CLEAN = { 0 };
		int a[KEYS], b[KEYS], c[KEYS];

		srand((unsigned)round);
		choose(a);
		choose(b);
		choose(c);
		between(a, b, &ab);
		between(b, c, &bc);
		between(a, c, &ac);
		delta_write(&ab, &text);
		assert_int_equal(delta_read(&read, buf_slice(&text)), 0);
		assert_same(&read, &ab);
		delta_compose(&ab, &bc);
		assert_same(&ab, &ac);
		between(c, a, &back);
		delta_invert(&ab);
		assert_same(&ab, &back);
		delta_compose(&ab, &ac);
		assert_int_equal(ab.items.count, 0);
	}
}

static void
test_reading(void **state)
{
	static const char *const bad[] = {
		"",
		"{}",
		"[1]",
		"[{}]",
		"[{\"key\":\"a\",\"before\":null}]",
		"[{\"key\":1,\"before\":null,\"after\":\"x\"}]",
		"[{\"key\":\"a\",\"before\":true,\"after\":\"x\"}]",
		"[{\"key\":\"a\",\"before\":0,\"after\":\"x\"}]",
		"[{\"key\":\"a\",\"before\":{\"x\":1},\"after\":\"x\"}]",
		"[{\"key\":\"a\",\"before\":{\"x\":{}},\"after\":\"x\"}]",
		"[{\"key\":\"a\",\"before\":[],\"after\":\"x\"}]",
		"[{\"key\":\"a\",\"before\":null,\"after\":\"x\"},"
		"{\"key\":\"a\",\"before\":null,\"after\":\"x\"}]",
	};
	struct delta d DELTA_CLEAN = { 0 };

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct delta none DELTA_CLEAN = { 0 };

		if (delta_read(&none, slice_of(bad[i])) != -EINVAL)
			fail_msg("%s is taken for a delta", bad[i]);
	}
	/* Whoever wrote it: names in order, as rules_value has them. */
	assert_int_equal(delta_read(&d, SLICE("[{\"key\":\"a\",\"after\":{\"h\":\"1\",\"_x\":\"\"},"
					      "\"before\":null}]")),
			 0);
	assert_string_equal(((struct delta_item *)d.items.entries[0].value)->after,
			    "{\"_x\":\"\",\"h\":\"1\"}");
}

/* ---- of rules ---- */

static void
change_at_random(struct rules *r)
{
	const char *const names[] = { "a", "b", "caf\xc3\xa9", "bad\xff" };
	struct slice name = slice_of(names[rand() % 4]);
	struct slice fields[4] = { SLICE("h:1"), SLICE("0.1"), SLICE("_x"), SLICE("1") };

	switch (rand() % 6) {
	case 0:
		rules_set_frontend(r, name, slice_of(names[rand() % 4]));
		break;
	case 1:
		rules_delete_frontend(r, name);
		break;
	case 2:
		if (rand() % 2)
			fields[1] = SLICE("many");
		rules_set_backend(r, name, fields, 2 * (size_t)(rand() % 3));
		break;
	case 3:
		rules_delete_backend(r, name);
		break;
	case 4:
		rules_refuse(r, SLICE("frontend:a"), rand() % 2 ? "why" : "because");
		break;
	case 5:
		rules_refuse(r, SLICE("other"), "why");
		break;
	}
}

/* All keys by now, as if they had come from nothing; and their digest, summed anew. */
static void
all_of(const struct rules *r, struct delta *out, struct digest *digest)
{
	struct buf key BUF_CLEAN = { 0 };

	*digest = (struct digest){ 0 };
	for (size_t i = 0; i < rules_keys(r); i++) {
		struct buf value BUF_CLEAN = { 0 };

		if (!rules_key_at(r, i, &key))
			continue;
		rules_value(r, buf_slice(&key), &value);
		digest_add(digest, buf_slice(&key), buf_slice(&value));
		if (!memchr(key.p, 0xff, key.n))
			delta_put(out, buf_slice(&key), SLICE("null"), buf_slice(&value));
	}
}

static void
test_rules(void **state)
{
	struct rules *r = rules_new();
	struct delta was DELTA_CLEAN = { 0 };
	struct digest sum;

	srand(1);
	for (int round = 0; round < ROUNDS; round++) {
		struct delta is DELTA_CLEAN = { 0 }, change DELTA_CLEAN = { 0 };
		char digest[DIGEST_TEXT], again[DIGEST_TEXT];

		if (rand() % 10 == 0) {
			rules_mark(r);
			assert_int_equal(rules_changes(r)->items.count, 0);
			delta_deinit(&was);
			all_of(r, &was, &sum);
		}
		if (rand() % 10 == 0)
			rules_replace(r, rules_copy(r));
		change_at_random(r);
		all_of(r, &is, &sum);
		rules_digest(r, digest);
		assert_string_equal(digest, digest_text(&sum, again));
		delta_compose(&change, &was);
		delta_invert(&change);
		delta_compose(&change, &is);
		assert_same(&change, rules_changes(r));
	}
	delta_deinit(&was);
	rules_free(r);
}

static void
test_values(void **state)
{
	static const struct {
		const char *key, *value;
	} cases[] = {
		{ "frontend:a", "\"b\\\"\"" },
		{ "backend:b", "{\"H:1\":\"0.1\",\"_cookie\":\"s\",\"h:2\":\"-30000000000\"}" },
		{ "backend:empty", "{}" },
		{ "backend:bad", "false" },
		{ "backend:none", "null" },
		{ "other", "null" },
	};
	const struct slice fields[] = { SLICE("h:2"), SLICE("-3e10"), SLICE("_cookie"),
					SLICE("s"),   SLICE("H:1"),   SLICE("0.10") };
	const struct slice bad[] = { SLICE("h:1"), SLICE("x") };
	struct rules *r = rules_new();

	rules_set_frontend(r, SLICE("a"), SLICE("b\""));
	rules_set_backend(r, SLICE("b"), fields, 6);
	rules_set_backend(r, SLICE("empty"), NULL, 0);
	rules_set_backend(r, SLICE("bad"), fields, 6);
	rules_set_backend(r, SLICE("bad"), bad, 2);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct buf value BUF_CLEAN = { 0 };

		rules_value(r, slice_of(cases[i].key), &value);
		buf_addc(&value, '\0');
		assert_string_equal(value.p, cases[i].value);
	}
	rules_free(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_digest),  cmocka_unit_test(test_digest_carries),
		cmocka_unit_test(test_algebra), cmocka_unit_test(test_reading),
		cmocka_unit_test(test_rules),   cmocka_unit_test(test_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
