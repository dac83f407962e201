#include "master/directory.h"

#include "shm/board.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

static struct directory_slots slots;

static int
setup(void **state)
{
	slots = (struct directory_slots){ slots_new(100), slots_new(6), slots_new(100),
					  .seen_upstreams = slots_new(3) };
	return 0;
}

static int
teardown(void **state)
{
	slots_free(slots.upstreams);
	slots_free(slots.endpoints);
	slots_free(slots.routes);
	slots_free(slots.seen_upstreams);
	return 0;
}

static struct config_endpoint
endpoint(const char *host, uint16_t port)
{
	return (struct config_endpoint){ .address = { .text = host, .host = host, .port = port },
					 .base = "",
					 .weight = 1 };
}

static void
test_slots_keep_their_identity(void **state)
{
	struct slots *s = slots_new(4);
	uint32_t a = slots_get(s, SLICE("a")), b = slots_get(s, SLICE("b")),
		 c = slots_get(s, SLICE("c"));

	assert_true(a && b && c && a != b && b != c && a != c && a < 4 && b < 4 && c < 4);
	assert_int_equal(slots_get(s, SLICE("d")), 0); /* full */
	slots_sweep(s, 1);
	assert_int_equal(slots_get(s, SLICE("a")), a);
	slots_sweep(s, 1);
	assert_int_equal(slots_get(s, SLICE("d")), 0); /* b and c are kept for one round more */
	assert_int_equal(slots_get(s, SLICE("b")), b);
	slots_sweep(s, 1);
	assert_int_equal(slots_get(s, SLICE("d")), c);
	assert_int_equal(slots_get(s, SLICE("a")), a);
	slots_free(s);
}

/* With another master each keeps its slot, whoever is asked for first; what nobody asks for is
 * given back after the rounds that others are. */
static void
test_slots_of_an_earlier_master(void **state)
{
	struct board_name names[6] = { 0 }, before[6];
	struct slots *s = slots_new(6);
	uint32_t a, b, c;

	slots_on_board(s, names);
	a = slots_get(s, SLICE("a"));
	b = slots_get(s, SLICE("b"));
	c = slots_get(s, SLICE("c"));
	for (int i = 0; i < 4; i++) { /* a goes */
		slots_sweep(s, 1);
		slots_get(s, SLICE("b"));
		slots_get(s, SLICE("c"));
	}
	slots_free(s);
	assert_int_equal(names[a].low, 0);

	s = slots_new(6);
	slots_on_board(s, names);
	memcpy(before, names, sizeof names);
	assert_int_equal(slots_get(s, SLICE("c")), c);
	assert_int_equal(slots_get(s, SLICE("x")), a);
	assert_int_equal(slots_get(s, SLICE("b")), b);
	assert_int_equal(names[b].high, before[b].high);
	assert_true(slots_get(s, SLICE("y")) && slots_get(s, SLICE("z")));
	assert_int_equal(slots_get(s, SLICE("full")), 0);
	slots_free(s);

	s = slots_new(6);
	slots_on_board(s, names);
	assert_int_equal(slots_get(s, SLICE("new")), 0);
	for (int i = 0; i < 4; i++)
		slots_sweep(s, 1);
	assert_true(slots_get(s, SLICE("new")));
	slots_free(s);
}

/* Whatever the page of a killed master says, each identity has a slot of its own. */
static void
test_slots_of_a_page_that_makes_no_sense(void **state)
{
	const struct board_name all[][4] = {
		{ { 4, 0 }, { 5, 5 }, { 5, 5 }, { 5, 5 } },
		{ { 2, 0 }, { 5, 5 }, { 6, 5 }, { 7, 5 } },
		{ { 4, 7 }, { 0, 0 }, { 7, 0 }, { 7, 7 } },
		{ { UINT64_MAX, 1 }, { UINT64_MAX, UINT64_MAX }, { 1, 2 }, { 3, 4 } },
	};

	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		struct slots *s = slots_new(4);
		struct board_name names[4];
		unsigned seen = 0;

		memcpy(names, all[i], sizeof names);
		slots_on_board(s, names);
		for (int round = 0; round < 4; round++) /* those that nobody asks for go */
			slots_sweep(s, 1);
		seen |= 1u << slots_get(s, SLICE("a")) | 1u << slots_get(s, SLICE("b"));
		seen |= 1u << slots_get(s, SLICE("c"));
		assert_int_equal(seen, 14);
		slots_free(s);
	}
}

/* Overlays name few, and are tables all the same: their rounds count, but who was named by the last
 * sweep may have gone just now. */
static void
test_slots_are_given_back_after_rounds_that_named_few(void **state)
{
	struct slots *s = slots_new(3);
	uint32_t a = slots_get(s, SLICE("a")), b = slots_get(s, SLICE("b"));

	(void)state;
	slots_sweep(s, 16);
	for (int i = 0; i < 20; i++)
		slots_pass(s);
	assert_int_equal(slots_get(s, SLICE("a")), a);
	slots_sweep(s, 16);
	assert_int_equal(slots_get(s, SLICE("c")), 0);
	slots_pass(s);
	slots_sweep(s, 16);
	assert_int_equal(slots_get(s, SLICE("c")), b);
	assert_int_equal(slots_get(s, SLICE("a")), a);
	slots_free(s);
}

struct row { /* of slots_write */
	uint32_t number;
	const char *name;
};

static void
write_rows(struct buf *out, const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n && rows[i].name; i++) {
		const uint32_t head[] = { rows[i].number, (uint32_t)strlen(rows[i].name) };

		buf_add(out, head, sizeof head);
		buf_adds(out, slice_of(rows[i].name));
	}
}

/* Each of its numbers is somebody's, once, whatever was restored; those that nobody asks for go. */
static void
all_are_there(struct slots *s, uint32_t limit)
{
	uint64_t seen = 0;

	for (int round = 0; round < 4; round++)
		slots_sweep(s, 1);
	for (uint32_t i = 1; i < limit; i++) {
		char name[16];

		snprintf(name, sizeof name, "new %u", i);
		seen |= 1ull << slots_get(s, slice_of(name));
	}
	assert_int_equal(seen, (1ull << limit) - 2);
	assert_int_equal(slots_get(s, SLICE("full")), 0);
}

static void
test_slots_of_an_image(void **state)
{
	struct buf written BUF_CLEAN = { 0 }, again BUF_CLEAN = { 0 }, some BUF_CLEAN = { 0 };
	struct slots *s = slots_new(8), *other = slots_new(8), *child;
	uint32_t a = slots_get(s, SLICE("a")), b = slots_get(s, SLICE("b"));
	uint32_t c = slots_get(s, SLICE("c"));

	(void)state;
	for (int i = 0; i < 4; i++) { /* b goes */
		slots_sweep(s, 1);
		assert_int_equal(slots_get(s, SLICE("a")), a);
		assert_int_equal(slots_get(s, SLICE("c")), c);
	}
	slots_write(s, true, &written);
	assert_int_equal(slots_restore(other, buf_slice(&written)), 0);
	slots_write(other, true, &again);
	assert_true(slice_eq(buf_slice(&written), buf_slice(&again)));
	assert_int_equal(slots_get(other, SLICE("c")), c);
	assert_int_equal(slots_get(other, SLICE("new")), b);
	assert_int_equal(slots_restore(other, buf_slice(&written)), 0); /* as they are */
	/* What a child has handed out the lender has, too, whatever was asked for meanwhile. */
	child = slots_new(8);
	assert_int_equal(slots_restore(child, buf_slice(&written)), 0);
	slots_lend(s, true);
	assert_int_equal(slots_get(s, SLICE("meanwhile")), 0);
	slots_borrow(child);
	assert_int_equal(slots_get(child, SLICE("x")), b);
	assert_int_equal(slots_get(child, SLICE("y")), 4);
	slots_write(child, false, &some);
	slots_lend(s, false);
	assert_int_equal(slots_read(s, buf_slice(&some)), 0);
	assert_int_equal(slots_get(s, SLICE("y")), 4);
	assert_int_equal(slots_get(s, SLICE("meanwhile")), 5);
	/* Its next ones are taken here already. */
	assert_int_equal(slots_get(child, SLICE("z")), 5);
	some.n = 0;
	slots_write(child, false, &some);
	assert_int_equal(slots_read(s, buf_slice(&some)), -EBADMSG);
	slots_free(s);
	slots_free(other);
	slots_free(child);
}

static void
test_slots_of_an_image_that_makes_no_sense(void **state)
{
	static const struct row cases[][3] = {
		{ { 0, "a" } },
		{ { 1, "a" }, { 0, "b" } },
		{ { 3, "a" }, { 8, "b" } },
		{ { 3, "a" }, { UINT32_MAX, "b" } },
		{ { 2, "a" }, { 2, "b" } },
		{ { 2, "a" }, { 3, "a" } },
		{ { 5, "a" }, { 6, "b" }, { 5, "c" } },
	};
	static const struct row good[] = { { 5, "a" }, { 2, "a longer name" } };
	struct buf whole BUF_CLEAN = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct buf text BUF_CLEAN = { 0 };
		struct slots *s = slots_new(8);

		write_rows(&text, cases[i], 3);
		assert_int_equal(slots_restore(s, buf_slice(&text)), -EBADMSG);
		all_are_there(s, 8);
		slots_free(s);
	}
	write_rows(&whole, good, 2);
	for (size_t n = 1; n <= whole.n; n++) {
		struct slots *s = slots_new(8);
		bool ends = n == whole.n || n == 9;

		assert_int_equal(slots_restore(s, slice_make(whole.p, n)), ends ? 0 : -EBADMSG);
		all_are_there(s, 8);
		slots_free(s);
	}
}

static void
test_a_few_slots_do_not_have_the_highest_numbers(void **state)
{
	static const struct row cases[][2] = { { { 65535, "a" } }, { { 65536, "a" } } };
	struct buf many BUF_CLEAN = { 0 };
	struct slots *s;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct buf text BUF_CLEAN = { 0 };

		s = slots_new(1 << 24);
		write_rows(&text, cases[i], 1);
		assert_int_equal(slots_restore(s, buf_slice(&text)), i == 0 ? 0 : -EBADMSG);
		assert_true(slots_get(s, SLICE("next")) < 65536);
		slots_free(s);
	}
	/* Of many they do. */
	s = slots_new(1 << 24);
	for (uint32_t i = 0; i < 10000; i++) {
		char name[8];
		const struct row row = { 100000 + i, name };

		snprintf(name, sizeof name, "%u", i);
		write_rows(&many, &row, 1);
	}
	assert_int_equal(slots_restore(s, buf_slice(&many)), 0);
	slots_free(s);
}

static void
test_both_sources(void **state)
{
	struct config_endpoint endpoints[] = { endpoint("H", 8080), endpoint("::1", 0),
					       endpoint("h", 8080) };
	struct config_upstream upstream = {
		.name = "web",
		.endpoints = endpoints,
		.endpoints_count = 3,
		.health = { .path = "/up" },
		.all_down_fail = true,
	};
	struct config c = { .upstreams = &upstream,
			    .upstreams_count = 1,
			    .health = { .path = "/isAlive" } };
	struct slice servers[] = { SLICE("h:8080"),      SLICE("0"),
				   SLICE("http://h/b"),  SLICE("1"),
				   SLICE("unix:/run/x"), SLICE("0"),
				   SLICE("_cfg"),        SLICE("v") };
	struct buf warnings BUF_CLEAN = { 0 };
	struct rules *rules = rules_new();
	const struct directory_upstream *file, *redis;
	struct directory *d, *again;

	assert_int_equal(rules_set_backend(rules, SLICE("web"), servers, 8), 1);
	d = directory_build(&c, rules, NULL, &slots, &warnings);
	assert_int_equal(warnings.n, 0);
	file = directory_find(d, SOURCE_FILE, SLICE("web"));
	redis = directory_find(d, SOURCE_REDX, SLICE("web"));
	assert_true(file && redis && file != redis && file->index != redis->index && file->index &&
		    redis->index);
	assert_int_equal(file->endpoints_count, 2); /* H:8080 and h:8080 are one */
	assert_string_equal(file->endpoints[0].authority, "h:8080");
	assert_string_equal(file->endpoints[1].authority, "[::1]:80");
	assert_string_equal(file->health.path, "/up");
	assert_true(file->all_down_fail && !redis->all_down_fail);
	assert_int_equal(redis->endpoints_count, 3);
	assert_string_equal(redis->endpoints[0].authority, "h:8080");
	assert_string_equal(redis->endpoints[1].authority, "h:80");
	assert_string_equal(redis->endpoints[1].base, "/b");
	assert_string_equal(redis->endpoints[2].authority, "unix:/run/x");
	assert_string_equal(redis->health.path, "/isAlive");
	/* The same address is the same endpoint, in whichever upstream. */
	assert_int_equal(file->endpoints[0].slot, redis->endpoints[0].slot);
	assert_int_equal(d->index_end, 3);
	assert_null(directory_find(d, SOURCE_REDX, SLICE("we")));
	assert_null(directory_find(d, SOURCE_REDX, SLICE("webb")));
	again = directory_build(&c, rules, NULL, &slots, &warnings);
	assert_int_equal(directory_find(again, SOURCE_REDX, SLICE("web"))->index, redis->index);
	assert_int_equal(directory_find(again, SOURCE_REDX, SLICE("web"))->endpoints[2].slot,
			 redis->endpoints[2].slot);
	directory_free(d);
	directory_free(again);
	rules_free(rules);
}

/* However a rule writes that it has a target of its own, that is an upstream. */
static void
test_targets(void **state)
{
	static const struct {
		const char *json, *authority; /* NULL: it has none */
	} cases[] = {
		{ "{\"path\":\"/\",\"target\":\"h:1\"}", "h:1" },
		{ "{\"target\" : \"h:2\", \"path\":\"/\"}", "h:2" },
		{ "{\"path\":\"/\",\"\\u0074arget\":\"h:3\"}", "h:3" },
		{ "{\"path\":\"/target\",\"upstream\":\"u\"}", NULL },
		{ "{\"path\":\"/\\u0041\",\"upstream\":\"target\"}", NULL },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct config c = { .serial = 1, .health = { .path = "/" } };
		struct buf warnings BUF_CLEAN = { 0 };
		struct rules *rules = rules_new();
		struct directory *d;

		config_rule_defaults(&c);
		assert_int_equal(
		    rules_set_native(rules, NATIVE_ROUTE, SLICE("r"), slice_of(cases[i].json)), 1);
		d = directory_build(&c, rules, NULL, &slots, &warnings);
		assert_int_equal(d->upstreams_count, cases[i].authority != NULL);
		if (cases[i].authority)
			assert_string_equal(d->upstreams[0]->endpoints[0].authority,
					    cases[i].authority);
		directory_free(d);
		rules_free(rules);
		arena_deinit(&c.arena);
	}
}

static void
test_own_listeners(void **state)
{
	static const struct {
		const char *listener; /* host */
		const char *host;
		uint16_t port; /* listening: 8080, admin on 127.0.0.1:9180 */
		bool own;
	} cases[] = {
		{ NULL, "127.0.0.1", 8080, true },
		{ NULL, "127.0.0.9", 8080, true },
		{ NULL, "localhost", 8080, true },
		{ NULL, "::1", 8080, true },
		{ NULL, "0.0.0.0", 8080, true },
		{ NULL, "::", 8080, true },
		{ NULL, "::ffff:127.0.0.1", 8080, true },
		{ NULL, "127.0.0.1", 8081, false },
		{ NULL, "192.0.2.1", 8080, false },
		{ NULL, "example.org", 8080, false },
		{ "0.0.0.0", "127.0.0.1", 8080, true },
		{ "::", "127.0.0.1", 8080, true },
		{ "192.0.2.1", "192.0.2.1", 8080, true },
		{ "192.0.2.1", "127.0.0.1", 8080, false },
		{ "192.0.2.1", "0.0.0.0", 8080, false },
		{ "127.0.0.1", "0.0.0.0", 8080, true },
		{ "127.0.0.1", "127.0.0.2", 8080, false },
		{ "127.0.0.1", "127.0.0.1", 9180, true },
		{ "127.0.0.1", "localhost", 9180, true },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct config_listener listener = { .address = { .host = cases[i].listener,
								 .port = 8080 } };
		struct config_endpoint e = endpoint(cases[i].host, cases[i].port);
		struct config_upstream upstream = { .name = "u",
						    .endpoints = &e,
						    .endpoints_count = 1,
						    .health = { .path = "/" } };
		struct config c = {
			.listeners = &listener,
			.listeners_count = 1,
			.admin_listen = { .text = "127.0.0.1:9180",
					  .host = "127.0.0.1",
					  .port = 9180 },
			.admin_socket = { .unix_path = "/run/yett/admin.sock" },
			.upstreams = &upstream,
			.upstreams_count = 1,
		};
		struct buf warnings BUF_CLEAN = { 0 };
		struct directory *d = directory_build(&c, NULL, NULL, &slots, &warnings);

		if ((d->upstreams[0]->endpoints_count == 0) != cases[i].own ||
		    (d->upstreams[0]->own_count == 1) != cases[i].own ||
		    (warnings.n > 0) != cases[i].own)
			fail_msg("%s:%u behind %s", cases[i].host, cases[i].port,
				 cases[i].listener);
		directory_free(d);
	}
}

static void
test_own_sockets(void **state)
{
	struct config_listener listener = { .address = { .unix_path = "/run/web" } };
	struct config_endpoint e[] = {
		{ .address = { .unix_path = "/run/web" }, .base = "" },
		{ .address = { .unix_path = "/run/admin" }, .base = "" },
		{ .address = { .unix_path = "/run/other" }, .base = "" },
	};
	struct config_upstream upstream = { .name = "u", .endpoints = e, .endpoints_count = 3 };
	struct config c = {
		.listeners = &listener,
		.listeners_count = 1,
		.admin_socket = { .unix_path = "/run/admin" },
		.upstreams = &upstream,
		.upstreams_count = 1,
	};
	struct buf warnings BUF_CLEAN = { 0 };
	struct directory *d = directory_build(&c, NULL, NULL, &slots, &warnings);

	assert_int_equal(d->upstreams[0]->endpoints_count, 1);
	assert_string_equal(d->upstreams[0]->endpoints[0].authority, "unix:/run/other");
	directory_free(d);
}

static void
test_full_board(void **state)
{
	struct config_endpoint e[8];
	struct config_upstream upstream = { .name = "u", .endpoints = e, .endpoints_count = 8 };
	struct config c = { .upstreams = &upstream, .upstreams_count = 1 };
	struct buf warnings BUF_CLEAN = { 0 };
	struct directory *d;

	for (uint16_t i = 0; i < 8; i++)
		e[i] = endpoint("10.0.0.1", (uint16_t)(i + 1));
	d = directory_build(&c, NULL, NULL, &slots, &warnings);
	assert_int_equal(d->upstreams[0]->endpoints_count, 8);
	assert_int_equal(d->upstreams[0]->endpoints[7].slot, 0);
	directory_free(d);
}

/* ---- changes ---- */

struct changes {
	unsigned count;
	bool before, next; /* of the last one */
};

static void
on_changed(void *userdata, const struct directory_upstream *before,
	   const struct directory_upstream *next)
{
	struct changes *c = userdata;

	c->count++;
	c->before = before != NULL;
	c->next = next != NULL;
}

static void
assert_same(const struct directory *a, const struct directory *b)
{
	assert_int_equal(a->upstreams_count, b->upstreams_count);
	assert_int_equal(a->targets.count, b->targets.count);
	assert_int_equal(a->endpoints, b->endpoints);
	assert_int_equal(a->uncounted, b->uncounted);
	assert_int_equal(a->unprobed, b->unprobed);
	assert_int_equal(a->tls_count, b->tls_count);
	for (size_t i = 0; i < a->upstreams_count; i++) {
		const struct directory_upstream *x = a->upstreams[i], *y = b->upstreams[i];

		assert_string_equal(x->name, y->name);
		assert_int_equal(x->index, y->index);
		assert_int_equal(x->targets_count, y->targets_count);
		assert_ptr_equal(directory_find(a, x->source, slice_of(x->name)), x);
		assert_ptr_equal(a->by_index[x->index], x);
		assert_int_equal(x->endpoints_count, y->endpoints_count);
		for (size_t k = 0; k < x->endpoints_count; k++) {
			assert_string_equal(x->endpoints[k].authority, y->endpoints[k].authority);
			assert_int_equal(x->endpoints[k].slot, y->endpoints[k].slot);
		}
	}
	for (uint32_t slot = 1; slot < BOARD_HEALTH; slot++) {
		const struct directory_endpoint *x = a->by_slot[slot], *y = b->by_slot[slot];

		for (; x && y; x = x->same, y = y->same)
			assert_string_equal(x->of->name, y->of->name);
		assert_true(!x && !y);
	}
}

/* At random, and with few addresses, so that many upstreams have the same. */
static void
change_at_random(struct rules *rules, unsigned *seed)
{
	unsigned kind = rand_r(seed) % 6;
	BUF_CLEAN struct buf name = { 0 }, a = { 0 }, b = { 0 }, json = { 0 };
	struct slice fields[4];

	buf_addf(&name, "n%d", rand_r(seed) % 6);
	buf_addf(&a, "%s10.0.0.%d:80", kind % 2 ? "https://" : "", rand_r(seed) % 4);
	buf_addf(&b, "10.0.0.%d:80", rand_r(seed) % 4);
	fields[0] = buf_slice(&a);
	fields[2] = buf_slice(&b);
	fields[1] = fields[3] = SLICE("0");
	buf_addf(&json, kind == 4 ? "{\"endpoints\":[\"%s\"]}" : "{\"target\":\"%s\"}", b.p);
	if (kind == 0)
		rules_delete_backend(rules, buf_slice(&name));
	else if (kind < 3)
		rules_set_backend(rules, buf_slice(&name), fields, 4);
	else if (rand_r(seed) % 3 == 0)
		rules_delete_native(rules, kind == 4 ? NATIVE_UPSTREAM : NATIVE_ROUTE,
				    buf_slice(&name));
	else
		rules_set_native(rules, kind == 4 ? NATIVE_UPSTREAM : NATIVE_ROUTE,
				 buf_slice(&name), buf_slice(&json));
}

static void
test_changed_in_place(void **state)
{
	struct slots *upstreams = slots_new(100), *endpoints = slots_new(BOARD_HEALTH);
	struct directory_slots own = { upstreams, endpoints, .seen_upstreams = slots_new(9) };
	struct config c = { .health = { .enabled = true, .path = "/" } };
	struct buf warnings BUF_CLEAN = { 0 };
	struct rules *rules = rules_new();
	struct directory *d, *anew;
	struct changes changes = { 0 };
	unsigned seed = 1;
	size_t most = 0;

	(void)state;
	config_rule_defaults(&c);
	d = directory_build(&c, rules, NULL, &own, &warnings);
	rules_settle(rules);
	for (int i = 0; i < 400; i++) {
		for (int k = rand_r(&seed) % 3; k >= 0; k--)
			change_at_random(rules, &seed);
		directory_change(d, &c, rules, rules_touched(rules), &own, &warnings, on_changed,
				 &changes);
		rules_settle(rules);
		anew = directory_build(&c, rules, NULL, &own, &warnings);
		assert_same(d, anew);
		directory_free(anew);
		most = d->targets.count > most ? d->targets.count : most;
	}
	assert_true(most > 1 && changes.count > 400);
	directory_free(d);
	rules_free(rules);
	arena_deinit(&c.arena);
	slots_free(upstreams);
	slots_free(endpoints);
	slots_free(own.seen_upstreams);
}

/* What is in use keeps its slot, though nobody asks for it by name. */
static void
test_slots_in_use(void **state)
{
	struct slots *s = slots_new(3);
	uint32_t a = slots_get(s, SLICE("a")), b = slots_get(s, SLICE("b"));

	(void)state;
	for (int i = 0; i < 3; i++) {
		slots_use(s, a);
		slots_use(s, 2000);
		slots_sweep(s, 0);
	}
	assert_int_equal(slots_get(s, SLICE("c")), b);
	slots_use(s, b);
	assert_int_equal(slots_get(s, SLICE("a")), a);
	slots_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slots_keep_their_identity),
		cmocka_unit_test(test_slots_of_an_earlier_master),
		cmocka_unit_test(test_slots_of_a_page_that_makes_no_sense),
		cmocka_unit_test(test_slots_are_given_back_after_rounds_that_named_few),
		cmocka_unit_test(test_slots_of_an_image),
		cmocka_unit_test(test_slots_of_an_image_that_makes_no_sense),
		cmocka_unit_test(test_a_few_slots_do_not_have_the_highest_numbers),
		cmocka_unit_test_setup_teardown(test_both_sources, setup, teardown),
		cmocka_unit_test_setup_teardown(test_targets, setup, teardown),
		cmocka_unit_test_setup_teardown(test_own_listeners, setup, teardown),
		cmocka_unit_test_setup_teardown(test_own_sockets, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_board, setup, teardown),
		cmocka_unit_test(test_changed_in_place),
		cmocka_unit_test(test_slots_in_use),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
