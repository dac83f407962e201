/* Random changes of rules: an overlay says what a table says that is compiled whole, to requests
 * and in its report. */

#include "lib/log.h"
#include "master/compile.h"
#include "master/compile_index.h"
#include "master/quarantine.h"
#include "master/replay_asks.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define RUNS 40
#define STEPS 25
#define KEYS 120 /* asked behind each step */
#define MOVED_MAX 1024

#define SEED 88172645463325252u
#include "random.h"

#define PICK(list) list[below(sizeof list / sizeof *list)]

static const char *const hosts[] = { "a.b", "A.b", "a.b:80", "*.b", "c.b", "*.c.b", "d.b" };
static const char *const paths[] = { "/", "/a", "/a/", "/a/b", "/a/b/c", "/x", "/y", "/z" };
static const char *const names[] = { "1", "2", "3", "4", "5", "6", "7", "8", "9" };
static const char *const upstreams[] = { "u", "f", "backend:1", "backend:2", "1", "2", "none" };

struct fixture {
	struct config *c;
	struct rules *rules;
	struct directory_slots slots;
	struct directory *d;
	struct segment *base, *endpoints;
	struct compile_report *report;
	struct compile_moved moved[MOVED_MAX];
	size_t moved_count;
	struct quarantine quarantine;
	uint32_t overlays, endpoint_overlays;
};

/* The compiler asks for addresses; 10.0.0.x stands for itself. */
size_t
resolver_get(const struct resolver *r, const char *host, const struct resolved **out,
	     uint64_t *generation, bool *settled)
{
	static struct resolved a;

	*settled = true;
	*generation = 7;
	a.family = AF_INET;
	*out = &a;
	return inet_pton(AF_INET, host, a.ip) == 1;
}

/* ---- changes ---- */

static void
change_frontend(struct rules *r)
{
	char url[64];

	snprintf(url, sizeof url, "%s%s", PICK(hosts), PICK(paths));
	if (below(3) == 0)
		rules_delete_frontend(r, slice_of(url));
	else
		rules_set_frontend(r, slice_of(url), below(40) ? slice_of(PICK(names)) : SLICE(""));
}

static void
change_backend(struct rules *r)
{
	static const char *const servers[] = { "10.0.0.1:80", "10.0.0.2:80/base", "bad server" };
	struct slice fields[2] = { slice_of(servers[below(20) ? below(2) : 2]), SLICE("0") };
	const char *name = PICK(names);

	if (below(3) == 0)
		rules_delete_backend(r, slice_of(name));
	else
		rules_set_backend(r, slice_of(name), fields, 2);
}

static void
change_upstream(struct rules *r)
{
	const char *name = PICK(names);
	char json[200];

	snprintf(json, sizeof json, "{\"endpoints\": [\"10.0.0.%u:80\"]%s}", 1 + below(3),
		 below(4) ? "" : ", \"fallback\": \"backend:1\"");
	if (below(3) == 0)
		rules_delete_native(r, NATIVE_UPSTREAM, slice_of(name));
	else
		rules_set_native(r, NATIVE_UPSTREAM, slice_of(name), slice_of(json));
}

static void
change_route(struct rules *r)
{
	static const char *const extras[] = { "",
					      "",
					      ", \"methods\": [\"GET\"]",
					      ", \"headers\": [{\"name\": \"x\"}]",
					      ", \"exact\": true",
					      ", \"priority\": 3",
					      ", \"strip_prefix\": true",
					      ", \"timeouts\": {\"idle\": \"3s\"}",
					      ", \"rates\": [\"5/s burst 9 per host\", "
					      "\"named\"], \"concurrency\": \"3\"",
					      ", \"rates\": \"named\"",
					      ", \"rates\": \"1/s per claim:known\"",
					      ", \"fallback\": \"2\"",
					      ", \"fallback\": \"f\"",
					      ", \"authorize\": {\"scopes\": [\"a\", \"b\"], "
					      "\"addresses\": \"10.0.0.0/8\"}",
					      ", \"authorize\": {\"not\": {\"scopes\": \"c\"}}",
					      ", \"authorize\": {\"claims\": {\"x\": 1}}" };
	const char *name = PICK(names);
	char json[400], lead[100];

	if (below(4))
		snprintf(lead, sizeof lead, "\"upstream\": \"%s\"", PICK(upstreams));
	else
		snprintf(lead, sizeof lead, "\"target\": \"10.0.0.%u:81\"", 1 + below(4));
	snprintf(json, sizeof json, "{\"host\": \"%s\", \"path\": \"%s\", %s%s}", PICK(hosts),
		 PICK(paths), lead, PICK(extras));
	if (below(3) == 0)
		rules_delete_native(r, NATIVE_ROUTE, slice_of(name));
	else
		rules_set_native(r, NATIVE_ROUTE, slice_of(name), slice_of(below(40) ? json : "{"));
}

static void
change(struct rules *r)
{
	static void (*const kinds[])(struct rules *) = { change_frontend, change_frontend,
							 change_backend,  change_upstream,
							 change_route,    change_route };

	PICK(kinds)(r);
}

/* ---- the same ---- */

static bool
test_condition(const struct table_key *key, uint32_t condition)
{
	return (uintptr_t)key->userdata % 2;
}

static void
same_text(const struct segment *a, struct seg_ref x, const struct segment *b, struct seg_ref y)
{
	struct slice s = seg_string(a, x), t = seg_string(b, y);

	if (!slice_eq(s, t))
		fail_msg("\"%.*s\" and \"%.*s\"", SLICE_F(s), SLICE_F(t));
}

static void
same_limit(const struct segment *a, const struct table_limit *x, const struct segment *b,
	   const struct table_limit *y)
{
	same_text(a, x->name, b, y->name);
	same_text(a, x->setting, b, y->setting);
	same_text(a, x->label, b, y->label);
	assert_int_equal(x->counts, y->counts);
	assert_int_equal(x->slot, y->slot);
	assert_memory_equal(&x->rate, &y->rate, sizeof x->rate);
	assert_int_equal(x->keys_count, y->keys_count);
	for (uint32_t i = 0; i < x->keys_count; i++) {
		const struct table_limit_key *k = table_limit_key(a, x->keys_first + i);
		const struct table_limit_key *l = table_limit_key(b, y->keys_first + i);

		assert_int_equal(k->by, l->by);
		same_text(a, k->name, b, l->name);
		if (k->by == LIMIT_BY_CLAIM)
			assert_true(slice_eq(table_fact(a, k->fact), table_fact(b, l->fact)));
	}
}

/* What limits hold is the same, wherever they stand. */
static void
same_policy(const struct segment *a, uint32_t x, const struct segment *b, uint32_t y)
{
	struct table_policy p = *table_policy(a, x), q = *table_policy(b, y);

	assert_int_equal(p.limits_count, q.limits_count);
	for (uint32_t i = 0; i < p.limits_count; i++)
		same_limit(a, table_limited(a, p.limits_first + i), b,
			   table_limited(b, q.limits_first + i));
	p.limits_first = q.limits_first = 0;
	assert_memory_equal(&p, &q, sizeof p);
}

static void
same_route(const struct segment *a, const struct table_route *x, const struct segment *b,
	   const struct table_route *y)
{
	const struct table_shape *s = table_shape(a, x), *t = table_shape(b, y);

	assert_true(slice_eq(table_route_id(a, x), table_route_id(b, y)));
	assert_true(slice_eq(table_route_host(a, x), table_route_host(b, y)));
	assert_true(slice_eq(table_route_path(a, x), table_route_path(b, y)));
	same_text(a, s->add_prefix, b, t->add_prefix);
	assert_int_equal(s->flags, t->flags);
	assert_int_equal(x->upstream, y->upstream);
	assert_int_equal(s->fallback, t->fallback);
	assert_int_equal(x->slot, y->slot);
	assert_int_equal(s->conditions_count, t->conditions_count);
	same_policy(a, s->policy, b, t->policy);
	assert_int_equal(table_action(a, s->action)->flags, table_action(b, t->action)->flags);
	for (uint32_t i = 0; i < s->conditions_count; i++) {
		const struct table_condition *c = table_condition(a, s->conditions + i);
		const struct table_condition *d = table_condition(b, t->conditions + i);

		assert_int_equal(c->kind, d->kind);
		assert_int_equal(c->methods, d->methods);
		same_text(a, c->name, b, d->name);
	}
}

static uint32_t asks; /* answers that hang on who asks */

static void
same_answers(const struct segment *a, const struct segment *b)
{
	static const char *const asked[] = { "a.b", "A.b", "a.b:80", "x.b", "c.b", "x.c.b", "q" };

	for (uint32_t i = 0; i < KEYS; i++) {
		const char *host = PICK(asked);
		char lower[16], path[32];
		struct table_match m, n;
		struct table_key key = { .method = below(2),
					 .test = test_condition,
					 .userdata = (void *)(uintptr_t)below(2) };

		snprintf(lower, sizeof lower, "%s", host);
		lower[0] = ascii_lower(lower[0]);
		snprintf(path, sizeof path, "%s%s", PICK(paths), below(3) ? "" : "/q");
		key.host_raw = slice_of(host);
		key.host_port = slice_of(lower);
		key.host = slice_cut(slice_of(lower), ':', &(struct slice){ 0 });
		key.path = slice_of(path);
		table_find(a, &key, &m);
		table_find(b, &key, &n);
		assert_int_equal(!m.r, !n.r);
		assert_int_equal(table_allowed(a, &key), table_allowed(b, &key));
		if (!m.r)
			continue;
		same_route(a, m.r, b, n.r);
		assert_int_equal(replay_asks(a, &key, m.r), replay_asks(b, &key, n.r));
		asks += replay_asks(a, &key, m.r) != 0;
	}
}

static void
same_lines(struct compile_report *a, struct compile_report *b)
{
	compile_report_sort(a);
	compile_report_sort(b);
	assert_int_equal(a->routes_count, b->routes_count);
	for (size_t i = 0; i < a->routes_count; i++) {
		const struct compile_route *x = &a->routes[i], *y = &b->routes[i];

		assert_string_equal(x->id, y->id);
		assert_string_equal(x->host, y->host);
		assert_string_equal(x->path, y->path);
		assert_string_equal(x->upstream, y->upstream);
		assert_string_equal(x->asks, y->asks);
		assert_string_equal(x->reason, y->reason);
		assert_int_equal(x->state, y->state);
		assert_int_equal(x->order, y->order);
		assert_int_equal(x->faulty, y->faulty);
		if (x->state == ROUTE_SHADOWED)
			assert_string_equal(x->by, y->by);
	}
}

static void
same_endpoint(const struct segment *a, const struct table_endpoint *x, const struct segment *b,
	      const struct table_endpoint *y)
{
	same_text(a, x->authority, b, y->authority);
	same_text(a, x->base, b, y->base);
	assert_int_equal(x->slot, y->slot);
	assert_int_equal(x->weight, y->weight);
	assert_int_equal(x->count, y->count);
	for (uint32_t i = 0; i < x->count; i++)
		assert_memory_equal(table_address(a, x->first + i)->ip,
				    table_address(b, y->first + i)->ip, 16);
}

static void
same_upstreams(const struct segment *a, const struct segment *b)
{
	for (uint32_t i = 0; i < table_upstreams(a) || i < table_upstreams(b); i++) {
		const struct table_upstream *u = table_upstream(a, i), *v = table_upstream(b, i);
		bool none = !u || u->flags & UPSTREAM_ABSENT;

		assert_int_equal(none, !v || v->flags & UPSTREAM_ABSENT);
		if (none)
			continue;
		same_text(a, u->name, b, v->name);
		assert_int_equal(u->count, v->count);
		for (uint32_t e = 0; e < u->count; e++)
			same_endpoint(a, table_endpoint(a, u->first + e), b,
				      table_endpoint(b, v->first + e));
	}
}

/* ---- a run ---- */

static void
on_moved(void *userdata, const struct directory_upstream *u)
{
	struct fixture *f = userdata;

	assert_true(f->moved_count < MOVED_MAX);
	f->moved[f->moved_count++] =
	    (struct compile_moved){ compile_what_upstream(u->source, slice_of(u->name)), u->index };
}

static void
direct(struct fixture *f)
{
	struct buf warnings BUF_CLEAN = { 0 };
	struct directory *next = directory_build(f->c, f->rules, NULL, &f->slots, &warnings);

	if (f->d)
		directory_compare(f->d, next, on_moved, f);
	directory_free(f->d);
	f->d = next;
}

static struct segment *
endpoints_of(struct fixture *f)
{
	struct buf warnings BUF_CLEAN = { 0 };
	struct segment *s = NULL;

	assert_int_equal(compile_endpoints(f->c, f->d, NULL, NULL, SLICE("key"), 1, &s, &warnings),
			 0);
	return s;
}

static void
check_endpoints(struct fixture *f, const struct compile_touched *touched, struct segment *whole)
{
	struct segment *over;
	int r =
	    compile_endpoints_over(f->c, f->d, NULL, SLICE("key"), touched, f->endpoints, 2, &over);

	if (r == 1)
		return;
	assert_int_equal(r, 0);
	assert_int_equal(table_verify_endpoints(over), 0);
	same_upstreams(whole, over);
	seg_unref(over);
	f->endpoint_overlays++;
}

/* What is compiled whole is the next base if the overlay could not be made. */
static void
step(struct fixture *f)
{
	const struct map *keys = rules_touched(f->rules);
	struct compile_report *report, *lines = NULL, *both;
	struct segment *whole, *endpoints, *over = NULL;
	struct compile_touched touched = { keys };
	int r = 1;

	direct(f);
	touched.moved = f->moved;
	touched.moved_count = f->moved_count;
	if (f->base && keys && !quarantine_knows(&f->quarantine, keys))
		r = compile_rules_over(f->c, f->rules, f->d, &f->slots, &touched, f->report,
				       f->base, 2, &over, &lines);
	assert_int_equal(
	    compile_rules(f->c, f->rules, true, f->d, &f->slots, NULL, 1, true, &whole, &report),
	    0);
	endpoints = endpoints_of(f);
	if (r == 0) {
		assert_int_equal(table_verify_rules(over), 0);
		both = compile_report_over(f->report, lines);
		same_answers(whole, over);
		same_lines(report, both);
		check_endpoints(f, &touched, endpoints);
		compile_report_free(both);
		compile_report_free(lines);
		compile_report_free(report);
		seg_unref(over);
		seg_unref(whole);
		seg_unref(endpoints);
		f->overlays++;
		return;
	}
	assert_int_equal(r, 1);
	compile_report_free(f->report);
	seg_unref(f->base);
	seg_unref(f->endpoints);
	f->report = report;
	f->base = whole;
	f->endpoints = endpoints;
	f->moved_count = 0;
	rules_settle(f->rules);
	quarantine_settle(&f->quarantine, f->rules, f->c, report);
}

static void
load(struct fixture *f, const char *dialect)
{
	char name[] = "/tmp/yett-over-XXXXXX";
	struct buf report BUF_CLEAN = { 0 };
	int fd = mkstemp(name);

	dprintf(fd,
		"listeners: [\"127.0.0.1:1\"]\n"
		"run_dir: /tmp\nstate_dir: /tmp\n"
		"redis: {address: \"127.0.0.1:2\", dialect: %s}\n"
		"gate: {secret: 0123456789abcdef0123456789abcdef}\n"
		"upstreams: {f: {endpoints: [\"10.0.0.9:80\"]}}\n"
		"rates: {other: 1/s, named: {limit: 9/s, per: [\"claim:known\"]}}\n"
		"limits: {rates: [100/minute, named], concurrency: 90}\n"
		"routes:\n"
		"  - {host: a.b, path: /a, upstream: f, priority: 1, rates: 7/s}\n"
		"  - {host: a.b, path: /a, upstream: f, headers: [{name: y}]}\n"
		"  - {host: a.b, path: /a, upstream: f, methods: [PUT], authorize: {scopes: o}}\n"
		"  - {path: /x, upstream: f}\n",
		dialect);
	close(fd);
	if (config_load(name, &f->c, &report) != 0)
		fail_msg("%.*s", SLICE_F(buf_slice(&report)));
	unlink(name);
}

/* Returns how often there was an overlay. */
static uint32_t
run(const char *dialect)
{
	struct fixture f = { .rules = rules_new(),
			     .slots = { slots_new(1000), slots_new(1000), slots_new(1000),
					slots_new(1000), slots_new(1000) } };

	load(&f, dialect);
	for (int i = 0; i < 60; i++)
		change(f.rules);
	rules_whole(f.rules); /* what is refused from now on had no good value before */
	for (int i = 0; i < STEPS; i++) {
		step(&f);
		for (uint32_t n = 1 + below(3); n > 0; n--)
			change(f.rules);
	}
	quarantine_deinit(&f.quarantine);
	compile_report_free(f.report);
	directory_free(f.d);
	assert_true(f.endpoint_overlays * 2 >= f.overlays);
	seg_unref(f.base);
	seg_unref(f.endpoints);
	rules_free(f.rules);
	config_free(f.c);
	slots_free(f.slots.upstreams);
	slots_free(f.slots.endpoints);
	slots_free(f.slots.routes);
	slots_free(f.slots.limits);
	slots_free(f.slots.seen_upstreams);
	return f.overlays;
}

static void
test_overlays(void **state)
{
	static const char *const dialects[] = { "both", "redx", "riox" };
	uint32_t overlays = 0;

	log_set_level(LOG_LEVEL_ERROR);
	for (int i = 0; i < RUNS; i++)
		overlays += run(dialects[i % 3]);
	assert_in_range(overlays, RUNS * STEPS / 3, RUNS * STEPS * 9 / 10);
	assert_in_range(asks, RUNS * STEPS, UINT32_MAX);
	print_message("%u overlays in %u steps\n", overlays, RUNS * STEPS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_overlays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
