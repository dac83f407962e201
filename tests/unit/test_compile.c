/* What comes out of the compiler, asked with the questions that workers ask. */

#include "lib/uri.h"
#include "master/certificates.h"
#include "master/compile.h"
#include "master/compile_behind.h"
#include "master/tickets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

struct fixture {
	struct config c;
	struct rules *rules;
	struct directory_slots slots;
	struct directory *d;
	struct segment *table, *endpoints, *keys;
	struct compile_report *report;
};

/* The compiler asks for addresses; 10.0.0.x stands for itself, everything else is unknown. */
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

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	f->rules = rules_new();
	f->slots = (struct directory_slots){ slots_new(1000), slots_new(1000), slots_new(1000),
					     .seen_upstreams = slots_new(1000) };
	f->c.timeouts = (struct config_timeouts){ 1, 2, 3, 4, 5, 6 };
	f->c.limit_body = 6;
	f->c.redis = (struct config_redis){ .configured = true, .max_path_length = UINT32_MAX };
	*state = f;
	return 0;
}

static void
forget(struct fixture *f)
{
	seg_unref(f->table);
	seg_unref(f->endpoints);
	seg_unref(f->keys);
	compile_report_free(f->report);
	directory_free(f->d);
	f->table = f->endpoints = f->keys = NULL;
	f->report = NULL;
	f->d = NULL;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	forget(f);
	rules_free(f->rules);
	slots_free(f->slots.upstreams);
	slots_free(f->slots.endpoints);
	slots_free(f->slots.routes);
	slots_free(f->slots.seen_upstreams);
	free(f);
	return 0;
}

static void
compile(struct fixture *f)
{
	struct buf warnings BUF_CLEAN = { 0 };

	forget(f);
	f->d = directory_build(&f->c, f->rules, NULL, &f->slots, &warnings);
	assert_int_equal(compile_rules(&f->c, f->rules, true, f->d, &f->slots, NULL, 1, true,
				       &f->table, &f->report),
			 0);
	assert_int_equal(
	    compile_endpoints(&f->c, f->d, NULL, NULL, SLICE("key"), 1, &f->endpoints, &warnings),
	    0);
	assert_int_equal(compile_keys(&f->c, NULL, f->d, NULL, &(struct certificates){ 0 },
				      &(struct tickets){ 0 }, NULL, 1, &f->keys),
			 0);
	assert_int_equal(table_verify_rules(f->table), 0);
	assert_int_equal(table_verify_endpoints(f->endpoints), 0);
	assert_int_equal(table_verify_keys(f->keys), 0);
}

static void
frontend(struct fixture *f, const char *url, const char *backend)
{
	assert_int_equal(rules_set_frontend(f->rules, slice_of(url), slice_of(backend)), 1);
}

static void
backend(struct fixture *f, const char *name, const char *server)
{
	struct slice fields[2] = { slice_of(server), SLICE("0") };

	rules_set_backend(f->rules, slice_of(name), fields, 2);
}

static const struct table_route *
find(struct fixture *f, const char *host, const char *target)
{
	char host_space[600], path_space[600], match_space[600];
	struct uri_host h;
	struct uri_path p;
	struct table_key key;
	struct table_match m;

	assert_int_equal(uri_host_parse(slice_of(host), host_space, &h), 0);
	assert_int_equal(uri_canonical(slice_of(target), path_space, &p), 0);
	key = (struct table_key){ h.host, h.host_port, slice_of(host),
				  uri_match_form(p.path, match_space) };
	table_find(f->table, &key, &m);
	return m.r;
}

static const struct table_shape *
shape(struct fixture *f, const char *host, const char *target)
{
	return table_shape(f->table, find(f, host, target));
}

static const char *
found(struct fixture *f, const char *host, const char *target)
{
	static char id[600];
	const struct table_route *r = find(f, host, target);

	if (!r)
		return "";
	snprintf(id, sizeof id, "%.*s%s", SLICE_F(table_route_id(f->table, r)),
		 table_shape(f->table, r)->flags & ROUTE_REFUSED ? " refused" : "");
	return id;
}

static const struct compile_route *
line(struct fixture *f, const char *id)
{
	for (size_t i = 0; i < f->report->routes_count; i++) {
		if (strcmp(f->report->routes[i].id, id) == 0)
			return &f->report->routes[i];
	}
	fail_msg("%s is not reported", id);
	return NULL;
}

static void
expect_line(struct fixture *f, const char *id, int state, const char *reason)
{
	const struct compile_route *r = line(f, id);

	if ((int)r->state != state || !strstr(r->reason, reason) || (!*reason && *r->reason))
		fail_msg("%s: state %d reason \"%s\"", id, r->state, r->reason);
}

/* ---- dialects ---- */

struct key_case {
	const char *url;
	int redx, riox, both; /* states; 9: refused by its form */
};

static void
test_keys(void **state)
{
	enum { A = ROUTE_ACTIVE, U = ROUTE_UNREACHABLE, R = ROUTE_IS_REFUSED };
	static const struct key_case cases[] = {
		{ "test.com", A, A, A },
		{ "Test.com", U, A, A },
		{ "test.com:8080", U, A, A },
		{ "test.com.", U, A, A },
		{ "test.com/", U, U, A },
		{ "test.com/a/", A, U, A },
		{ "test.com/a", U, A, A },
		{ "test.com/a/b/", A, U, A },
		{ "test.com//a/", U, U, A },
		{ "test.com/a//", U, U, A },
		{ "test.com/a/../b/", U, U, A },
		{ "test.com/%61/", U, U, A },
		{ "test.com/a%2fb/", A, U, A },
		{ "test.com/a?b/", U, U, R },
		{ "test.com/a b/", U, U, R },
		{ "*.test.com", U, U, A },
		{ "*.test.com/a/", U, U, A },
		{ "*", U, U, R },
		{ "/a/", U, U, R },
		{ "[::1]/a/", A, U, A },
		{ "*.[::1]", U, U, R },
		{ "user@test.com", U, U, R },
	};
	struct fixture *f = *state;

	backend(f, "b", "10.0.0.1:80");
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const int states[] = { cases[i].both, cases[i].redx, cases[i].riox };
		char id[100];

		frontend(f, cases[i].url, "b");
		snprintf(id, sizeof id, "redis:%s", cases[i].url);
		for (int dialect = DIALECT_BOTH; dialect <= DIALECT_RIOX; dialect++) {
			f->c.redis.dialect = (enum dialect)dialect;
			compile(f);
			if ((int)line(f, id)->state != states[dialect] ||
			    (states[dialect] != A) != !!*line(f, id)->reason)
				fail_msg("%s in dialect %d: %d \"%s\"", cases[i].url, dialect,
					 line(f, id)->state, line(f, id)->reason);
		}
		rules_delete_frontend(f->rules, slice_of(cases[i].url));
	}
}

static void
test_max_path_length(void **state)
{
	struct fixture *f = *state;

	backend(f, "b", "10.0.0.1:80");
	frontend(f, "t.com", "b");
	frontend(f, "t.com/a/", "b");
	frontend(f, "t.com/a/b/", "b");
	f->c.redis.max_path_length = 1;
	compile(f);
	assert_string_equal(found(f, "t.com", "/a/b/c"), "redis:t.com/a/");
	expect_line(f, "redis:t.com/a/b/", ROUTE_UNREACHABLE, "max_path_length");
	f->c.redis.max_path_length = 0;
	compile(f);
	assert_string_equal(found(f, "t.com", "/a/b/c"), "redis:t.com");
}

static void
test_both_prefers_the_slash(void **state)
{
	struct fixture *f = *state;

	backend(f, "b", "10.0.0.1:80");
	frontend(f, "t.com/a", "b");
	frontend(f, "t.com/a/", "b");
	frontend(f, "T.com/a/", "b");
	frontend(f, "t.com/a%2fb/", "b");
	frontend(f, "t.com/a%2Fb/", "b");
	compile(f);
	assert_string_equal(found(f, "t.com", "/a"), "redis:t.com/a/");
	expect_line(f, "redis:t.com/a", ROUTE_SHADOWED, "redis:t.com/a/");
	expect_line(f, "redis:T.com/a/", ROUTE_SHADOWED, "redis:t.com/a/");
	expect_line(f, "redis:t.com/a%2fb/", ROUTE_SHADOWED, "redis:t.com/a%2Fb/");
}

static void
test_both_hosts(void **state)
{
	struct fixture *f = *state;

	backend(f, "b", "10.0.0.1:80");
	frontend(f, "t.com/a", "b");
	frontend(f, "t.com:81/a", "b");
	frontend(f, "t.com/a/b", "b");
	frontend(f, "*.t.com", "b");
	frontend(f, "*.x.t.com", "b");
	compile(f);
	assert_string_equal(found(f, "T.COM:80", "/a/x"), "redis:t.com/a");
	assert_string_equal(found(f, "t.com:81", "/a/x"), "redis:t.com:81/a");
	assert_string_equal(found(f, "t.com:81", "/a/b/x"), "redis:t.com/a/b");
	assert_string_equal(found(f, "t.com", "/ab"), "");
	assert_string_equal(found(f, "y.t.com:9", "/"), "redis:*.t.com");
	assert_string_equal(found(f, "z.x.t.com", "/"), "redis:*.x.t.com");
}

/* ---- against a model of each dialect ---- */

static const char *const key_hosts[] = { "a.io",   "A.io",     "a.io:81", "b.a.io",
					 "*.a.io", "*.b.a.io", "c.io:80", "[::1]" };
static const char *const hosts[] = { "a.io",      "A.io",     "a.io:81", "a.io:82", "b.a.io",
				     "B.a.io:81", "c.b.a.io", "c.io:80", "c.io",    "[::1]:81" };
static const char *const segments[] = { "x", "y", "X", "x%2Fy", "%20", "x;y" };

#define PICK(list) list[(size_t)rand() % (sizeof list / sizeof list[0])]

static void
random_path(struct buf *out, bool rubbish)
{
	for (int n = rand() % 5; n > 0; n--)
		buf_addf(out, "/%s%s", rubbish && rand() % 12 == 0 ? "/" : "", PICK(segments));
	if (rand() % 2)
		buf_addc(out, '/');
}

static bool
has_key(struct fixture *f, const struct buf *key)
{
	for (size_t i = 0; i < rules_frontends(f->rules); i++) {
		if (slice_eq(slice_of(rules_frontend_at(f->rules, i)->url), buf_slice(key)))
			return true;
	}
	return false;
}

/* What fetch_frontend of redx does, and of its fork: candidate keys, the longest first. */
static void
model_exact(struct fixture *f, bool riox, const char *host, const char *path, unsigned most,
	    struct buf *key)
{
	struct slice parts[8], rest = slice_of(path + 1);
	unsigned count = 0;

	while (rest.p && count < most) {
		struct slice part = slice_cut(rest, '/', &rest);

		if (part.n)
			parts[count++] = part;
	}
	for (;; count--) {
		key->n = 0;
		buf_addf(key, "%s", host);
		if (!riox) {
			const char *port =
			    strchr(strchr(host, ']') ? strchr(host, ']') : host, ':');

			key->n = port ? (size_t)(port - host) : key->n;
			for (size_t i = 0; i < key->n; i++)
				key->p[i] = ascii_lower(key->p[i]);
		}
		for (unsigned i = 0; i < count; i++)
			buf_addf(key, "/%.*s", SLICE_F(parts[i]));
		if (count && !riox)
			buf_addc(key, '/');
		if (has_key(f, key))
			return;
		if (count == 0)
			break;
	}
	key->n = 0;
}

/* "/a//b" becomes "/a/b/": what is a prefix of it is one by whole segments. */
static unsigned
with_slashes(const char *path, char *out)
{
	unsigned depth = 0;
	size_t n = 0;

	out[n++] = '/';
	for (; *path; path++) {
		if (*path != '/' || out[n - 1] != '/')
			out[n++] = *path;
	}
	if (out[n - 1] != '/')
		out[n++] = '/';
	out[n] = '\0';
	for (size_t i = 1; i < n; i++)
		depth += out[i] == '/';
	return depth;
}

static void
lower(char *text)
{
	for (; *text; text++)
		*text = ascii_lower(*text);
}

/* How well a host of a key in the dialect "both" matches; 0: not at all. The path comes between
 * name and port. */
static unsigned
model_host(const char *key, char *host, unsigned depth)
{
	char *port = strchr(strchr(host, ']') ? strchr(host, ']') : host, ':');
	size_t n;

	if (strcmp(key, host) == 0)
		return 100000 + 100 * depth + (port ? 20 : 10);
	if (port)
		*port = '\0';
	n = strlen(host);
	if (strcmp(key, host) == 0)
		return 100000 + 100 * depth + 10;
	if (key[0] == '*' && n > strlen(key + 1) &&
	    strcmp(host + n - strlen(key + 1), key + 1) == 0)
		return 1000 * (unsigned)strlen(key) + 100 * depth;
	return 0;
}

static unsigned
model_score(const char *url, const char *host, const char *path, unsigned most)
{
	char k[200], h[200], key_path[200], request_path[200];
	const char *slash = strchr(url, '/'), *rest = slash ? slash : "";
	unsigned score, depth = with_slashes(rest, key_path);
	size_t n = strlen(key_path);
	bool ends = *rest && rest[strlen(rest) - 1] == '/';

	with_slashes(path, request_path);
	snprintf(k, sizeof k, "%.*s", slash ? (int)(slash - url) : 200, url);
	snprintf(h, sizeof h, "%s", host);
	lower(k);
	lower(h);
	score = model_host(k, h, depth);
	if (depth > most || strncmp(request_path, key_path, n) != 0 || !score)
		return 0;
	/* Of two spellings: the one with a slash at its end, then the plain one. */
	if (strncmp(url, k, strlen(k)) == 0 &&
	    (!*rest || strncmp(rest, key_path, strlen(rest)) == 0))
		score++;
	return score + (ends ? 2 : 0);
}

static void
model_both(struct fixture *f, const char *host, const char *path, unsigned most, struct buf *key)
{
	unsigned best = 0;

	key->n = 0;
	for (size_t i = 0; i < rules_frontends(f->rules); i++) {
		const char *url = rules_frontend_at(f->rules, i)->url;
		unsigned score = model_score(url, host, path, most);

		if (score > best || (score && score == best && strncmp(url, key->p, key->n) < 0)) {
			best = score;
			key->n = 0;
			buf_addf(key, "%s", url);
		}
	}
}

static void
compare_with_model(struct fixture *f)
{
	unsigned most = f->c.redis.max_path_length < 8 ? f->c.redis.max_path_length : 8;

	for (int i = 0; i < 40; i++) {
		struct buf path BUF_CLEAN = { 0 }, key BUF_CLEAN = { 0 },
				expected BUF_CLEAN = { 0 };
		const char *host = PICK(hosts);

		random_path(&path, false);
		if (path.n == 0)
			buf_addc(&path, '/');
		buf_addc(&path, '\0');
		if (f->c.redis.dialect == DIALECT_BOTH)
			model_both(f, host, path.p, most, &key);
		else
			model_exact(f, f->c.redis.dialect == DIALECT_RIOX, host, path.p, most,
				    &key);
		buf_addf(&expected, "%s%.*s", key.n ? "redis:" : "", SLICE_F(key));
		buf_addc(&expected, '\0');
		if (strcmp(found(f, host, path.p), expected.p) != 0) {
			for (size_t r = 0; r < f->report->routes_count; r++)
				print_message("%s %d %s\n", f->report->routes[r].id,
					      f->report->routes[r].state,
					      f->report->routes[r].reason);
			fail_msg("dialect %d %s %s: \"%s\", the model says \"%s\"",
				 f->c.redis.dialect, host, path.p, found(f, host, path.p),
				 expected.p);
		}
	}
}

static void
test_models(void **state)
{
	struct fixture *f = *state;

	srand(20);
	backend(f, "b", "10.0.0.1:80");
	for (int round = 0; round < 900; round++) {
		struct buf url BUF_CLEAN = { 0 };

		while (rules_frontends(f->rules) > 0)
			rules_delete_frontend(f->rules,
					      slice_of(rules_frontend_at(f->rules, 0)->url));
		for (int n = rand() % 12; n >= 0; n--) {
			url.n = 0;
			buf_addf(&url, "%s", PICK(key_hosts));
			random_path(&url, true);
			rules_set_frontend(f->rules, buf_slice(&url), SLICE("b"));
		}
		f->c.redis.dialect = (enum dialect)(round % 3);
		f->c.redis.max_path_length = rand() % 3 ? (uint32_t)rand() % 4 : UINT32_MAX;
		compile(f);
		compare_with_model(f);
	}
}

/* ---- the file and Redis together ---- */

static struct config_route
route(const char *host, const char *path, const char *upstream)
{
	return (struct config_route){
		.action = { .redirect = "",
			    .mirror = "",
			    .split_by = "request",
			    .retries = UINT32_MAX,
			    .retry_on = RETRY_CONNECT | RETRY_RESET },
		.name = "",
		.host = host,
		.path = path,
		.upstream = upstream,
		.add_prefix = "",
		.set_host = "",
		.timeouts = { UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX,
			      UINT32_MAX },
		.body = UINT64_MAX,
	};
}

static void
test_one_order(void **state)
{
	struct fixture *f = *state;
	struct config_upstream upstream = { .name = "u" };
	struct config_route routes[] = {
		route("t.com", "/a", "u"),
		route("t.com", "/b", "u"),
		route("", "/c", "u"),
		route("*.t.com", "/", "u"),
		route("t.com", "/b", "u"),
		route("t.com", "/e", "u"),
		route("t.com", "/e", "u"),
		route("t.com", "/e/", "u"),
		route("T.com:81", "/a/", "missing"),
	};

	routes[1].name = "low";
	routes[1].priority = -1;
	routes[4].name = "high";
	routes[4].priority = 5;
	routes[5].name = "prefix";
	routes[6].name = "exact";
	routes[6].exact = true;
	routes[7].name = "exact-slash";
	routes[7].exact = true;
	f->c.routes = routes;
	f->c.routes_count = sizeof routes / sizeof routes[0];
	f->c.upstreams = &upstream;
	f->c.upstreams_count = 1;
	backend(f, "b", "10.0.0.1:80");
	frontend(f, "t.com/a/", "b");
	frontend(f, "t.com/b/", "b");
	frontend(f, "t.com/c/", "b");
	compile(f);
	assert_string_equal(found(f, "t.com", "/a/1"), "file:t.com/a");
	expect_line(f, "redis:t.com/a/", ROUTE_SHADOWED, "file:t.com/a");
	assert_string_equal(found(f, "t.com", "/b"), "file:high");
	expect_line(f, "file:low", ROUTE_SHADOWED, "file:high");
	expect_line(f, "redis:t.com/b/", ROUTE_SHADOWED, "file:high");
	assert_string_equal(found(f, "t.com", "/c"), "redis:t.com/c/"); /* a host beats any host */
	assert_string_equal(found(f, "o.com", "/c"), "file:/c");
	assert_string_equal(found(f, "x.t.com", "/c"), "file:*.t.com/");
	assert_string_equal(found(f, "t.com", "/e"), "file:exact");
	assert_string_equal(found(f, "t.com", "/e/"), "file:exact-slash");
	assert_string_equal(found(f, "t.com", "/e/f"), "file:prefix");
	assert_string_equal(found(f, "t.com:81", "/a"), "file:T.com:81/a/");
	expect_line(f, "file:T.com:81/a/", ROUTE_ACTIVE, "does not exist");
	assert_int_equal(find(f, "t.com:81", "/a")->upstream, 0);
}

static void
test_file_beats_verbatim(void **state)
{
	struct fixture *f = *state;
	struct config_route routes[] = { route("t.com", "/a", "u") };

	f->c.routes = routes;
	f->c.routes_count = 1;
	f->c.redis.dialect = DIALECT_RIOX;
	backend(f, "b", "10.0.0.1:80");
	frontend(f, "T.com/a", "b");
	frontend(f, "t.com:81/a", "b");
	frontend(f, "t.com/a/b", "b");
	compile(f);
	assert_string_equal(found(f, "T.com", "/a"), "file:t.com/a");
	expect_line(f, "redis:T.com/a", ROUTE_SHADOWED, "the file");
	assert_string_equal(found(f, "t.com:81", "/a"), "redis:t.com:81/a");
	assert_string_equal(found(f, "t.com", "/a/b"), "redis:t.com/a/b");
}

/* ---- what is refused, missing, or kept ---- */

static void
test_refusals(void **state)
{
	struct fixture *f = *state;
	struct slice bad[2] = { SLICE("10.0.0.1:80"), SLICE("many") };
	char longer[RULES_NAME_MAX + 40];

	memset(longer, 'x', sizeof longer);
	memcpy(longer, "frontend:t.com/", 15);
	backend(f, "good", "10.0.0.1:80");
	rules_set_backend(f->rules, SLICE("bad"), bad, 2);
	rules_set_backend(f->rules, SLICE("good"), bad, 2);
	frontend(f, "t.com", "good");
	frontend(f, "t.com/bad/", "bad");
	frontend(f, "t.com/missing/", "missing");
	rules_refuse(f->rules, SLICE("frontend:t.com/list/"), "it is no string");
	rules_refuse(f->rules, slice_make(longer, sizeof longer), "too long");
	rules_refuse(f->rules, SLICE("frontend:t.com/kept/"), "never seen");
	compile(f);
	assert_string_equal(found(f, "t.com", "/list/x"), "redis:t.com/list/ refused");
	expect_line(f, "redis:t.com/list/", ROUTE_IS_REFUSED, "no string");
	assert_string_equal(found(f, "t.com", "/bad/x"), "redis:t.com/bad/ refused");
	expect_line(f, "redis:t.com/bad/", ROUTE_IS_REFUSED, "score");
	assert_string_equal(found(f, "t.com", "/x"), "redis:t.com");
	expect_line(f, "redis:t.com", ROUTE_ACTIVE, "the last good backend stays");
	assert_string_equal(found(f, "t.com", "/missing"), "redis:t.com/missing/");
	expect_line(f, "redis:t.com/missing/", ROUTE_ACTIVE, "backend does not exist");
	assert_int_equal(find(f, "t.com", "/missing")->upstream, 0);
	/* What was cut applies nowhere. */
	longer[sizeof longer - 1] = '\0';
	longer[9 + RULES_NAME_MAX + 7] = '\0';
	assert_string_equal(found(f, "t.com", "/xxxxxxxx"), "redis:t.com");
	/* A value that is refused later leaves the last good one. */
	rules_set_frontend(f->rules, SLICE("t.com"), SLICE(""));
	compile(f);
	assert_string_equal(found(f, "t.com", "/x"), "redis:t.com");
	expect_line(f, "redis:t.com", ROUTE_ACTIVE, "the last good value stays");
}

static void
test_no_rules_of_redis(void **state)
{
	struct fixture *f = *state;
	struct compile_report *report;
	struct segment *table;

	compile(f);
	assert_int_equal(table_global(f->table)->rules_loaded, 1);
	assert_int_equal(f->report->routes_count, 0);
	assert_int_equal(
	    compile_rules(&f->c, NULL, false, f->d, &f->slots, NULL, 2, true, &table, &report), 0);
	assert_int_equal(table_global(table)->rules_loaded, 0);
	seg_unref(table);
	compile_report_free(report);
}

/* ---- everything beside routes ---- */

static void
test_policies(void **state)
{
	struct fixture *f = *state;
	struct config_upstream upstream = { .name = "u" };
	struct config_route routes[] = { route("", "/a", "u"), route("", "/b", "u"),
					 route("", "/c", "u"), route("", "/d", "u") };

	routes[1].timeouts.idle = 99;
	routes[2].timeouts.idle = 99;
	routes[3].body = 0;
	routes[3].strip = true;
	routes[3].upstream_host = true;
	routes[3].add_prefix = "/v1";
	routes[3].set_host = "h";
	f->c.routes = routes;
	f->c.routes_count = 4;
	f->c.upstreams = &upstream;
	f->c.upstreams_count = 1;
	compile(f);
	assert_int_equal(seg_count(f->table, RULES_POLICIES), 3);
	assert_int_equal(shape(f, "x", "/a")->policy, 0);
	assert_int_equal(table_policy(f->table, 0)->first_byte_ms, 2);
	assert_int_equal(table_policy(f->table, 0)->client_body_ms, 6);
	assert_int_equal(table_policy(f->table, 0)->body_bytes, 6);
	assert_int_equal(shape(f, "x", "/b")->policy, shape(f, "x", "/c")->policy);
	assert_int_equal(table_policy(f->table, shape(f, "x", "/b")->policy)->idle_ms, 99);
	assert_int_equal(table_policy(f->table, shape(f, "x", "/b")->policy)->connect_ms, 1);
	assert_int_equal(table_policy(f->table, shape(f, "x", "/d")->policy)->body_bytes, 0);
	assert_int_equal(shape(f, "x", "/d")->flags, ROUTE_STRIP | ROUTE_UPSTREAM_HOST);
	assert_true(slice_eq(seg_string(f->table, shape(f, "x", "/d")->add_prefix), SLICE("/v1")));
	assert_true(slice_eq(seg_string(f->table, shape(f, "x", "/d")->set_host), SLICE("h")));
	assert_true(find(f, "x", "/a")->slot != find(f, "x", "/b")->slot);
}

static struct slice
text_at(struct fixture *f, unsigned section, uint32_t i, size_t offset, uint32_t size)
{
	const char *row = seg_at(f->table, section, i, size);

	return seg_string(f->table, *(const struct seg_ref *)(row + offset));
}

static void
test_actions(void **state)
{
	struct fixture *f = *state;
	struct config_upstream upstreams[] = { { .name = "u" }, { .name = "v" } };
	struct config_header set[] = { { .name = "X-A", .value = "$host" } };
	struct config_arm arms[] = { { .upstream = "u", .weight = 9 },
				     { .upstream = "v", .weight = 1 } };
	const char *remove[] = { "Cookie" }, *origins[] = { "https://a.org", "null" };
	const char *methods[] = { "GET", "PUT" };
	struct config_route routes[] = { route("", "/plain", "u"), route("", "/to", ""),
					 route("", "/split", ""), route("", "/all", "u"),
					 route("", "/host", "u") };
	const struct table_action *a;

	routes[1].action.redirect = "/x";
	routes[1].action.redirect_status = 308;
	routes[2].action.arms = arms;
	routes[2].action.arms_count = 2;
	routes[2].action.split_by = "cookie:s";
	routes[3].action.request = (struct config_changes){
		.set = set, .set_count = 1, .remove = remove, .remove_count = 1
	};
	routes[3].action.response = (struct config_changes){ .add = set, .add_count = 1 };
	routes[3].action.cors = (struct config_cors){ .origins = origins,
						      .origins_count = 2,
						      .methods = methods,
						      .methods_count = 2,
						      .credentials = true };
	routes[3].action.mirror = "v";
	routes[3].action.mirror_percent = 5;
	routes[3].action.auth = AUTH_REQUIRED;
	routes[4].set_host = "h";
	routes[4].action.rewrite_location = true;
	f->c.routes = routes;
	f->c.routes_count = 5;
	f->c.upstreams = upstreams;
	f->c.upstreams_count = 2;
	compile(f);
	assert_int_equal(shape(f, "x", "/plain")->action, 0);
	a = table_action(f->table, shape(f, "x", "/to")->action);
	assert_int_equal(a->flags, ACTION_REDIRECT);
	assert_int_equal(a->status, 308);
	assert_true(slice_eq(seg_string(f->table, a->text), SLICE("/x")));
	a = table_action(f->table, shape(f, "x", "/split")->action);
	assert_int_equal(a->arms_count, 2);
	assert_int_equal(a->split_by, SPLIT_COOKIE);
	assert_true(slice_eq(seg_string(f->table, a->split_name), SLICE("s")));
	assert_true(slice_eq(text_at(f, RULES_ARMS, a->arms_first + 1,
				     offsetof(struct table_arm, name), sizeof(struct table_arm)),
			     SLICE("v")));
	expect_line(f, "file:/split", ROUTE_ACTIVE, "");
	assert_int_equal(shape(f, "x", "/all")->flags, ROUTE_AUTH);
	a = table_action(f->table, shape(f, "x", "/all")->action);
	assert_int_equal(a->flags, ACTION_CREDENTIALS);
	assert_int_equal(a->mirror_percent, 5);
	assert_true(a->mirror > 0 && a->mirror != find(f, "x", "/all")->upstream);
	assert_true(slice_eq(seg_string(f->table, a->methods), SLICE("GET, PUT")));
	assert_true(
	    slice_eq(text_at(f, RULES_ORIGINS, a->origins_first + 1, 0, sizeof(struct seg_ref)),
		     SLICE("null")));
	assert_int_equal(a->request_count, 2);
	assert_int_equal(a->response_count, 1);
	assert_true(
	    slice_eq(text_at(f, RULES_CHANGES, a->request_first + 1,
			     offsetof(struct table_change, value), sizeof(struct table_change)),
		     SLICE("$host")));
	assert_int_equal(table_action(f->table, shape(f, "x", "/host")->action)->flags,
			 ACTION_BACK);
}

static void
test_gate(void **state)
{
	struct fixture *f = *state;
	struct config_gate_entry protect[] = { { .path = "/api" } };
	struct config_gate_entry except[] = {
		{ .path = "/api/login", .exact = true },
		{ .path = "/api/users", .exact = true, .methods = 1u << METHOD_POST },
		{ .path = "/api/open" },
	};
	struct config_claim claims[] = { { .claim = "id", .header = "auth_id" },
					 { .claim = "mail", .header = "X-User.Mail" } };
	const char *audience[] = { "a", "b" };
	const char *values[] = { "web", "app" };
	struct config_required required = { .claim = "azp", .values = values, .values_count = 2 };
	struct config_issuer issuers[] = {
		{ .name = "default",
		  .algorithms = 2,
		  .iss = "iss",
		  .audience = audience,
		  .audience_count = 2,
		  .leeway_s = 60,
		  .secret = { .bytes = "s3cret", .n = 6 } },
		{ .name = "corp",
		  .algorithms = 8,
		  .iss = "https://corp",
		  .jwks_uri = "https://corp/keys",
		  .required = &required,
		  .required_count = 1 },
	};
	const struct table_required *needs;
	const struct table_issuer *issuer;

	f->c.gate = (struct config_gate){
		.protect = protect,
		.protect_count = 1,
		.except = except,
		.except_count = 3,
		.claims = claims,
		.claims_count = 2,
		.sources = TOKEN_FROM_BARE,
		.cookie = "token",
		.realm = "r",
		.all = issuers,
		.all_count = 2,
	};
	f->c.profile = PROFILE_ASHINE;
	compile(f);
	assert_true(table_gate_protects(f->table, METHOD_GET, SLICE("/api")));
	assert_true(table_gate_protects(f->table, METHOD_GET, SLICE("/api/x/y")));
	assert_false(table_gate_protects(f->table, METHOD_GET, SLICE("/apix")));
	assert_false(table_gate_protects(f->table, METHOD_GET, SLICE("/api/login")));
	assert_true(table_gate_protects(f->table, METHOD_GET, SLICE("/api/login/x")));
	assert_true(table_gate_protects(f->table, METHOD_GET, SLICE("/api/users")));
	assert_false(table_gate_protects(f->table, METHOD_POST, SLICE("/api/users")));
	assert_false(table_gate_protects(f->table, METHOD_GET, SLICE("/api/open/x")));
	issuer = seg_at(f->table, RULES_ISSUERS, 0, sizeof *issuer);
	assert_int_equal(issuer->algorithms, 2);
	assert_int_equal(issuer->leeway_s, 60);
	assert_int_equal(issuer->audience_count, 2);
	assert_true(slice_eq(seg_string(f->table, issuer->iss), SLICE("iss")));
	assert_int_equal(issuer->asked, 0);
	issuer = seg_at(f->table, RULES_ISSUERS, 1, sizeof *issuer);
	assert_true(issuer->asked != 0);
	assert_int_equal(issuer->required_count, 1);
	needs = seg_at(f->table, RULES_REQUIRED, issuer->required_first, sizeof *needs);
	assert_true(slice_eq(seg_string(f->table, needs->claim), SLICE("azp")));
	assert_int_equal(needs->first, 2);
	assert_int_equal(needs->count, 2);
	assert_int_equal(seg_count(f->table, RULES_AUDIENCES), 4);
	assert_int_equal(seg_count(f->table, RULES_CLAIMS), 2);
	assert_int_equal(table_global(f->table)->sources, TOKEN_FROM_BARE);
	assert_int_equal(table_global(f->table)->token_profile, TOKEN_REPLY_ASHINE);
	assert_true(table_strips(f->table, SLICE("X_USER-MAIL")));
	assert_true(
	    slice_eq(seg_string(f->keys, table_key_material(f->keys, 0)->bytes), SLICE("s3cret")));
	assert_int_equal(table_key_material(f->keys, 0)->issuer, 0);
	assert_int_equal(table_key_material(f->keys, 0)->algorithms, 2);
	assert_null(table_key_material(f->keys, 1));
}

static void
test_strips_always(void **state)
{
	static const char *const stripped[] = {
		"auth-id",
		"Auth_Id",
		"AUTH.ID",
		"x-redx-",
		"X-Redx-Frontend-Name",
		"x_redx_y",
		"Renku-Auth-Id-Token",
		"renku-user",
		"Renku-User-Id",
		"gitlab-access-token",
		"Gitlab-Access-Token-Expires",
		"x-yett-table",
	};
	static const char *const passed[] = {
		"auth-identity", "auth", "x-redx", "renku-auth", "x-yett", "authorization", "id"
	};
	struct fixture *f = *state;

	compile(f);
	for (size_t i = 0; i < sizeof stripped / sizeof stripped[0]; i++) {
		if (!table_strips(f->table, slice_of(stripped[i])))
			fail_msg("%s passes", stripped[i]);
	}
	for (size_t i = 0; i < sizeof passed / sizeof passed[0]; i++) {
		if (table_strips(f->table, slice_of(passed[i])))
			fail_msg("%s is stripped", passed[i]);
	}
	assert_null(table_key_material(f->keys, 0));
}

static bool
trusts(struct fixture *f, const char *text)
{
	uint8_t a[16] = { [10] = 0xff, [11] = 0xff };

	if (inet_pton(AF_INET, text, a + 12) != 1)
		assert_int_equal(inet_pton(AF_INET6, text, a), 1);
	return table_trusts(f->table, a);
}

static void
test_trusted_and_pages(void **state)
{
	static const char *const bad[] = { "10.0.0.0/33", "10.0.0.0/",   "x", "::/129",
					   "10.0.0.0/a",  "10.0.0.0/-1", "" };
	struct fixture *f = *state;
	const char *networks[] = { "10.1.0.0/16", "192.0.2.7", "fd00::/8", "::1" };
	struct config_page page = { .status = 502, .html = SLICE("<h1>down</h1>") };
	struct compile_report *report;
	struct segment *table;

	f->c.trusted_proxies = networks;
	f->c.trusted_proxies_count = 4;
	f->c.pages = &page;
	f->c.pages_count = 1;
	compile(f);
	assert_true(trusts(f, "10.1.2.3") && trusts(f, "192.0.2.7") && trusts(f, "fdff::1") &&
		    trusts(f, "::1"));
	assert_false(trusts(f, "10.2.0.0") || trusts(f, "192.0.2.8") || trusts(f, "fe00::1") ||
		     trusts(f, "::2"));
	assert_true(slice_eq(table_page(f->table, 502), SLICE("<h1>down</h1>")));
	f->c.trusted_proxies_count = 1;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		networks[0] = bad[i];
		if (compile_rules(&f->c, NULL, true, f->d, &f->slots, NULL, 1, true, &table,
				  &report) != -EINVAL)
			fail_msg("%s was taken", bad[i]);
	}
}

static void
test_endpoints(void **state)
{
	struct fixture *f = *state;
	struct slice servers[] = { SLICE("10.0.0.1:81"),       SLICE("0"),
				   SLICE("http://10.0.0.2/b"), SLICE("0"),
				   SLICE("unknown:80"),        SLICE("0"),
				   SLICE("unix:/run/x"),       SLICE("0") };
	const struct table_upstream *u;
	const struct table_endpoint *e;
	uint32_t gone;

	rules_set_backend(f->rules, SLICE("a"), servers, 2);
	compile(f);
	gone = directory_find(f->d, SOURCE_REDX, SLICE("a"))->index;
	rules_delete_backend(f->rules, SLICE("a"));
	rules_set_backend(f->rules, SLICE("b"), servers, 8);
	f->c.all_down_fail = true;
	f->c.balance.strategy = BALANCE_LEAST;
	compile(f);
	assert_int_equal(table_upstream(f->endpoints, 0)->count, 0);
	assert_false(table_upstream(f->endpoints, 0)->flags & UPSTREAM_ABSENT);
	assert_true(table_upstream(f->endpoints, gone)->flags & UPSTREAM_ABSENT);
	u = table_upstream(f->endpoints, directory_find(f->d, SOURCE_REDX, SLICE("b"))->index);
	assert_true(slice_eq(seg_string(f->endpoints, u->name), SLICE("b")));
	assert_int_equal(u->flags, UPSTREAM_ALL_DOWN_FAIL);
	assert_int_equal(u->balance, BALANCE_LEAST);
	assert_int_equal(u->count, 4);
	e = table_endpoint(f->endpoints, u->first);
	assert_true(slice_eq(seg_string(f->endpoints, e->authority), SLICE("10.0.0.1:81")));
	assert_int_equal(e->count, 1);
	assert_int_equal(e->generation, 7);
	assert_int_equal(table_address(f->endpoints, e->first)->port, 81);
	assert_int_equal(table_address(f->endpoints, e->first)->ip[0], 10);
	e = table_endpoint(f->endpoints, u->first + 1);
	assert_true(slice_eq(seg_string(f->endpoints, e->base), SLICE("/b")));
	assert_int_equal(table_address(f->endpoints, e->first)->ip[3], 2);
	e = table_endpoint(f->endpoints, u->first + 2);
	assert_int_equal(table_address(f->endpoints, e->first)->family, AF_UNIX);
	assert_true(slice_eq(seg_string(f->endpoints, table_address(f->endpoints, e->first)->path),
			     SLICE("/run/x")));
	assert_int_equal(table_endpoint(f->endpoints, u->first + 3)->count, 0);
}

/* Those that ask for the same have one row; the files are not there, so their digests are of none.
 */
static void
test_https_endpoints(void **state)
{
	struct fixture *f = *state;
	struct slice a[] = { SLICE("https://10.0.0.1"), SLICE("0"), SLICE("10.0.0.1:443"),
			     SLICE("0") };
	struct slice b[] = { SLICE("https://[::1]:8443/b"), SLICE("0") };
	const char *pins[] = { "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" };
	const struct table_upstream_tls *row;
	const struct table_endpoint *e;
	uint32_t first;

	f->c.upstream_tls = (struct config_upstream_tls){
		.ca = "/no/ca.pem", .certificate = "", .pins = pins, .pins_count = 1
	};
	rules_set_backend(f->rules, SLICE("a"), a, 4);
	rules_set_backend(f->rules, SLICE("b"), b, 2);
	compile(f);
	first = table_upstream(f->endpoints, directory_find(f->d, SOURCE_REDX, SLICE("a"))->index)
		    ->first;
	e = table_endpoint(f->endpoints, first + 1); /* by name */
	assert_true(
	    slice_eq(seg_string(f->endpoints, e->authority), SLICE("https://10.0.0.1:443")));
	assert_true(slice_eq(seg_string(f->endpoints, e->host), SLICE("10.0.0.1")));
	assert_int_equal(e->tls, 1);
	assert_int_equal(table_endpoint(f->endpoints, first)->tls, 0);
	assert_int_not_equal(table_endpoint(f->endpoints, first)->slot, e->slot);
	first = table_upstream(f->endpoints, directory_find(f->d, SOURCE_REDX, SLICE("b"))->index)
		    ->first;
	e = table_endpoint(f->endpoints, first);
	assert_true(slice_eq(seg_string(f->endpoints, e->host), SLICE("[::1]:8443")));
	assert_int_equal(e->tls, 1);
	assert_int_equal(seg_count(f->endpoints, ENDPOINTS_TLS), 1);
	row = table_upstream_tls(f->endpoints, 0);
	assert_int_equal(row->flags, 0);
	assert_int_equal(row->pins_count, 1);
	assert_int_equal(table_pin(f->endpoints, row->pins_first)->sha256[0], 0xe3);
	assert_null(table_roots_find(f->keys, row->roots));
}

/* Keys that are made while nobody knows the rules have what the endpoints in force refer to. */
static void
test_keys_beside_older_endpoints(void **state)
{
	struct fixture *f = *state;
	struct slice b[] = { SLICE("https://10.0.0.1"), SLICE("0") };
	struct trust roots = { .ca = { .p = "PEM", .n = 3 }, .digest = { 7 } };
	struct trust_source source = { .ca = "/ca.pem", .crl = "", .trust = &roots };
	const struct certificates files = { .trusts = &source, .trusts_count = 1 }, none = { 0 };
	struct directory nobody = { 0 };
	struct segment *endpoints, *keys;
	struct buf warnings BUF_CLEAN = { 0 };
	const struct table_upstream_tls *row;

	f->c.upstream_tls = (struct config_upstream_tls){ .ca = "/ca.pem", .certificate = "" };
	rules_set_backend(f->rules, SLICE("b"), b, 2);
	compile(f);
	assert_int_equal(
	    compile_endpoints(&f->c, f->d, NULL, &files, SLICE("key"), 1, &endpoints, &warnings),
	    0);
	row = table_upstream_tls(endpoints, 0);
	for (int older = 0; older < 2; older++) {
		assert_int_equal(compile_keys(&f->c, NULL, &nobody, older ? endpoints : NULL,
					      &files, &(struct tickets){ 0 }, NULL, 1, &keys),
				 0);
		assert_int_equal(table_roots_find(keys, row->roots) != NULL, older);
		seg_unref(keys);
	}
	assert_true(compile_behind_fits(&files, endpoints));
	assert_true(compile_behind_fits(&none, f->endpoints));
	assert_false(compile_behind_fits(&none, endpoints));
	roots.digest[31] = 1; /* the file is another one */
	assert_false(compile_behind_fits(&files, endpoints));
	seg_unref(endpoints);
}

/* The upstream of backend "b" with two servers. */
static const struct table_upstream *
upstream_b(struct fixture *f)
{
	struct slice servers[] = { SLICE("http://h:81/x"), SLICE("2.5"), SLICE("h:82"), SLICE("-1"),
				   SLICE("_max_score"),    SLICE("7") };

	rules_set_backend(f->rules, SLICE("b"), servers, 6);
	compile(f);
	return table_upstream(f->endpoints, directory_find(f->d, SOURCE_REDX, SLICE("b"))->index);
}

static void
test_plugins(void **state)
{
	struct fixture *f = *state;
	struct config_plugin plugins[] = {
		{ .score = SCORE_MOST, .stickiness.cookie = "" },
		{ .stickiness = { .cookie = "stay", .path = "", .max_age_s = 9, .redx = true } },
		{ .weighted_score = SCORE_LEAST, .stickiness.cookie = "" },
	}, random = { .name = PLUGIN_NAME_RANDOM, .stickiness.cookie = "" };
	static const uint32_t kinds[] = { PLUGIN_SCORE_MOST, PLUGIN_STICKINESS,
					  PLUGIN_WEIGHTED_LEAST };
	const struct table_upstream *u;
	const struct table_endpoint *e;

	f->c.balance.strategy = BALANCE_LEAST;
	assert_int_equal(upstream_b(f)->balance, BALANCE_LEAST);
	f->c.redis.plugins = &random;
	f->c.redis.plugins_count = 1;
	assert_int_equal(upstream_b(f)->balance, BALANCE_RANDOM);
	f->c.redis.plugins = plugins;
	f->c.redis.plugins_count = 3;
	u = upstream_b(f);
	assert_int_equal(u->balance, BALANCE_CHAIN);
	assert_int_equal(u->plugins_count, 3);
	for (uint32_t i = 0; i < 3; i++) {
		const struct table_plugin *p = table_plugin(f->endpoints, u->plugins_first + i);

		assert_int_equal(p->kind, kinds[i]);
		assert_true(p->has_max && p->max_score > 6.9 && p->max_score < 7.1);
	}
	assert_int_equal(table_sticky(f->endpoints, u->sticky - 1)->max_age_s, 9);
	assert_int_equal(table_sticky(f->endpoints, u->sticky - 1)->same_site, SAME_SITE_NONE);
	e = table_endpoint(f->endpoints, u->first + 1); /* by their text: "h:82" comes first */
	assert_true(slice_eq(seg_string(f->endpoints, e->sticky), SLICE("aDo4MQ==")));
	assert_true(e->score > 2.4 && e->score < 2.6);
}

/* The nearest one that says anything; a fallback is none of itself. */
static void
test_fallbacks(void **state)
{
	struct fixture *f = *state;
	struct config_endpoint h = { .address = { .text = "h", .host = "h", .port = 1 },
				     .base = "",
				     .weight = 1 };
	struct config_upstream upstreams[] = {
		{ .name = "a", .endpoints = &h, .endpoints_count = 1, .fallback = "c" },
		{ .name = "b", .endpoints = &h, .endpoints_count = 1, .fallback = "b" },
		{ .name = "c", .endpoints = &h, .endpoints_count = 1, .fallback = "b" },
	};
	static const struct {
		const char *path, *upstream, *own, *want;
	} cases[] = {
		{ "/1", "a", "", "c" },  { "/2", "a", "b", "b" },    { "/3", "c", "", "b" },
		{ "/4", "b", "", NULL }, { "/5", "a", "off", NULL }, { "/6", "a", "a", NULL }
	};
	struct config_route routes[6];

	f->c.fallback = "b";
	f->c.upstreams = upstreams;
	f->c.upstreams_count = 3;
	for (size_t i = 0; i < 6; i++) {
		routes[i] = route("", cases[i].path, cases[i].upstream);
		routes[i].fallback = cases[i].own;
	}
	f->c.routes = routes;
	f->c.routes_count = 6;
	compile(f);
	for (size_t i = 0; i < 6; i++) {
		const char *want = cases[i].want;
		uint32_t index =
		    want ? directory_find(f->d, SOURCE_FILE, slice_of(want))->index : 0;

		assert_int_equal(shape(f, "x", cases[i].path)->fallback, index);
	}
	assert_int_equal(table_route(f->table, table_global(f->table)->fallback)->upstream,
			 directory_find(f->d, SOURCE_FILE, SLICE("b"))->index);
	f->c.fallback = "off";
	compile(f);
	assert_int_equal(table_global(f->table)->fallback, TRIE_NONE);
}

static void
test_same_input_same_bytes(void **state)
{
	struct fixture *f = *state;
	struct segment *first;

	backend(f, "b", "10.0.0.1:80");
	frontend(f, "a.com", "b");
	frontend(f, "b.com/x/", "b");
	frontend(f, "c.com", "b");
	compile(f);
	first = seg_ref(f->table);
	rules_delete_frontend(f->rules, SLICE("a.com"));
	frontend(f, "a.com", "b");
	compile(f);
	assert_int_equal(first->size, f->table->size);
	assert_memory_equal(first->head, f->table->head, first->size);
	seg_unref(first);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_keys, setup, teardown),
		cmocka_unit_test_setup_teardown(test_max_path_length, setup, teardown),
		cmocka_unit_test_setup_teardown(test_both_prefers_the_slash, setup, teardown),
		cmocka_unit_test_setup_teardown(test_both_hosts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_models, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_file_beats_verbatim, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refusals, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_rules_of_redis, setup, teardown),
		cmocka_unit_test_setup_teardown(test_policies, setup, teardown),
		cmocka_unit_test_setup_teardown(test_actions, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gate, setup, teardown),
		cmocka_unit_test_setup_teardown(test_strips_always, setup, teardown),
		cmocka_unit_test_setup_teardown(test_trusted_and_pages, setup, teardown),
		cmocka_unit_test_setup_teardown(test_endpoints, setup, teardown),
		cmocka_unit_test_setup_teardown(test_https_endpoints, setup, teardown),
		cmocka_unit_test_setup_teardown(test_keys_beside_older_endpoints, setup, teardown),
		cmocka_unit_test_setup_teardown(test_plugins, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fallbacks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_same_input_same_bytes, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
