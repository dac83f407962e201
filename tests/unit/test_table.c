/* table: which route, is it protected, is the header stripped, is the peer trusted. By cases;
 * test_table_model.c has the random ones. */

#include "shm/table.h"

#include "lib/buf.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void
policy_add(struct table_builder *b)
{
	struct table_policy policy = { .connect_ms = 5000 };

	seg_builder_add(&b->seg, RULES_POLICIES, &policy, sizeof policy);
}

static void
route_add(struct table_builder *b, const char *id, const char *host, bool verbatim,
	  const char *path, uint32_t flags)
{
	const struct table_shape shape = { .flags = flags };
	struct table_route r = { .shape = table_builder_shape(b, &shape) };

	table_builder_texts(b, &r, slice_of(id), slice_of(host), slice_of(path));
	table_builder_route(b, slice_of(host), verbatim, slice_of(path), &r);
}

static struct segment *
finish(struct table_builder *b)
{
	struct segment *s = NULL;

	assert_int_equal(table_builder_finish(b, 1, &s), 0);
	table_builder_deinit(b);
	assert_int_equal(table_verify_rules(s), 0);
	return s;
}

/* `raw` is lower case or has upper case letters; its canonical forms are made here. */
static struct table_match
find(const struct segment *s, const char *raw, const char *path, char lower[64])
{
	struct table_key key = { .host_raw = slice_of(raw), .path = slice_of(path) };
	struct table_match m;
	char *port;

	snprintf(lower, 64, "%s", raw);
	for (char *p = lower; *p; p++)
		*p = ascii_lower(*p);
	key.host_port = key.host = slice_of(lower);
	port = strrchr(lower, ':');
	if (port && !strchr(port, ']'))
		key.host.n = (size_t)(port - lower);
	table_find(s, &key, &m);
	assert_int_equal(m.r == NULL, m.route == TRIE_NONE);
	assert_ptr_equal(m.r, table_route(s, m.route));
	return m;
}

struct find_case {
	const char *host, *path, *id, *rest;
};

static void
check(const struct segment *s, const struct find_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char lower[64];
		struct table_match m = find(s, cases[i].host, cases[i].path, lower);
		struct slice id = m.r ? table_route_id(s, m.r) : SLICE("none");

		if (!slice_eq(id, slice_of(cases[i].id)))
			print_error("%s%s is %.*s\n", cases[i].host, cases[i].path, SLICE_F(id));
		assert_true(slice_eq(id, slice_of(cases[i].id)));
		if (m.r)
			assert_true(slice_eq(m.rest, slice_of(cases[i].rest)));
	}
}

#define CHECK(s, cases) check(s, cases, sizeof(cases) / sizeof *(cases))

static void
test_paths(void **state)
{
	static const struct find_case cases[] = {
		{ "h", "/", "root", "/" },
		{ "h", "/none", "root", "/none" },
		{ "h", "/a", "a", "" },
		{ "h", "/a/", "a", "/" },
		{ "h", "/ab", "root", "/ab" },
		{ "h", "/a/b", "exact", "" },
		{ "h", "/a/b/", "slash", "/" },
		{ "h", "/a/b/c", "a", "/b/c" },
		{ "h", "/a/b/c/d", "deep", "" },
		{ "h", "/a/b/c/d/e/f", "deep", "/e/f" },
		{ "h", "/A", "root", "/A" }, /* paths have case */
		{ "h", "/only", "only", "" },
		{ "h", "/only/", "root", "/only/" },
		{ "h", "/only/x", "root", "/only/x" },
		{ "h", "", "root", "" },
	};
	struct table_builder b;
	struct segment *s;

	table_builder_init(&b);
	policy_add(&b);
	route_add(&b, "root", "", false, "/", 0);
	route_add(&b, "a", "", false, "/a/", 0);
	route_add(&b, "exact", "", false, "/a/b", ROUTE_EXACT);
	route_add(&b, "slash", "", false, "/a/b", ROUTE_EXACT | ROUTE_EXACT_SLASH);
	route_add(&b, "deep", "", false, "/a/b/c/d", 0);
	route_add(&b, "deep too late", "", false, "/a/b/c/d", 0);
	route_add(&b, "only", "", false, "/only", ROUTE_EXACT);
	s = finish(&b);
	CHECK(s, cases);
	seg_unref(s);
}

static void
test_root_exact(void **state)
{
	static const struct find_case cases[] = {
		{ "plain", "/", "plain", "/" }, { "plain", "/a", "none", "" },
		{ "slash", "/", "slash", "/" }, { "slash", "/a/", "none", "" },
		{ "plain", "", "plain", "" },
	};
	struct table_builder b;
	struct segment *s;

	table_builder_init(&b);
	policy_add(&b);
	route_add(&b, "plain", "plain", false, "/", ROUTE_EXACT);
	route_add(&b, "slash", "slash", false, "/", ROUTE_EXACT | ROUTE_EXACT_SLASH);
	s = finish(&b);
	CHECK(s, cases);
	seg_unref(s);
}

static void
test_hosts(void **state)
{
	static const struct find_case cases[] = {
		{ "example.org", "/", "host", "/" },
		{ "EXAMPLE.org:99", "/", "host", "/" },
		{ "example.org:80", "/", "port", "/" },
		/* The longer path wins, whatever the host; where they are as long, host:port. */
		{ "example.org:80", "/a/b", "host a", "/b" },
		{ "example.org:80", "/c", "port c", "" },
		{ "example.org", "/c", "host c", "" },
		{ "other.org", "/", "any", "/" },
		{ "other.org", "/a", "any", "/a" },
		{ "x.example.org", "/", "wild", "/" },
		{ "y.x.example.org", "/", "wild x", "/" },
		{ "z.y.x.example.org", "/q", "wild x", "/q" },
		{ "x.example.org:80", "/", "wild port", "/" },
		{ ".example.org", "/", "any", "/" }, /* no sub-domain */
		{ "a.test.org", "/p", "test", "" },
		{ "a.test.org", "/q", "org", "" }, /* nothing there: the next shorter wildcard */
		{ "org", "/q", "any", "/q" },
		{ "[::1]:80", "/", "v6 port", "/" },
		{ "[::1]", "/", "v6", "/" },
		{ "[::1]:81", "/", "v6", "/" },
		{ "narrow.net", "/p", "narrow", "" },
		{ "narrow.net", "/q", "any", "/q" },
		{ "", "/", "any", "/" },
	};
	struct table_builder b;
	struct segment *s;

	table_builder_init(&b);
	policy_add(&b);
	route_add(&b, "host", "example.org", false, "/", 0);
	route_add(&b, "host a", "example.org", false, "/a", 0);
	route_add(&b, "host c", "example.org", false, "/c", 0);
	route_add(&b, "port", "example.org:80", false, "/", 0);
	route_add(&b, "port c", "example.org:80", false, "/c", 0);
	route_add(&b, "any", "", false, "/", 0);
	route_add(&b, "wild", "*.example.org", false, "/", 0);
	route_add(&b, "wild x", "*.x.example.org", false, "/", 0);
	route_add(&b, "wild port", "*.example.org:80", false, "/", 0);
	route_add(&b, "org", "*.org", false, "/q", 0);
	route_add(&b, "test", "*.test.org", false, "/p", 0);
	route_add(&b, "v6", "[::1]", false, "/", 0);
	route_add(&b, "v6 port", "[::1]:80", false, "/", 0);
	route_add(&b, "narrow", "narrow.net", false, "/p", 0);
	s = finish(&b);
	CHECK(s, cases);
	seg_unref(s);
}

/* Names compared as written share nothing with canonical ones, not even the wildcards' ".x". */
static void
test_verbatim(void **state)
{
	static const struct find_case cases[] = {
		{ "Example.org:80", "/", "written", "/" }, { "example.org:80", "/", "plain", "/" },
		{ "Example.org", "/", "plain", "/" },      { "lower.org", "/", "lower", "/" },
		{ "Lower.org", "/", "none", "" },          { "lower.org:80", "/", "none", "" },
		{ "*.star.org", "/", "star", "/" },        { "a.star.org", "/", "none", "" },
		{ "a.dot.org", "/", "dot", "/" },          { ".dot.org", "/", "none", "" },
		{ "both.org", "/", "both written", "/" },  { "both.org", "/a", "both", "" },
		{ "BOTH.org", "/", "both", "/" },
	};
	struct table_builder b;
	struct segment *s;

	table_builder_init(&b);
	policy_add(&b);
	route_add(&b, "written", "Example.org:80", true, "/", 0);
	route_add(&b, "plain", "example.org", false, "/", 0);
	route_add(&b, "lower", "lower.org", true, "/", 0);
	route_add(&b, "star", "*.star.org", true, "/", 0);
	route_add(&b, "dot", "*.dot.org", false, "/", 0);
	route_add(&b, "both", "both.org", false, "/", 0);
	route_add(&b, "both", "both.org", false, "/a", 0);
	route_add(&b, "both written", "both.org", true, "/", 0);
	s = finish(&b);
	CHECK(s, cases);
	seg_unref(s);
}

/* A name that is too long for DNS is looked up as it is, and is under no wildcard. */
static void
test_long_host(void **state)
{
	struct table_builder b;
	struct table_key key = { .path = SLICE("/") };
	struct table_match m;
	struct segment *s;
	struct buf host = { 0 };

	for (int i = 0; i < 5000; i++)
		buf_adds(&host, SLICE("a."));
	buf_adds(&host, SLICE("org"));
	table_builder_init(&b);
	policy_add(&b);
	route_add(&b, "wild", "*.org", false, "/", 0);
	route_add(&b, "any", "", false, "/", 0);
	s = finish(&b);
	key.host = key.host_port = key.host_raw = buf_slice(&host);
	table_find(s, &key, &m);
	assert_true(slice_eq(table_route_id(s, m.r), SLICE("any")));
	host.n = 255;
	memcpy(host.p + 251, ".org", 4);
	key.host = key.host_port = key.host_raw = buf_slice(&host);
	table_find(s, &key, &m);
	assert_true(slice_eq(table_route_id(s, m.r), SLICE("wild")));
	buf_deinit(&host);
	seg_unref(s);
}

/* What a route is called, and its host and path, which are not stored twice where they are parts
 * of one another. */
static void
test_texts(void **state)
{
	static const struct {
		const char *id, *host, *path, *stored;
	} cases[] = {
		{ "redis:a.b/x/", "a.b", "/x", "redis:a.b/x/" },
		{ "redis:a.b/x", "a.b", "/x", "redis:a.b/x/" },
		{ "redis:/x/", "", "/x/", "redis:/x/" },
		{ "redis:a.b", "a.b", "/", "redis:a.b/" },
		{ "redis:A.b/x/", "a.b", "/x", "redis:A.b/x/a.b" },
		{ "file:n", "a.b", "/x", "file:n/x/a.b" },
		{ "file:a.b/x#2", "a.b", "/x", "file:a.b/x#2/x/a.b" },
		{ "fallback", "", "/", "fallback/" },
		{ "", "", "", "" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct table_route r = { 0 };
		struct table_builder b;
		struct segment *s;

		table_builder_init(&b);
		policy_add(&b);
		r.shape = table_builder_shape(&b, &(struct table_shape){ 0 });
		table_builder_texts(&b, &r, slice_of(cases[i].id), slice_of(cases[i].host),
				    slice_of(cases[i].path));
		assert_true(slice_eq(buf_slice(&b.seg.sections[0]), slice_of(cases[i].stored)));
		table_builder_route(&b, SLICE(""), false, slice_of(cases[i].path), &r);
		s = finish(&b);
		assert_true(slice_eq(table_route_id(s, table_route(s, 0)), slice_of(cases[i].id)));
		assert_true(
		    slice_eq(table_route_host(s, table_route(s, 0)), slice_of(cases[i].host)));
		assert_true(
		    slice_eq(table_route_path(s, table_route(s, 0)), slice_of(cases[i].path)));
		seg_unref(s);
	}
}

/* A million routes have to fit into 150 MiB: what each of many takes. */
static void
test_bytes(void **state)
{
	enum { ROUTES = 20000, MOST = 150 * 1024 * 1024 / 1000000 };
	struct table_builder b;
	struct segment *s;
	char id[96];

	table_builder_init(&b);
	policy_add(&b);
	for (int i = 0; i < ROUTES; i++) {
		struct table_route r = { 0 };
		int host = snprintf(id, sizeof id, "redis:team-%d.apps.example.org", i / 100) - 6;

		snprintf(id + 6 + host, sizeof id - 6 - (size_t)host, "/svc-%06d/v1/", i);
		r.shape = table_builder_shape(&b, &(struct table_shape){ 0 });
		table_builder_texts(&b, &r, slice_of(id), slice_make(id + 6, (size_t)host),
				    slice_of(id + 6 + host));
		table_builder_route(&b, slice_make(id + 6, (size_t)host), false,
				    slice_of(id + 6 + host), &r);
	}
	s = finish(&b);
	assert_int_equal(seg_own_count(s, RULES_SHAPES), 1);
	assert_true(s->size < (size_t)ROUTES * MOST);
	seg_unref(s);
}

static void
test_empty(void **state)
{
	struct table_builder b;
	struct segment *s;
	char lower[64];

	table_builder_init(&b);
	s = finish(&b);
	assert_null(find(s, "h", "/", lower).r);
	assert_false(table_gate_protects(s, METHOD_GET, SLICE("/")));
	assert_false(table_strips(s, SLICE("Host")));
	assert_false(table_trusts(s, (const uint8_t[16]){ 0 }));
	assert_int_equal(table_page(s, 502).n, 0);
	assert_null(table_route(s, 0));
	assert_null(table_policy(s, 0));
	assert_int_equal(table_global(s)->root_any, TRIE_NONE);
	seg_unref(s);
}

/* What the caller fills in stays; what is computed is right whatever stood there. */
static void
test_global(void **state)
{
	struct table_builder b;
	struct segment *s;
	char lower[64];

	table_builder_init(&b);
	policy_add(&b);
	route_add(&b, "any", "", false, "/", 0);
	b.global = (struct table_global){
		.root_any = 77, .hosts_verbatim = 1, .retry_budget = 2, .no_route_status = 502
	};
	s = finish(&b);
	assert_int_equal(table_global(s)->retry_budget, 2);
	assert_int_equal(table_global(s)->no_route_status, 502);
	assert_int_equal(table_global(s)->hosts_verbatim, 0);
	assert_non_null(find(s, "h", "/", lower).r);
	assert_int_equal(table_policy(s, 0)->connect_ms, 5000);
	seg_unref(s);
}

static void
test_port_flag(void **state)
{
	static const struct {
		const char *host;
		bool verbatim, port;
	} cases[] = {
		{ "h", false, false },       { "h:80", false, true },   { "[::1]", false, false },
		{ "[::1]:80", false, true }, { "*.h:80", false, true }, { "H:80", true, false },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct table_builder b;
		struct segment *s;

		table_builder_init(&b);
		policy_add(&b);
		route_add(&b, "id", cases[i].host, cases[i].verbatim, "/", 0);
		s = finish(&b);
		assert_int_equal(table_global(s)->hosts_port, cases[i].port);
		assert_int_equal(table_global(s)->hosts_verbatim, cases[i].verbatim);
		seg_unref(s);
	}
}

/* However many routes share a node, a look-up passes few: those that cannot win are in no chain. */
static void
test_chain(void **state)
{
	static const uint32_t flags[] = { ROUTE_EXACT, ROUTE_EXACT | ROUTE_EXACT_SLASH, 0 };
	struct table_builder b;
	struct segment *s;

	table_builder_init(&b);
	policy_add(&b);
	for (int i = 0; i < 300; i++)
		route_add(&b, "id", "h", false, "/a", flags[i / 100]);
	s = finish(&b);
	assert_int_equal(table_route(s, 0)->next, 100);
	assert_int_equal(table_route(s, 100)->next, 200);
	assert_int_equal(table_route(s, 200)->next, TRIE_NONE);
	assert_non_null(table_route(s, 299));
	seg_unref(s);
}

static void
gate_add(struct table_builder *b, const char *path, uint32_t flags, uint32_t methods)
{
	struct table_gate g = { .flags = flags, .methods = methods };

	table_builder_gate(b, slice_of(path), &g);
}

static void
test_gate(void **state)
{
	enum { POST = 1u << METHOD_POST, GET = 1u << METHOD_GET };
	static const struct {
		enum table_method method;
		const char *path;
		bool protects;
	} cases[] = {
		{ METHOD_GET, "/", false },
		{ METHOD_GET, "/api", true },
		{ METHOD_OTHER, "/api/", true },
		{ METHOD_GET, "/apix", false },
		{ METHOD_GET, "/API", false },
		{ METHOD_GET, "/api/v1/users", true },
		{ METHOD_POST, "/api/v1/users", false },
		{ METHOD_POST, "/api/v1/users/", false },
		{ METHOD_POST, "/api/v1/users/1", true },
		{ METHOD_POST, "/api/v1/usersX", true },
		{ METHOD_GET, "/api/v1/users/auth/local", false },
		{ METHOD_GET, "/api/v1/users/auth/local/x", true },
		{ METHOD_GET, "/api/public", false },
		{ METHOD_GET, "/api/public/x/y", false },
		{ METHOD_GET, "/api/public/x/secret/y", true },
		{ METHOD_GET, "/exact", true },
		{ METHOD_GET, "/exact/", true },
		{ METHOD_GET, "/exact/x", false },
		{ METHOD_GET, "/both", false },
		{ METHOD_GET, "/write", false },
		{ METHOD_POST, "/write/x", true },
	};
	struct table_builder b;
	struct segment *s;

	table_builder_init(&b);
	gate_add(&b, "/api", GATE_PROTECT, 0);
	gate_add(&b, "/api/v1/users", GATE_EXCEPT | GATE_EXACT, POST);
	gate_add(&b, "/api/v1/users/auth/local", GATE_EXCEPT | GATE_EXACT, 0);
	gate_add(&b, "/api/public", GATE_EXCEPT, 0);
	gate_add(&b, "/api/public/x/secret", GATE_PROTECT, 0);
	gate_add(&b, "/exact", GATE_PROTECT | GATE_EXACT, 0);
	gate_add(&b, "/both", GATE_PROTECT, 0);
	gate_add(&b, "/both", GATE_EXCEPT, 0);
	gate_add(&b, "/both", GATE_PROTECT, GET);
	gate_add(&b, "/write", GATE_PROTECT, POST);
	s = finish(&b);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		if (table_gate_protects(s, cases[i].method, slice_of(cases[i].path)) !=
		    cases[i].protects)
			fail_msg("method %d %s", cases[i].method, cases[i].path);
	}
	seg_unref(s);
}

static void
floor_add(struct table_builder *b, const char *host, const char *path, uint32_t flags,
	  uint32_t methods)
{
	struct table_gate g = { .flags = GATE_ROUTE | flags, .methods = methods };

	g.host = seg_builder_string(&b->seg, slice_of(host));
	table_builder_gate(b, slice_of(path), &g);
}

static void
test_floor(void **state)
{
	static const struct {
		enum table_method method;
		const char *host, *path;
		bool floor;
	} cases[] = {
		{ METHOD_GET, "a.test", "/any", true },
		{ METHOD_GET, "a.test", "/any/x", true },
		{ METHOD_GET, "a.test", "/anyx", false },
		{ METHOD_GET, "a.test", "/", false },
		{ METHOD_GET, "a.test", "/name/x", true },
		{ METHOD_GET, "b.a.test", "/name", false },
		{ METHOD_GET, "xa.test", "/name", false },
		{ METHOD_GET, "b.a.test", "/wild", true },
		{ METHOD_GET, "c.b.a.test", "/wild", true },
		{ METHOD_GET, "a.test", "/wild", false },
		{ METHOD_GET, "a.test", "/port", true },
		{ METHOD_GET, "a.test", "/otherport", false },
		{ METHOD_GET, "b.a.test", "/wildport", true },
		{ METHOD_GET, "a.test", "/exact", true },
		{ METHOD_GET, "a.test", "/exact/x", false },
		{ METHOD_GET, "a.test", "/post", false },
		{ METHOD_POST, "a.test", "/post/x", true },
		{ METHOD_GET, "a.test", "/any/left", false },
		{ METHOD_GET, "a.test", "/any/left/x", false },
	};
	struct table_builder b;
	struct segment *s;

	table_builder_init(&b);
	floor_add(&b, "", "/any", 0, 0);
	floor_add(&b, "a.test", "/name", 0, 0);
	floor_add(&b, "*.a.test", "/wild", 0, 0);
	floor_add(&b, "a.test:80", "/port", 0, 0);
	floor_add(&b, "a.test:81", "/otherport", 0, 0);
	floor_add(&b, "*.a.test:80", "/wildport", 0, 0);
	floor_add(&b, "", "/exact", GATE_EXACT, 0);
	floor_add(&b, "", "/post", 0, 1u << METHOD_POST);
	gate_add(&b, "/any/left", GATE_DELEGATE, 0);
	s = finish(&b);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char port[64];
		struct table_key key = { .host = slice_of(cases[i].host),
					 .path = slice_of(cases[i].path),
					 .method = cases[i].method };
		struct slice at = { NULL, 0 };

		snprintf(port, sizeof port, "%s:80", cases[i].host);
		key.host_port = slice_of(port);
		if ((table_route_floor(s, &key, &at) != NULL) != cases[i].floor)
			fail_msg("method %d %s%s", cases[i].method, cases[i].host, cases[i].path);
		assert_true(!cases[i].floor || (at.p == key.path.p && at.n <= key.path.n));
		assert_false(table_gate_protects(s, cases[i].method, key.path));
	}
	seg_unref(s);
}

static void
strip_add(struct table_builder *b, const char *name, bool prefix)
{
	struct table_strip strip = { .prefix = prefix };

	strip.name = seg_builder_string(&b->seg, slice_of(name));
	seg_builder_add(&b->seg, RULES_STRIP, &strip, sizeof strip);
}

static void
test_strips(void **state)
{
	static const struct {
		const char *name;
		bool strips;
	} cases[] = {
		{ "auth-id", true },
		{ "Auth_ID", true },
		{ "AUTH.id", true },
		{ "auth-id2", false },
		{ "auth-i", false },
		{ "auth--id", false },
		{ "xauth-id", false },
		{ "", false },
		{ "-secret", true },
		{ "_Secret", true },
		{ ".SECRET", true },
		{ "msecret", false },
		{ "x-forwarded-for", true },
		{ "X_Forwarded.Port", true },
		{ "X-Forwarded-", true },
		{ "X-Forwarded", false },
		{ "Host", false },
		{ "accept", false },
		{ "x-forwarded-0123456789012345678901234567890123456789012345678901234567890",
		  true },
		{ "y-forwarded-0123456789012345678901234567890123456789012345678901234567890",
		  false },
	};
	struct table_builder b;
	struct segment *s;

	table_builder_init(&b);
	strip_add(&b, "auth-id", false);
	strip_add(&b, "-secret", false);
	strip_add(&b, "x-forwarded-", true);
	s = finish(&b);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		if (table_strips(s, slice_of(cases[i].name)) != cases[i].strips)
			fail_msg("%s", cases[i].name);
	}
	seg_unref(s);
}

static void
test_trusts(void **state)
{
	static const struct table_cidr cidrs[] = {
		{ { [10] = 0xff, 0xff, 10, 0, 0, 0 }, 104 },    /* 10.0.0.0/8 */
		{ { [10] = 0xff, 0xff, 192, 168, 4, 0 }, 118 }, /* 192.168.4.0/22 */
		{ { 0xfd, 0x12, [15] = 1 }, 128 },              /* fd12::1 */
	};
	static const struct {
		uint8_t address[16];
		bool trusts;
	} cases[] = {
		{ { [10] = 0xff, 0xff, 10, 200, 3, 4 }, true },
		{ { [10] = 0xff, 0xff, 11, 0, 0, 0 }, false },
		{ { [10] = 0xff, 0xff, 192, 168, 7, 9 }, true },
		{ { [10] = 0xff, 0xff, 192, 168, 8, 0 }, false },
		{ { [10] = 0xff, 0xff, 192, 168, 3, 9 }, false },
		{ { 0xfd, 0x12, [15] = 1 }, true },
		{ { 0xfd, 0x12, [15] = 2 }, false },
		{ { [10] = 0, 0, 10, 0, 0, 1 }, false },
	};
	struct table_builder b;
	struct segment *s;

	table_builder_init(&b);
	for (size_t i = 0; i < sizeof cidrs / sizeof *cidrs; i++)
		seg_builder_add(&b.seg, RULES_TRUSTED, &cidrs[i], sizeof cidrs[i]);
	s = finish(&b);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(table_trusts(s, cases[i].address), cases[i].trusts);
	seg_unref(s);

	table_builder_init(&b);
	seg_builder_add(&b.seg, RULES_TRUSTED, &(struct table_cidr){ .bits = 0 },
			sizeof(struct table_cidr));
	s = finish(&b);
	assert_true(table_trusts(s, cases[1].address)); /* ::/0 is everybody */
	seg_unref(s);
}

static void
test_pages(void **state)
{
	struct table_page page = { .status = 502 };
	struct table_builder b;
	struct segment *s;

	table_builder_init(&b);
	page.html = seg_builder_string(&b.seg, SLICE("<p>sorry</p>"));
	seg_builder_add(&b.seg, RULES_PAGES, &page, sizeof page);
	s = finish(&b);
	assert_true(slice_eq(table_page(s, 502), SLICE("<p>sorry</p>")));
	assert_int_equal(table_page(s, 503).n, 0);
	seg_unref(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),     cmocka_unit_test(test_root_exact),
		cmocka_unit_test(test_hosts),     cmocka_unit_test(test_verbatim),
		cmocka_unit_test(test_long_host), cmocka_unit_test(test_texts),
		cmocka_unit_test(test_bytes),     cmocka_unit_test(test_empty),
		cmocka_unit_test(test_global),    cmocka_unit_test(test_gate),
		cmocka_unit_test(test_floor),     cmocka_unit_test(test_strips),
		cmocka_unit_test(test_trusts),    cmocka_unit_test(test_pages),
		cmocka_unit_test(test_port_flag), cmocka_unit_test(test_chain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
