#include "master/history.h"
#include "master/rules.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

/* ---- servers ---- */

static void
test_servers(void **state)
{
	static const struct {
		const char *text;
		const char *host; /* NULL: refused, `base` is part of the reason */
		uint16_t port;
		const char *base;
		bool tls;
	} cases[] = {
		{ "web", "web", 80, "" },
		{ "WEB.Example.org:8080", "web.example.org", 8080, "" },
		{ "10.0.0.1", "10.0.0.1", 80, "" },
		{ "10.0.0.1:65535", "10.0.0.1", 65535, "" },
		{ "my_service:3000", "my_service", 3000, "" },
		{ "[::1]", "::1", 80, "" },
		{ "[2001:db8::1]:81", "2001:db8::1", 81, "" },
		{ "http://web:81", "web", 81, "" },
		{ "HTTP://web:81/", "web", 81, "" },
		{ "http://web/base/x/", "web", 80, "/base/x" },
		{ "http://[::1]:81/b", "::1", 81, "/b" },
		{ "web:80/base", NULL, 0, "would replace" },
		{ "web/", NULL, 0, "would replace" },
		{ "https://web", "web", 443, "", true },
		{ "HTTPS://web:80/b", "web", 80, "/b", true },
		{ "https://[::1]/", "::1", 443, "", true },
		{ "https://", NULL, 0, "no host" },
		{ "https://web?x", NULL, 0, "neither" },
		{ "ftp://web", NULL, 0, "scheme" },
		{ "::1", NULL, 0, "[address]" },
		{ "::1:80", NULL, 0, "[address]" },
		{ "[::1", NULL, 0, "neither" },
		{ "[web]:80", NULL, 0, "neither" },
		{ "web:", NULL, 0, "port" },
		{ "web:0", NULL, 0, "neither" },
		{ "web:65536", NULL, 0, "neither" },
		{ "web:80x", NULL, 0, "neither" },
		{ ":80", NULL, 0, "neither" },
		{ "", NULL, 0, "empty" },
		{ "http://", NULL, 0, "no host" },
		{ "http:///base", NULL, 0, "no host" },
		{ "user:pw@web:80", NULL, 0, "user" },
		{ "http://web/a/../b", NULL, 0, "plain" },
		{ "http://web/a//b", NULL, 0, "plain" },
		{ "http://web/a?b", NULL, 0, "plain" },
		{ "we b:80", NULL, 0, "neither" },
		{ "unix:relative", NULL, 0, "absolute" },
		{ "unix:", NULL, 0, "absolute" },
		{ "unix:/run/u\r\nX-Evil: 1", NULL, 0, "control" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct config_endpoint e;
		const char *why = "";
		int r = rules_server_parse(slice_of(cases[i].text), &e, &why);

		if (!cases[i].host) {
			if (r != -EINVAL || !strstr(why, cases[i].base))
				fail_msg("\"%s\": %d \"%s\"", cases[i].text, r, why);
			continue;
		}
		if (r != 0)
			fail_msg("\"%s\": %s", cases[i].text, why);
		assert_string_equal(e.address.host, cases[i].host);
		assert_int_equal(e.address.port, cases[i].port);
		assert_string_equal(e.base, cases[i].base);
		assert_int_equal(e.tls, cases[i].tls);
		assert_null(e.address.unix_path);
		rules_endpoint_free(&e);
	}
}

static void
test_unix_server(void **state)
{
	struct config_endpoint e;
	const char *why;
	char text[200];

	assert_int_equal(rules_server_parse(SLICE("unix:/run/u.sock"), &e, &why), 0);
	assert_string_equal(e.address.unix_path, "/run/u.sock");
	assert_null(e.address.host);
	rules_endpoint_free(&e);
	memset(text, 'x', sizeof text);
	memcpy(text, "unix:/", 6);
	assert_int_equal(rules_server_parse(slice_make(text, sizeof text), &e, &why), -EINVAL);
}

/* ---- keys ---- */

static int
set_frontend(struct rules *r, const char *url, const char *backend)
{
	return rules_set_frontend(r, slice_of(url), slice_of(backend));
}

static int
set_backend(struct rules *r, const char *name, size_t count, const char *const *texts)
{
	struct slice fields[16];

	for (size_t i = 0; i < count; i++)
		fields[i] = slice_of(texts[i]);
	return rules_set_backend(r, slice_of(name), fields, count);
}

#define BACKEND_SET(r, name, ...)                                                                  \
	set_backend(r, name, sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(const char *),       \
		    (const char *[]){ __VA_ARGS__ })

static void
test_changes(void **state)
{
	struct rules *r = rules_new();
	uint64_t before = rules_generation(r);

	assert_int_equal(set_frontend(r, "a.com", "b"), 1);
	assert_true(rules_generation(r) > before);
	before = rules_generation(r);
	assert_int_equal(set_frontend(r, "a.com", "b"), 0);
	assert_int_equal(rules_generation(r), before);
	assert_int_equal(set_frontend(r, "a.com", "c"), 1);
	assert_string_equal(rules_frontend_at(r, 0)->backend, "c");
	assert_int_equal(BACKEND_SET(r, "b", "h:1", "0", "h:2", "1.5", "_max_score", "x"), 1);
	before = rules_generation(r);
	/* Another order is the same backend. */
	assert_int_equal(BACKEND_SET(r, "b", "_max_score", "x", "h:2", "1.5", "h:1", "0"), 0);
	assert_int_equal(rules_generation(r), before);
	assert_int_equal(BACKEND_SET(r, "b", "_max_score", "y", "h:2", "1.5", "h:1", "0"), 1);
	assert_int_equal(BACKEND_SET(r, "b", "_max_score", "y", "h:2", "2", "h:1", "0"), 1);
	assert_int_equal(rules_backend_at(r, 0)->servers_count, 2);
	assert_string_equal(rules_backend_at(r, 0)->servers[0].text, "h:1");
	assert_string_equal(rules_backend_at(r, 0)->config[1], "y");
	assert_int_equal(rules_known(r), 2);
	assert_int_equal(rules_delete_frontend(r, SLICE("a.com")), 1);
	assert_int_equal(rules_delete_frontend(r, SLICE("a.com")), 0);
	assert_int_equal(rules_delete(r, SLICE("backend:b")), 1);
	assert_int_equal(rules_known(r), 0);
	assert_null(rules_backend_find(r, SLICE("b")));
	rules_free(r);
}

static void
test_backend_of_settings_alone(void **state)
{
	struct rules *r = rules_new();

	assert_int_equal(BACKEND_SET(r, "b", "_limit", "5"), 1);
	assert_int_equal(rules_backend_at(r, 0)->servers_count, 0);
	rules_free(r);
}

static void
expect_refused(struct rules *r, const char *key, const char *reason, bool kept)
{
	const struct rules_refusal *f = rules_refusal_find(r, slice_of(key));

	if (!f)
		fail_msg("%s is not refused", key);
	if (!strstr(f->reason, reason))
		fail_msg("%s: \"%s\" is not about \"%s\"", key, f->reason, reason);
	assert_int_equal(f->kept, kept);
	assert_int_equal(rules_is_refused(r, slice_of(key)), !kept);
}

static void
test_bad_backends(void **state)
{
	static const struct {
		const char *field, *value, *reason;
	} cases[] = {
		{ "h:1", "", "number" },
		{ "h:1", "ten", "number" },
		{ "h:1", "0x10", "number" },
		{ "h:1", "inf", "number" },
		{ "h:1", "nan", "number" },
		{ "h:1", "1e999", "number" },
		{ "h:1", " 1", "number" },
		{ "h:1", "1 ", "number" },
		{ "h:1", "1\n", "control" },
		{ "h:1/uri", "0", "replace" },
		{ "", "0", "empty" },
		{ "h\r\n:1", "0", "control" },
		{ "h\xff:1", "0", "UTF-8" },
		{ "_x", "a\rb", "control" },
		{ "_x", "\xed\xa0\x80", "UTF-8" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct rules *r = rules_new();

		assert_int_equal(BACKEND_SET(r, "b", "good:1", "0", cases[i].field, cases[i].value),
				 -1);
		expect_refused(r, "backend:b", cases[i].reason, false);
		assert_int_equal(rules_backends(r), 0);
		assert_int_equal(rules_known(r), 1);
		/* The last good version stays, and a good one heals. */
		assert_int_equal(BACKEND_SET(r, "b", "good:1", "0"), 1);
		assert_int_equal(rules_refusals(r), 0);
		assert_int_equal(BACKEND_SET(r, "b", "good:2", "0", cases[i].field, cases[i].value),
				 -1);
		expect_refused(r, "backend:b", cases[i].reason, true);
		assert_string_equal(rules_backend_find(r, SLICE("b"))->servers[0].text, "good:1");
		assert_int_equal(rules_known(r), 1);
		rules_free(r);
	}
}

static void
test_refusals_are_told_once(void **state)
{
	struct rules *r = rules_new();
	uint64_t before;

	assert_int_equal(rules_refuse(r, SLICE("frontend:x"), "why"), -1);
	before = rules_generation(r);
	assert_int_equal(rules_refuse(r, SLICE("frontend:x"), "why"), -1);
	assert_int_equal(rules_generation(r), before);
	assert_int_equal(rules_refuse(r, SLICE("frontend:x"), "something else"), -1);
	assert_true(rules_generation(r) > before);
	assert_int_equal(rules_refusals(r), 1);
	assert_int_equal(rules_known(r), 1);
	assert_int_equal(rules_delete_frontend(r, SLICE("x")), 1);
	assert_int_equal(rules_known(r), 0);
	rules_free(r);
}

/* A draft, and the set that it is made of, which knows nothing of its changes. */
static void
test_drafts(void **state)
{
	struct rules *r = rules_new(), *draft;
	char digest[DIGEST_TEXT], as_built[DIGEST_TEXT];
	uint64_t before;

	set_frontend(r, "a.com", "b");
	BACKEND_SET(r, "b", "h:1", "0");
	BACKEND_SET(r, "b", "h:2", "many");
	rules_refuse(r, SLICE("frontend:x"), "why");
	before = rules_generation(r);
	draft = rules_draft(r);
	assert_int_equal(rules_generation(draft), before);
	assert_int_equal(rules_known(draft), 3);
	expect_refused(draft, "backend:b", "number", true);
	/* What is read again as it was changes nothing. */
	assert_int_equal(set_frontend(draft, "a.com", "b"), 0);
	assert_int_equal(BACKEND_SET(draft, "b", "h:2", "many"), -1);
	assert_int_equal(rules_generation(draft), before);
	assert_false(rules_differ(draft));
	set_frontend(draft, "new.com", "c");
	rules_delete(draft, SLICE("frontend:new.com"));
	rules_delete(draft, SLICE("frontend:a.com"));
	assert_false(rules_knows(draft, SLICE("frontend:a.com")));
	assert_int_equal(rules_known(draft), 2);
	set_frontend(draft, "a.com", "c");
	BACKEND_SET(draft, "b", "h:3", "0");
	rules_delete(draft, SLICE("frontend:x"));
	assert_int_equal(rules_generation(r), before);
	assert_string_equal(rules_frontend_at(r, 0)->backend, "b");
	assert_string_equal(rules_backend_at(r, 0)->servers[0].text, "h:1");
	expect_refused(r, "backend:b", "number", true);
	expect_refused(r, "frontend:x", "why", false);
	rules_free(rules_copy(r)); /* a draft that is thrown away */
	/* A value that the draft refuses keeps its last good version. */
	BACKEND_SET(draft, "b", "h:4", "nan");
	rules_replace(r, draft);
	assert_true(rules_generation(r) > before);
	assert_string_equal(rules_frontend_at(r, 0)->backend, "c");
	assert_string_equal(rules_backend_at(r, 0)->servers[0].text, "h:3");
	expect_refused(r, "backend:b", "number", true);
	assert_int_equal(rules_known(r), 2);
	assert_int_equal(rules_frontends(r), 1);
	rules_digest(r, digest);
	rules_free(r);
	r = rules_new();
	BACKEND_SET(r, "b", "h:4", "nan");
	set_frontend(r, "a.com", "c");
	rules_digest(r, as_built);
	assert_string_equal(digest, as_built);
	rules_free(r);
}

/* Drafts of any kind lead to where the same steps lead without one. */
static void
test_drafts_at_random(void **state)
{
	struct rules *r = rules_new(), *plain = rules_new();
	unsigned seed = 1;

	for (unsigned round = 0; round < 200; round++) {
		char a[DIGEST_TEXT], b[DIGEST_TEXT];
		struct rules *draft = rules_draft(r);

		for (unsigned i = 0; i < 20; i++) {
			struct rules *sets[] = { draft, plain };
			int what = rand_r(&seed) % 6;
			char name[16];

			snprintf(name, sizeof name, "k%d", rand_r(&seed) % 12);
			for (unsigned k = 0; k < 2; k++) {
				struct slice key = SLICE("frontend:k3");

				if (what == 0)
					rules_delete(sets[k], key);
				else if (what == 1)
					rules_delete_frontend(sets[k], slice_of(name));
				else if (what == 2)
					rules_refuse(sets[k], key, "why");
				else if (what == 3)
					BACKEND_SET(sets[k], name, i % 2 ? "h:1" : "h:2", "0");
				else
					set_frontend(sets[k], name, i % 2 ? "b" : "c");
			}
		}
		rules_replace(r, draft);
		rules_digest(r, a);
		rules_digest(plain, b);
		assert_string_equal(a, b);
		assert_int_equal(rules_known(r), rules_known(plain));
		assert_int_equal(rules_frontends(r), rules_frontends(plain));
		assert_int_equal(rules_refusals(r), rules_refusals(plain));
	}
	rules_free(r);
	rules_free(plain);
}

static void
test_sizes(void **state)
{
	struct rules *r = rules_new();
	size_t count = 2 * (RULES_SERVERS_MAX + 1);
	struct slice *fields = calloc(count, sizeof *fields);
	char *big = calloc(1, RULES_VALUE_MAX + 2), (*names)[16] = calloc(count, sizeof *names);

	memset(big, 'x', RULES_VALUE_MAX + 1);
	assert_int_equal(rules_set_frontend(r, slice_make(big, RULES_NAME_MAX), SLICE("b")), 1);
	assert_int_equal(rules_set_frontend(r, slice_make(big, RULES_NAME_MAX + 1), SLICE("b")),
			 -1);
	assert_int_equal(rules_set_frontend(r, SLICE("x"), slice_make(big, RULES_NAME_MAX + 1)),
			 -1);
	assert_int_equal(rules_set_frontend(r, SLICE("y"), SLICE("")), -1);
	assert_int_equal(rules_set_frontend(r, SLICE(""), SLICE("b")), -1);
	fields[0] = SLICE("_x");
	fields[1] = slice_make(big, RULES_VALUE_MAX);
	assert_int_equal(rules_set_backend(r, SLICE("v"), fields, 2), 1);
	fields[1].n++;
	assert_int_equal(rules_set_backend(r, SLICE("w"), fields, 2), -1);
	for (size_t i = 0; i < count; i += 2) {
		fields[i] = slice_make(names[i], (size_t)sprintf(names[i], "h%zu:80", i));
		fields[i + 1] = SLICE("0");
	}
	assert_int_equal(rules_set_backend(r, SLICE("many"), fields, count - 2), 1);
	assert_int_equal(rules_set_backend(r, SLICE("too-many"), fields, count), -1);
	/* What was cut is found and deleted under its whole name. */
	assert_int_equal(rules_delete_frontend(r, slice_make(big, RULES_NAME_MAX + 1)), 1);
	free(fields);
	free(big);
	free(names);
	rules_free(r);
}

/* ---- the file ---- */

static char folder[] = "/tmp/test_rules.XXXXXX";
static char path[64], bad[80];

static int
make_folder(void **state)
{
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof path, "%s/rules.json", folder);
	snprintf(bad, sizeof bad, "%s.bad", path);
	return 0;
}

static int
drop_folder(void **state)
{
	char more[sizeof bad + 8];

	unlink(path);
	unlink(bad);
	for (unsigned i = 2; i < 100; i++) {
		snprintf(more, sizeof more, "%s.%u", bad, i);
		unlink(more);
	}
	return rmdir(folder);
}

static void
test_save_and_load(void **state)
{
	struct rules *r = rules_new(), *back = rules_new();
	struct buf error BUF_CLEAN = { 0 };
	const struct rules_backend *b;
	struct revision *revision;
	int64_t saved_at = 0;
	struct stat st;

	set_frontend(r, "caf\xc3\xa9.com/\"x\"/", "b\\1");
	set_frontend(r, "z.com", "b");
	BACKEND_SET(r, "b", "h:1", "0.1", "[::1]:2", "-3e10", "http://h/base", "7", "_cookie",
		    "s\xc3\xb6");
	BACKEND_SET(r, "refused", "h:1", "x");
	BACKEND_SET(r, "empty", "_x", "");
	rules_refuse(r, SLICE("frontend:list"), "it is no string");
	revision = revision_new(SLICE("5-1"), SLICE(""), 7, SLICE("me"), SLICE("why"), SLICE("[]"));
	assert_int_equal(rules_save(r, revision, path, &error), 0);
	revision_free(revision);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	assert_int_equal(rules_load(back, path, &saved_at, &revision, &error), 0);
	assert_true(saved_at > 1600000000);
	assert_string_equal(revision->id, "5-1");
	assert_string_equal(revision->why, "why");
	assert_null(revision->delta);
	revision_free(revision);
	assert_int_equal(rules_frontends(back), 2);
	assert_int_equal(rules_backends(back), 2);
	assert_int_equal(rules_refusals(back), 2);
	assert_int_equal(rules_known(back), rules_known(r));
	b = rules_backend_find(back, SLICE("b"));
	assert_int_equal(b->servers_count, 3);
	for (size_t i = 0; i < 3; i++) {
		const struct rules_server *was = &rules_backend_find(r, SLICE("b"))->servers[i];

		assert_string_equal(b->servers[i].text, was->text);
		assert_true(b->servers[i].score >= was->score && b->servers[i].score <= was->score);
	}
	assert_string_equal(b->config[1], "s\xc3\xb6");
	assert_true(rules_is_refused(back, SLICE("frontend:list")));
	rules_free(r);
	rules_free(back);
}

static void
write_file(const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void
test_load_rubbish(void **state)
{
	static const char *const cases[] = {
		"",
		"{",
		"null",
		"[]",
		"{}",
		"{\"format\":\"yett rules "
		"2\",\"saved_at\":1,\"frontends\":{},\"backends\":{},\"refused\":{}}",
		"{\"format\":\"yett rules "
		"1\",\"saved_at\":\"1\",\"frontends\":{},\"backends\":{},\"refused\":{}}",
		"{\"format\":\"yett rules 1\",\"saved_at\":1,\"frontends\":{},\"backends\":{}}",
		"{\"format\":\"yett rules "
		"1\",\"saved_at\":1,\"frontends\":[],\"backends\":{},\"refused\":{}}",
		"{\"format\":\"yett rules "
		"1\",\"saved_at\":1,\"frontends\":{\"a\":1},\"backends\":{},\"refused\":{}}",
		"{\"format\":\"yett rules "
		"1\",\"saved_at\":1,\"frontends\":{},\"backends\":{\"b\":{\"h\":1}},\"refused\":{}"
		"}",
		"{\"format\":\"yett rules "
		"1\",\"saved_at\":1,\"frontends\":{\"a\":\"b\",\"a\":\"b\"},\"backends\":{},"
		"\"refused\":{}}",
		"{\"format\":\"yett rules "
		"1\",\"saved_at\":1,\"frontends\":{},\"backends\":{},\"refused\":{}} x",
		"{\"format\":\"yett rules "
		"1\",\"saved_at\":1,\"frontends\":{\"a\":\"b\"},\"frontends\":{},\"backends\":{},"
		"\"refused\":{}}",
		"{\"format\":\"yett rules "
		"1\",\"saved_at\":1,\"saved_at\":2,\"frontends\":{},\"backends\":{},\"refused\":{}"
		"}",
		"{\"format\":\"yett rules "
		"1\",\"saved_at\":1,\"frontends\":{},\"backends\":{\"b\":{\"h\":\"0\",\"h\":\"1\"}}"
		","
		"\"refused\":{}}",
		"{\"format\":\"yett rules "
		"1\",\"saved_at\":1,\"frontends\":{},\"backends\":{},\"refused\":{},"
		"\"more\":[[[[1]]]]}",
	};
	struct rules *r = rules_new();
	struct revision *revision;
	int64_t saved_at;

	set_frontend(r, "kept.com", "b");
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct buf error BUF_CLEAN = { 0 };

		write_file(cases[i]);
		if (rules_load(r, path, &saved_at, &revision, &error) != -EBADMSG)
			fail_msg("case %zu was taken", i);
		assert_true(error.n > 0);
		assert_int_equal(access(path, F_OK), -1);
		assert_int_equal(access(bad, F_OK), 0);
		assert_int_equal(rules_frontends(r), 1);
	}
	rules_free(r);
}

/* Refused keys may be any bytes. They must not cost us the rest of the file. */
static void
test_keys_that_json_cannot_hold(void **state)
{
	struct rules *r = rules_new(), *back = rules_new();
	struct buf error BUF_CLEAN = { 0 };
	struct revision *revision;
	int64_t saved_at;

	set_frontend(r, "a.com", "b");
	rules_refuse(r, slice_make("frontend:a\0b", 12), "why");
	rules_refuse(r, SLICE("frontend:\xfe"), "why");
	rules_refuse(r, SLICE("frontend:\xff"), "why");
	rules_refuse(r, SLICE("frontend:x\r\n"), "why");
	assert_int_equal(rules_save(r, NULL, path, &error), 0);
	assert_int_equal(rules_load(back, path, &saved_at, &revision, &error), 0);
	assert_int_equal(rules_frontends(back), 1);
	assert_int_equal(rules_refusals(back), 1);
	expect_refused(back, "frontend:x\r\n", "why", false);
	unlink(path);
	rules_free(r);
	rules_free(back);
}

static void
test_load_nothing(void **state)
{
	struct buf error BUF_CLEAN = { 0 };
	struct rules *r = rules_new();
	struct revision *revision;
	int64_t saved_at;

	assert_int_equal(rules_load(r, path, &saved_at, &revision, &error), -ENOENT);
	assert_true(rules_save(r, NULL, "/nonexistent/rules.json", &error) < 0);
	rules_free(r);
}

static void
load_key_by_key(struct rules *r)
{
	struct buf error BUF_CLEAN = { 0 };
	struct rules_loading *l;
	struct revision *revision;
	int64_t saved_at;
	unsigned steps = 0;
	int e;

	assert_int_equal(rules_load_begin(path, &l, &error), 0);
	while ((e = rules_load_go(l, 1, &error)) > 0)
		steps++;
	assert_int_equal(e, 0);
	assert_true(steps > 5);
	rules_load_end(l, r, &saved_at, &revision);
	revision_free(revision);
}

/* What changed behind the file, as much of it as was written as a whole. */
static void
test_save_more(void **state)
{
	struct rules *r = rules_new();
	struct buf error BUF_CLEAN = { 0 }, more BUF_CLEAN = { 0 };
	struct revision *revision;
	char want[DIGEST_TEXT], got[DIGEST_TEXT];
	int64_t saved_at;
	struct stat st;

	buf_addf(&more, "%s.more", path);
	buf_addc(&more, '\0');
	set_frontend(r, "a.com", "b");
	set_frontend(r, "gone.com", "b");
	BACKEND_SET(r, "b", "h:1", "0");
	assert_int_equal(rules_save(r, NULL, path, &error), 0);
	rules_saved(r, true);
	set_frontend(r, "c.com", "b\"\\");
	rules_delete(r, SLICE("frontend:gone.com"));
	assert_int_equal(rules_save_more(r, NULL, path, true, &error), 0);
	rules_saved(r, true);
	BACKEND_SET(r, "b", "h:1", "nan"); /* its last good version stays */
	BACKEND_SET(r, "n", "h:1", "nan");
	assert_int_equal(rules_save_more(r, NULL, path, false, &error), 0);
	rules_saved(r, true);
	rules_digest(r, want);
	rules_free(r);
	r = rules_new();
	load_key_by_key(r);
	rules_digest(r, got);
	assert_string_equal(got, want);
	rules_free(r);
	for (unsigned cut = 0; cut < 4; cut++) {
		r = rules_new();
		assert_int_equal(rules_load(r, path, &saved_at, &revision, &error), 0);
		rules_digest(r, got);
		assert_int_equal(rules_frontends(r), 2);
		if (cut == 0) {
			assert_string_equal(got, want);
			expect_refused(r, "backend:b", "number", true);
			expect_refused(r, "backend:n", "number", false);
		} else if (cut == 1) { /* the second line is torn */
			assert_non_null(rules_frontend_find(r, SLICE("c.com")));
			assert_null(rules_frontend_find(r, SLICE("gone.com")));
			assert_int_equal(rules_refusals(r), 0);
		} else {
			assert_non_null(rules_frontend_find(r, SLICE("gone.com")));
		}
		assert_null(rules_unsaved(r)); /* nothing is written behind what is torn */
		rules_free(r);
		assert_int_equal(stat(more.p, &st), 0);
		assert_int_equal(truncate(more.p, cut == 0 ? st.st_size - 1 : st.st_size / 3), 0);
	}
	/* It stands behind that file alone. */
	assert_int_equal(unlink(more.p), 0);
	r = rules_new();
	assert_int_equal(rules_load(r, path, &saved_at, &revision, &error), 0);
	assert_int_equal(rules_unsaved(r)->count, 0);
	set_frontend(r, "d.com", "b");
	assert_int_equal(rules_save_more(r, NULL, path, true, &error), 0);
	set_frontend(r, "e.com", "b");
	assert_int_equal(rules_save(r, NULL, path, &error), 0);
	rules_delete(r, SLICE("frontend:d.com"));
	rules_free(r);
	r = rules_new();
	assert_int_equal(rules_load(r, path, &saved_at, &revision, &error), 0);
	assert_non_null(rules_frontend_find(r, SLICE("e.com")));
	unlink(more.p);
	unlink(path);
	rules_free(r);
}

static void
test_load_what_is_refused_today(void **state)
{
	struct buf error BUF_CLEAN = { 0 };
	struct rules *r = rules_new();
	struct revision *revision;
	int64_t saved_at;

	write_file("{\"format\":\"yett rules 1\",\"saved_at\":1,\"frontends\":{\"a.com\":\"b\"},"
		   "\"backends\":{\"b\":{\"h:1\":\"many\"}},\"refused\":{}}");
	assert_int_equal(rules_load(r, path, &saved_at, &revision, &error), 0);
	assert_int_equal(rules_frontends(r), 1);
	expect_refused(r, "backend:b", "number", false);
	rules_free(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_servers),
		cmocka_unit_test(test_unix_server),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_backend_of_settings_alone),
		cmocka_unit_test(test_bad_backends),
		cmocka_unit_test(test_refusals_are_told_once),
		cmocka_unit_test(test_drafts),
		cmocka_unit_test(test_drafts_at_random),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_save_and_load),
		cmocka_unit_test(test_load_rubbish),
		cmocka_unit_test(test_keys_that_json_cannot_hold),
		cmocka_unit_test(test_load_nothing),
		cmocka_unit_test(test_save_more),
		cmocka_unit_test(test_load_what_is_refused_today),
	};

	return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
