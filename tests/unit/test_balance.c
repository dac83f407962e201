/* Which endpoint is chosen: how a hash spreads keys and how few it moves, what weights and loads
 * do, and which cookies name an endpoint. */

#include "worker/balance.h"
#include "worker/load.h"
#include "worker/peers.h"
#include "worker/sticky.h"

#include "lib/xalloc.h"
#include "shm/hash.h"

#include <stdio.h>
#include <stdlib.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#define MOST 64
#define KEYS 20000

struct fixture {
	struct worker w;
	struct snapshot table;
	struct request r;
	struct table_upstream up;
	struct table_endpoint endpoints[MOST];
	uint32_t turn;
};

static int
setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof *f);

	f->w.page = xcalloc(1, sizeof *f->w.page);
	f->w.load = load_new();
	f->w.peers = peers_new();
	f->w.seed = 7;
	f->table.turns = &f->turn;
	f->r.worker = &f->w;
	f->r.table = &f->table;
	f->up.hash_by = HASH_BY_PATH;
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	seg_unref(f->table.segments[SEGMENT_ENDPOINTS]);
	arena_deinit(&f->r.arena);
	peers_free(f->w.peers);
	load_free(f->w.load);
	free(f->w.page);
	free(f);
	return 0;
}

/* An endpoint for each letter, of the weight that the digit at its place says. */
static void
make(struct fixture *f, enum balance balance, const char *names, const char *weights)
{
	struct seg_builder b;
	uint32_t n = (uint32_t)strlen(names);
	struct table_sticky cookie = { 0 };

	seg_unref(f->table.segments[SEGMENT_ENDPOINTS]);
	f->table.segments[SEGMENT_ENDPOINTS] = NULL;
	seg_builder_init(&b);
	f->up.balance = balance;
	f->up.count = n;
	f->up.weight_total = 0;
	f->up.stride = 1;
	cookie.cookie = seg_builder_string(&b, SLICE("stay"));
	seg_builder_add(&b, ENDPOINTS_STICKY, &cookie, sizeof cookie);
	for (uint32_t i = 0; i < n; i++) {
		struct table_endpoint e = {
			.slot = (uint32_t)(names[i] - 'A') + 1,
			.weight = (uint32_t)(weights[i] - '0'),
			.count = 1,
			.identity = (uint64_t)hash_bytes(1, slice_make(names + i, 1)) << 32 |
				    hash_bytes(2, slice_make(names + i, 1)),
			.sticky = seg_builder_string(&b, slice_make(names + i, 1)),
		};

		f->endpoints[i] = e;
		f->up.weight_total += e.weight;
		seg_builder_add(&b, ENDPOINTS_ENDPOINTS, &e, sizeof e);
	}
	seg_builder_add(&b, ENDPOINTS_UPSTREAMS, &f->up, sizeof f->up);
	assert_int_equal(
	    seg_builder_finish(&b, SEGMENT_ENDPOINTS, 1, &f->table.segments[SEGMENT_ENDPOINTS]), 0);
	seg_builder_deinit(&b);
}

/* The letter of the endpoint that is chosen. */
static char
chosen(struct fixture *f, const char *names)
{
	struct choice c = balance_choose(&f->r, &f->up);

	assert_true(c.found && c.endpoint < f->up.count);
	return names[c.endpoint];
}

static char
place(struct fixture *f, const char *names, unsigned key)
{
	char text[32];

	f->r.path = slice_make(text, (size_t)snprintf(text, sizeof text, "/user/%u", key));
	return chosen(f, names);
}

static void
places(struct fixture *f, const char *names, const char *weights, char out[KEYS])
{
	make(f, BALANCE_HASH, names, weights);
	for (unsigned i = 0; i < KEYS; i++)
		out[i] = place(f, names, i);
}

static unsigned
count(const char *chosen, unsigned n, char name)
{
	unsigned found = 0;

	for (unsigned i = 0; i < n; i++)
		found += chosen[i] == name;
	return found;
}

/* Within a twentieth of what it should be: over four standard deviations for all shares here. */
static void
assert_share(unsigned found, double wanted)
{
	if (found < wanted * 0.95 - 60 || found > wanted * 1.05 + 60)
		fail_msg("%u in the place of %.0f", found, wanted);
}

static void
test_hash_spreads(void **state)
{
	static char got[KEYS];
	const char *names = "ABCDEFGHIJ", *ones = "1111111111", *weights = "1234512345";

	places(*state, names, ones, got);
	for (const char *p = names; *p; p++)
		assert_share(count(got, KEYS, *p), KEYS / 10.0);
	places(*state, names, weights, got);
	for (unsigned i = 0; i < 10; i++)
		assert_share(count(got, KEYS, names[i]), KEYS * (weights[i] - '0') / 30.0);
}

static void
test_hash_moves_few(void **state)
{
	static char ten[KEYS], eleven[KEYS], heavier[KEYS];
	unsigned moved = 0;

	places(*state, "ABCDEFGHIJ", "1111111111", ten);
	places(*state, "XABCDEFGHIJ", "11111111111", eleven);
	for (unsigned i = 0; i < KEYS; i++) {
		moved += eleven[i] != ten[i];
		assert_true(eleven[i] == ten[i] || eleven[i] == 'X');
	}
	assert_share(moved, KEYS / 11.0);
	/* More weight takes from all, and moves nothing else; the order in the list says nothing.
	 */
	places(*state, "JIHGFEDCBA", "1111111112", heavier);
	for (unsigned i = 0; i < KEYS; i++)
		assert_true(heavier[i] == ten[i] || heavier[i] == 'A');
	assert_share(count(heavier, KEYS, 'A'), KEYS * 2 / 11.0);
}

static void
test_dead_one_moves_its_own(void **state)
{
	static char all[KEYS], left[KEYS];
	struct board_master *page = xcalloc(1, sizeof *page);
	struct fixture *f = *state;

	places(f, "ABCD", "1111", all);
	page->health[2].state = HEALTH_DEAD; /* B */
	f->w.master_page = page;
	places(f, "ABCD", "1111", left);
	for (unsigned i = 0; i < KEYS; i++)
		assert_true(all[i] == 'B' ? left[i] != 'B' : left[i] == all[i]);
	assert_share(count(left, KEYS, 'A'), KEYS / 3.0);
	f->w.master_page = NULL;
	free(page);
}

static void
load(struct fixture *f, uint32_t at, uint64_t requests)
{
	f->w.page->counts.endpoint[f->endpoints[at].slot].in_flight = requests;
}

static void
test_hash_bound(void **state)
{
	struct fixture *f = *state;
	char first;
	uint32_t at;

	f->up.hash_bound = 150;
	make(f, BALANCE_HASH, "ABCD", "1111");
	first = place(f, "ABCD", 1);
	at = (uint32_t)(first - 'A');
	load(f, at, 1); /* of one request in all it may have that one */
	assert_int_not_equal(place(f, "ABCD", 1), first);
	load(f, (at + 1) % 4, 4);
	load(f, (at + 2) % 4, 4);
	assert_int_equal(place(f, "ABCD", 1), first);
	load(f, at, 40); /* 150 % of the mean of 49 is 19 */
	assert_int_not_equal(place(f, "ABCD", 1), first);
}

static void
test_random_by_weight(void **state)
{
	static char got[KEYS];
	struct fixture *f = *state;

	make(f, BALANCE_RANDOM, "ABC", "136");
	for (unsigned i = 0; i < KEYS; i++)
		got[i] = chosen(f, "ABC");
	assert_share(count(got, KEYS, 'A'), KEYS * 0.1);
	assert_share(count(got, KEYS, 'B'), KEYS * 0.3);
	assert_share(count(got, KEYS, 'C'), KEYS * 0.6);
}

/* The better of two distinct ones: the worst of three never, the others by the pairs they are in.
 */
static void
test_two(void **state)
{
	static char got[KEYS];
	struct fixture *f = *state;

	make(f, BALANCE_TWO, "ABC", "111");
	load(f, 0, 9);
	load(f, 1, 5);
	for (unsigned i = 0; i < KEYS; i++)
		got[i] = chosen(f, "ABC");
	assert_true(count(got, KEYS, 'A') < KEYS / 100); /* drawn eight times in a row */
	assert_share(count(got, KEYS, 'B'), KEYS / 3.0);
	assert_share(count(got, KEYS, 'C'), KEYS * 2 / 3.0);
}

static void
test_least(void **state)
{
	struct fixture *f = *state;

	make(f, BALANCE_LEAST, "ABC", "112");
	load(f, 0, 3);
	load(f, 1, 2);
	load(f, 2, 3);
	assert_int_equal(chosen(f, "ABC"), 'C'); /* (3 + 1) / 2 of its weight */
	load(f, 2, 6);
	assert_int_equal(chosen(f, "ABC"), 'B');
}

/* A request with one header field. */
static void
ask_with(struct fixture *f, const char *cookie)
{
	static struct http_field field = { .id = HTTP_COOKIE };

	arena_reset(&f->r.arena);
	f->r.sticky_value = slice_make(NULL, 0);
	f->r.in.base = cookie;
	f->r.in.fields = &field;
	f->r.in.fields_n = 1;
	field.value_n = (uint32_t)strlen(cookie);
}

static void
test_cookies(void **state)
{
	static const struct {
		const char *cookie;
		bool names;
	} cases[] = {
		{ "stay=C", true },          { "a=b; stay=C; c=d", true },
		{ "stay=\"C\"", true },      { "stay=%43", true },
		{ "stay=c", false },         { "stay=CC", false },
		{ "stay=C%", false },        { "stay=C%4", false },
		{ "stay=%00C", false },      { "stay=%zz", false },
		{ "stay=", false },          { "stay", false },
		{ "Stay=C", false },         { "", false },
		{ "stay=X; stay=C", false }, { "stayC=C; =C", false },
	};
	struct fixture *f = *state;

	f->up.sticky = 1;
	make(f, BALANCE_ROUND_ROBIN, "ABC", "111");
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct choice c;

		ask_with(f, cases[i].cookie);
		c = sticky_choose(&f->r, &f->up);
		if (c.found != cases[i].names || (c.found && c.endpoint != 2))
			fail_msg("%s: %d %u", cases[i].cookie, c.found, c.endpoint);
	}
}

static void
test_cookie_of_a_full_one(void **state)
{
	struct board_master *page = xcalloc(1, sizeof *page);
	struct fixture *f = *state;

	f->w.master_page = page;
	f->up.sticky = 1;
	f->up.max_connections = 1;
	make(f, BALANCE_ROUND_ROBIN, "ABC", "111");
	ask_with(f, "stay=C");
	assert_int_equal(chosen(f, "ABC"), 'C');
	load(f, 2, 1);
	assert_int_not_equal(chosen(f, "ABC"), 'C');
	f->w.master_page = NULL;
	free(page);
}

/* Who comes by a cookie, a key or a lot takes nobody's turn away. */
static void
test_a_turn_is_taken_where_it_decides(void **state)
{
	static const struct {
		enum balance balance;
		const char *cookie;
		uint32_t turns;
	} cases[] = {
		{ BALANCE_ROUND_ROBIN, "", 1 }, { BALANCE_ROUND_ROBIN, "stay=C", 0 },
		{ BALANCE_LEAST, "", 1 },       { BALANCE_LEAST, "stay=C", 0 },
		{ BALANCE_RANDOM, "", 0 },      { BALANCE_TWO, "", 0 },
		{ BALANCE_HASH, "", 0 },        { BALANCE_CHAIN, "", 1 },
		{ BALANCE_CHAIN, "stay=C", 1 },
	};
	struct fixture *f = *state;

	f->up.sticky = 1;
	f->r.path = SLICE("/a");
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		make(f, cases[i].balance, "ABC", "111");
		ask_with(f, cases[i].cookie);
		f->turn = 5;
		chosen(f, "ABC");
		assert_int_equal(f->turn, 5 + cases[i].turns);
	}
}

static void
test_cookie_is_set_when_it_changes(void **state)
{
	struct fixture *f = *state;

	f->up.sticky = 1;
	make(f, BALANCE_ROUND_ROBIN, "ABC", "111");
	for (uint32_t i = 0; i < 3; i++) {
		ask_with(f, "stay=B");
		f->r.endpoint = i;
		sticky_settle(&f->r, &f->up);
		assert_int_equal(f->r.sticky_new, i != 1);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_hash_spreads, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hash_moves_few, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dead_one_moves_its_own, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hash_bound, setup, teardown),
		cmocka_unit_test_setup_teardown(test_random_by_weight, setup, teardown),
		cmocka_unit_test_setup_teardown(test_two, setup, teardown),
		cmocka_unit_test_setup_teardown(test_least, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cookies, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cookie_of_a_full_one, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_turn_is_taken_where_it_decides, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_cookie_is_set_when_it_changes, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
