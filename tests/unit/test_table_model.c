/* table: random rules and requests, against a model that reads every rule at every question. */

#include "shm/table.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define TABLES 2000
#define KEYS 10 /* per table */
#define RULES_MAX 40

#define SEED 88172645463325252u
#include "random.h"

struct rule {
	const char *host;
	bool verbatim;
	char path[64]; /* without a slash at the end, "" for the root */
	uint32_t flags;
	int32_t priority;
	uint32_t methods; /* of gate entries; of a route: 0 = no such condition */
	uint32_t bits;    /* of a route: the request must have these */
	uint32_t id;      /* by which a route is known again: its slot */
	uint32_t node;    /* of the table, once it is built */
};

static const struct {
	const char *host;
	bool verbatim;
} hosts[] = {
	{ "", false },      { "", false },    { "a.b", false },   { "a.b:80", false },
	{ "c.a.b", false }, { "*.b", false }, { "*.a.b", false }, { "*.b:80", false },
	{ "A.b", true },    { "a.b", true },  { "a.b:80", true }, { "*.b", true },
	{ "A.b:80", true },
};

static const char *const raws[] = { "a.b",    "A.B",   "A.b",   "a.b:80",   "A.b:80",
				    "a.b:81", "c.a.b", "x.a.b", "C.a.b:80", "d.c.a.b",
				    "b",      ".b",    "*.b",   "x.b:80",   "" };

static void
random_path(char out[64])
{
	static const char *const segments[] = { "/a", "/b", "/ab", "/c-longer-than-8" };
	uint32_t depth = below(4);

	out[0] = '\0';
	for (uint32_t i = 0; i < depth; i++)
		strcat(out, segments[below(4)]);
}

static void
random_rule(struct rule *r)
{
	static const uint32_t how[] = { 0, 0, ROUTE_EXACT, ROUTE_EXACT | ROUTE_EXACT_SLASH };
	uint32_t h = below(sizeof hosts / sizeof *hosts);

	r->host = hosts[h].host;
	r->verbatim = hosts[h].verbatim;
	random_path(r->path);
	r->flags = how[below(4)];
	r->priority = (int32_t)below(3) - 1;
	r->methods = below(4) ? 0 : 1 + below(7);
	r->bits = below(3) ? 0 : below(4);
}

/* One condition a bit that the request must have, and one on the method. */
static void
add_conditions(struct table_builder *b, const struct rule *rule, struct table_shape *s)
{
	static const char *const names[] = { "0", "1" };
	struct table_condition c = { .kind = CONDITION_METHODS, .methods = rule->methods };

	if (rule->methods) {
		s->conditions = seg_builder_add(&b->seg, RULES_CONDITIONS, &c, sizeof c);
		s->conditions_count++;
	}
	for (uint32_t i = 0; i < 2; i++) {
		uint32_t at;

		if (!(rule->bits & 1u << i))
			continue;
		c = (struct table_condition){ .kind = CONDITION_HEADER };
		c.name = seg_builder_string(&b->seg, slice_of(names[i]));
		at = seg_builder_add(&b->seg, RULES_CONDITIONS, &c, sizeof c);
		if (s->conditions_count++ == 0)
			s->conditions = at;
	}
}

/* Exact first, then by priority: the order in which routes are to be added. */
static int
rule_order(const void *a, const void *b)
{
	const struct rule *x = a, *y = b;
	int exact = !!(y->flags & ROUTE_EXACT) - !!(x->flags & ROUTE_EXACT);

	if (exact)
		return exact;
	if (x->priority != y->priority)
		return x->priority > y->priority ? -1 : 1;
	return 0; /* equals may stand in any order: it is the one in which they are added */
}

static void
random_rules(struct rule *rules, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		random_rule(&rules[i]);
	qsort(rules, n, sizeof *rules, rule_order);
	for (uint32_t i = 0; i < n; i++)
		rules[i].id = i;
}

static uint32_t
add_route(struct table_builder *b, const struct rule *rule)
{
	struct table_shape shape = { .flags = rule->flags, .priority = rule->priority };
	struct table_route r = { .slot = rule->id };
	char path[80];

	/* With a slash at the end or without one, stored before or not: it is the same. */
	snprintf(path, sizeof path, "%s%s", rule->path, !rule->path[0] || below(2) ? "/" : "");
	if (below(2))
		table_builder_texts(b, &r, SLICE(""), SLICE(""), slice_of(path));
	add_conditions(b, rule, &shape);
	r.shape = table_builder_shape(b, &shape);
	return table_builder_route(b, slice_of(rule->host), rule->verbatim, slice_of(path), &r);
}

static struct segment *
build(struct rule *rules, uint32_t n)
{
	struct table_policy policy = { 0 };
	struct table_builder b;
	struct segment *s = NULL;

	table_builder_init(&b);
	seg_builder_add(&b.seg, RULES_POLICIES, &policy, sizeof policy);
	for (uint32_t i = 0; i < n; i++) {
		assert_int_equal(add_route(&b, &rules[i]), i);
		rules[i].node = b.node;
	}
	assert_int_equal(table_builder_finish(&b, 1, &s), 0);
	table_builder_deinit(&b);
	assert_int_equal(table_verify_rules(s), 0);
	return s;
}

struct request {
	char raw[32], host_port[32], host[32], path[64];
	enum table_method method;
	uint32_t bits;
};

static void
random_request(struct request *r)
{
	char *port;

	snprintf(r->raw, sizeof r->raw, "%s", raws[below(sizeof raws / sizeof *raws)]);
	for (size_t i = 0; i < sizeof r->raw; i++)
		r->host_port[i] = r->host[i] = ascii_lower(r->raw[i]);
	port = strchr(r->host, ':');
	if (port)
		*port = '\0';
	random_path(r->path);
	if (!r->path[0] || below(3) == 0)
		strcat(r->path, "/");
	r->method = below(3);
	r->bits = below(4);
}

static bool
path_applies(const struct rule *rule, const char *path)
{
	size_t n = strlen(rule->path);
	const char *rest = path + n;

	if (strncmp(path, rule->path, n) != 0)
		return false;
	if (!(rule->flags & ROUTE_EXACT))
		return *rest == '\0' || *rest == '/';
	if (n == 0)
		return strcmp(rest, "/") == 0;
	return strcmp(rest, rule->flags & ROUTE_EXACT_SLASH ? "/" : "") == 0;
}

static bool
ends_with(const char *text, const char *end)
{
	return strlen(text) > strlen(end) && strcmp(text + strlen(text) - strlen(end), end) == 0;
}

/* How near a rule's host is: the level (lower wins before any path is compared), and the place
 * among those that are at one level (lower wins between equal paths). Level < 0: it is another
 * host. */
static void
host_level(const struct rule *rule, const struct request *r, int *level, int *place)
{
	const char *suffix = rule->host + 1;
	bool port = strchr(rule->host, ':') != NULL;

	*level = -1;
	*place = 0;
	if (rule->verbatim) {
		*level = strcmp(rule->host, r->raw) == 0 ? 0 : -1;
	} else if (!rule->host[0]) {
		*level = 1000;
	} else if (rule->host[0] == '*') {
		*place = !port;
		if (ends_with(port ? r->host_port : r->host, suffix))
			*level = 100 - (int)strcspn(suffix, ":");
	} else if (strcmp(rule->host, r->host_port) == 0 && port) {
		*level = 0;
		*place = 1;
	} else if (strcmp(rule->host, r->host) == 0) {
		*level = 0;
		*place = 2;
	}
}

struct rank {
	int level, place;
	size_t depth;
};

static bool
rank_beats(const struct rank *a, const struct rank *b)
{
	if (a->level != b->level)
		return a->level < b->level;
	if (a->depth != b->depth)
		return a->depth > b->depth;
	return a->place < b->place;
}

static bool
bits_hold(const struct rule *rule, const struct request *r)
{
	return (rule->bits & ~r->bits) == 0;
}

/* The index of the rule that wins, or TRIE_NONE. Rules stand in the order of rule_order. */
static uint32_t
model(const struct rule *rules, uint32_t n, const struct request *r)
{
	struct rank best_rank = { 0 };
	uint32_t best = TRIE_NONE;

	for (uint32_t i = 0; i < n; i++) {
		struct rank rank = { .depth = strlen(rules[i].path) };

		host_level(&rules[i], r, &rank.level, &rank.place);
		if (rank.level < 0 || !path_applies(&rules[i], r->path) || !bits_hold(&rules[i], r))
			continue;
		if (rules[i].methods && !(rules[i].methods & 1u << r->method))
			continue;
		if (best == TRIE_NONE || rank_beats(&rank, &best_rank)) {
			best = i;
			best_rank = rank;
		}
	}
	return best;
}

/* With which methods something would have been found. */
static uint32_t
model_allowed(const struct rule *rules, uint32_t n, const struct request *r)
{
	uint32_t methods = 0;

	for (uint32_t i = 0; i < n; i++) {
		int level, place;

		host_level(&rules[i], r, &level, &place);
		if (level >= 0 && path_applies(&rules[i], r->path) && bits_hold(&rules[i], r))
			methods |= rules[i].methods;
	}
	return methods;
}

struct asked {
	const struct segment *s;
	const struct request *r;
	uint32_t missed[2 * RULES_MAX]; /* by id */
};

static bool
test_bit(const struct table_key *key, uint32_t condition)
{
	const struct asked *a = key->userdata;
	const struct table_condition *c = table_condition(a->s, condition);

	assert_int_equal(c->kind, CONDITION_HEADER);
	return a->r->bits & 1u << (seg_string(a->s, c->name).p[0] - '0');
}

static void
note_miss(const struct table_key *key, uint32_t route, enum table_miss why, uint32_t condition)
{
	struct asked *a = key->userdata;

	assert_int_equal(why == MISS_CONDITION, condition != TRIE_NONE);
	assert_true(table_route_stands(a->s, route));
	a->missed[table_route(a->s, route)->slot] += 1u + why;
}

static struct table_key
key_of(const struct request *r, struct asked *asked)
{
	return (struct table_key){
		slice_of(r->host), slice_of(r->host_port),
		slice_of(r->raw),  slice_of(r->path),
		r->method,         test_bit,
		.userdata = asked,
	};
}

/* Telling why not changes nothing, and tells of each one once. */
static void
check_notes(const struct segment *s, struct table_key key, uint32_t want)
{
	struct asked *a = key.userdata;
	struct table_match m;

	key.note = note_miss;
	table_find(s, &key, &m);
	assert_int_equal(m.route, want);
	for (uint32_t i = 0; i < RULES_MAX; i++)
		assert_true(a->missed[i] <= (i != want ? 1u + MISS_HOST : 0));
}

static void
test_find(void **state)
{
	uint32_t matched = 0, refused = 0;

	for (uint32_t t = 0; t < TABLES; t++) {
		struct rule rules[RULES_MAX];
		uint32_t n = 1 + below(RULES_MAX);
		struct segment *s;

		random_rules(rules, n);
		s = build(rules, n);
		for (uint32_t k = 0; k < KEYS; k++) {
			struct request r;
			struct asked asked = { s, &r, { 0 } };
			struct table_key key;
			struct table_match m;
			uint32_t want;

			random_request(&r);
			key = key_of(&r, &asked);
			table_find(s, &key, &m);
			want = model(rules, n, &r);
			if (m.route != want)
				fail_msg("table %u: %s%s is %u, not %u", t, r.raw, r.path, m.route,
					 want);
			if (m.r)
				assert_string_equal(m.rest.p, r.path + strlen(rules[want].path));
			matched += m.r != NULL;
			check_notes(s, key, want);
			if (m.r)
				continue;
			assert_int_equal(table_allowed(s, &key), model_allowed(rules, n, &r));
			refused += table_allowed(s, &key) != 0;
		}
		seg_unref(s);
	}
	/* Neither all nor none: the questions are worth asking. */
	assert_in_range(matched, TABLES * KEYS / 4, TABLES * KEYS * 9 / 10);
	assert_in_range(refused, TABLES * KEYS / 100, TABLES * KEYS / 2);
}

/* ---- base and overlay ---- */

static bool
same_place(const struct rule *a, const struct rule *b)
{
	return strcmp(a->host, b->host) == 0 && a->verbatim == b->verbatim &&
	       strcmp(a->path, b->path) == 0;
}

/* Some places have other rules than before: those of `old` that stand elsewhere stay, with those of
 * `fresh` that stand at such a place. Returns how many there are in `now`. */
static uint32_t
change(const struct rule *old, uint32_t n, struct rule *fresh, uint32_t count, struct rule *now)
{
	uint32_t out = 0;

	for (uint32_t i = 0; i < n; i++) {
		bool gone = false;

		for (uint32_t k = 0; k < count; k++)
			gone |= same_place(&old[i], &fresh[k]);
		if (!gone)
			now[out++] = old[i];
	}
	for (uint32_t k = 0; k < count; k++) {
		fresh[k].id = RULES_MAX + k;
		if (below(4)) /* else the place may be empty now */
			now[out++] = fresh[k];
	}
	qsort(now, out, sizeof *now, rule_order);
	return out;
}

static struct segment *
build_over(struct segment *base, const struct rule *old, uint32_t before, const struct rule *fresh,
	   uint32_t count, const struct rule *now, uint32_t n)
{
	struct table_builder b;
	struct segment *s = NULL, *got = NULL;

	table_builder_init_over(&b, base);
	for (uint32_t i = 0; i < before; i++) {
		for (uint32_t k = 0; k < count; k++) {
			if (same_place(&old[i], &fresh[k]))
				table_builder_clear(&b, old[i].node);
		}
	}
	for (uint32_t i = 0; i < n; i++) {
		if (now[i].id >= RULES_MAX)
			add_route(&b, &now[i]);
	}
	assert_int_equal(table_builder_finish(&b, 2, &s), 0);
	table_builder_deinit(&b);
	/* As it goes to a worker. */
	assert_int_equal(seg_open(dup(s->fd), SEGMENT_RULES, &got), 0);
	seg_unref(s);
	assert_int_equal(table_verify_rules(got), -EBADMSG);
	assert_int_equal(seg_extend(got, base), 0);
	assert_int_equal(table_verify_rules(got), 0);
	return got;
}

static uint32_t
id_of(const struct table_match *m)
{
	return m->r ? m->r->slot : TRIE_NONE;
}

/* The same answer, the same notes. */
static bool
check_same(const struct segment *whole, const struct segment *over, const struct request *r)
{
	struct asked a = { whole, r, { 0 } }, b = { over, r, { 0 } };
	struct table_key key = key_of(r, &a), same = key_of(r, &b);
	struct table_match m, n;

	table_find(whole, &key, &m);
	table_find(over, &same, &n);
	assert_int_equal(id_of(&n), id_of(&m));
	assert_int_equal(n.rest.n, m.rest.n);
	assert_true(!n.r || table_route_stands(over, n.route));
	assert_int_equal(table_allowed(over, &same), table_allowed(whole, &key));
	key.note = same.note = note_miss;
	table_find(whole, &key, &m);
	table_find(over, &same, &n);
	assert_memory_equal(a.missed, b.missed, sizeof a.missed);
	return m.r && m.r->slot >= RULES_MAX;
}

static void
test_overlay(void **state)
{
	uint32_t fresh_ones = 0;

	for (uint32_t t = 0; t < TABLES; t++) {
		struct rule old[RULES_MAX], fresh[RULES_MAX], now[2 * RULES_MAX];
		uint32_t n = 1 + below(RULES_MAX), count = below(8), all;
		struct segment *base, *whole, *over;

		random_rules(old, n);
		random_rules(fresh, count);
		all = change(old, n, fresh, count, now);
		base = build(old, n);
		whole = build(now, all);
		over = build_over(base, old, n, fresh, count, now, all);
		for (uint32_t k = 0; k < KEYS; k++) {
			struct request r;

			random_request(&r);
			fresh_ones += check_same(whole, over, &r);
		}
		seg_unref(base);
		seg_unref(whole);
		seg_unref(over);
	}
	assert_in_range(fresh_ones, TABLES * KEYS / 20, TABLES * KEYS * 9 / 10);
}

/* ---- the gate ---- */

enum verdict { NOTHING, OPENS, CLOSES };

/* Of the entries with this flag (GATE_STORE or 0). */
static enum verdict
model_verdict(const struct rule *gates, uint32_t n, uint32_t whose, enum table_method method,
	      const char *path)
{
	size_t deepest = 0;
	bool verdict = false, found = false;

	for (uint32_t i = 0; i < n; i++) {
		size_t depth = strlen(gates[i].path);
		const char *rest = path + depth;
		bool except = gates[i].flags & GATE_EXCEPT;

		if ((gates[i].flags & GATE_STORE) != whose || gates[i].flags & GATE_DELEGATE)
			continue;
		if (strncmp(path, gates[i].path, depth) != 0 || (*rest != '\0' && *rest != '/'))
			continue;
		if ((gates[i].flags & GATE_EXACT) && strcmp(rest, "") != 0 &&
		    strcmp(rest, "/") != 0)
			continue;
		if (gates[i].methods && !(gates[i].methods & 1u << method))
			continue;
		if (!found || depth > deepest)
			verdict = !except;
		else if (depth == deepest && except)
			verdict = false;
		if (!found || depth > deepest)
			deepest = depth;
		found = true;
	}
	return !found ? NOTHING : verdict ? CLOSES : OPENS;
}

static bool
model_delegated(const struct rule *gates, uint32_t n, const char *path)
{
	for (uint32_t i = 0; i < n; i++) {
		size_t depth = strlen(gates[i].path);
		const char *rest = path + depth;

		if (gates[i].flags & GATE_DELEGATE && strncmp(path, gates[i].path, depth) == 0 &&
		    (*rest == '\0' || *rest == '/'))
			return true;
	}
	return false;
}

static bool
model_protects(const struct rule *gates, uint32_t n, enum table_method method, const char *path)
{
	enum verdict file = model_verdict(gates, n, 0, method, path);
	enum verdict store = model_verdict(gates, n, GATE_STORE, method, path);

	if (store == OPENS && model_delegated(gates, n, path))
		return false;
	return file == CLOSES || store == CLOSES;
}

static void
test_gate(void **state)
{
	static const uint32_t how[] = { GATE_PROTECT, GATE_EXCEPT, GATE_PROTECT | GATE_EXACT,
					GATE_EXCEPT | GATE_EXACT };
	static const uint32_t whose[] = { 0, 0, GATE_STORE, GATE_STORE, GATE_DELEGATE };
	uint32_t protected = 0;

	for (uint32_t t = 0; t < TABLES; t++) {
		struct rule gates[RULES_MAX];
		uint32_t n = 1 + below(RULES_MAX);
		struct segment *s = NULL;
		struct table_builder b;

		table_builder_init(&b);
		for (uint32_t i = 0; i < n; i++) {
			struct table_gate g;

			random_path(gates[i].path);
			gates[i].flags = whose[below(t % 2 ? 2 : 5)];
			if (gates[i].flags != GATE_DELEGATE)
				gates[i].flags |= how[below(4)];
			gates[i].methods = below(2) ? 0 : 1 + below(7);
			g = (struct table_gate){ .flags = gates[i].flags,
						 .methods = gates[i].methods };
			table_builder_gate(&b, slice_of(gates[i].path[0] ? gates[i].path : "/"),
					   &g);
		}
		assert_int_equal(table_builder_finish(&b, 1, &s), 0);
		table_builder_deinit(&b);
		assert_int_equal(table_verify_rules(s), 0);
		for (uint32_t k = 0; k < KEYS; k++) {
			enum table_method method = below(3);
			struct request r;
			bool want;

			random_request(&r);
			want = model_protects(gates, n, method, r.path);
			if (table_gate_protects(s, method, slice_of(r.path)) != want)
				fail_msg("table %u: %d %s", t, method, r.path);
			protected += want;
			want = model_verdict(gates, n, 0, method, r.path) == CLOSES &&
			       !model_delegated(gates, n, r.path);
			if (table_gate_is_floor(s, method, slice_of(r.path)) != want)
				fail_msg("table %u, floor: %d %s", t, method, r.path);
		}
		seg_unref(s);
	}
	assert_in_range(protected, TABLES * KEYS / 10, TABLES * KEYS * 9 / 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_overlay),
		cmocka_unit_test(test_gate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
