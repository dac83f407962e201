/* issuers: URLs that keys may come from, sets whose order does not matter, and sets that come back
 * from the disk, good and damaged. What is fetched, when and how often is in
 * tests/e2e/test_issuers.py. */

#include "master/issuer_set.h"
#include "master/issuers_own.h"
#include "master/url.h"

#include "lib/buf.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <uv.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define EC                                                                                         \
	"\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\","  \
	"\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\""
#define ED                                                                                         \
	"\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_"                               \
	"7TyWQHOg7hcvPapiMlrwIaaPcHURo\""
#define ALGORITHMS (1u << JWT_ES256 | 1u << JWT_EDDSA)

static void
urls_are_read(void **state)
{
	static const struct {
		const char *url, *host, *authority, *path; /* host NULL: refused */
		uint16_t port;
	} cases[] = {
		{ "https://id.example/keys", "id.example", "id.example", "/keys", 443 },
		{ "https://ID.example:443/a?b=c", "id.example", "id.example", "/a?b=c", 443 },
		{ "http://id.example:8080", "id.example", "id.example:8080", "/", 8080 },
		{ "https://id.example?x", "id.example", "id.example", "/?x", 443 },
		{ "https://[::1]:1/", "::1", "[::1]:1", "/", 1 },
		{ "https://user@id.example/", NULL, NULL, NULL, 0 },
		{ "https://id.example/a#b", NULL, NULL, NULL, 0 },
		{ "https://id.example/a b", NULL, NULL, NULL, 0 },
		{ "https://id.example/a\r\nX: y", NULL, NULL, NULL, 0 },
		{ "https://id.example\\@else/", NULL, NULL, NULL, 0 },
		{ "https:///keys", NULL, NULL, NULL, 0 },
		{ "https://", NULL, NULL, NULL, 0 },
		{ "https://id.example:0/", NULL, NULL, NULL, 0 },
		{ "https://id.example:65536/", NULL, NULL, NULL, 0 },
		{ "HTTPS://id.example/", NULL, NULL, NULL, 0 },
		{ "ftp://id.example/", NULL, NULL, NULL, 0 },
		{ "//id.example/", NULL, NULL, NULL, 0 },
		{ "", NULL, NULL, NULL, 0 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct arena arena = { 0 };
		struct config_url url;
		const char *why = url_parse(&arena, slice_of(cases[i].url), &url);

		if (!why != (cases[i].host != NULL))
			fail_msg("%s: %s", cases[i].url, why ? why : "taken");
		if (!why) {
			assert_string_equal(url.host, cases[i].host);
			assert_string_equal(url.authority, cases[i].authority);
			assert_string_equal(url.path, cases[i].path);
			assert_int_equal(url.port, cases[i].port);
		}
		arena_deinit(&arena);
	}
}

static void
order_does_not_matter(void **state)
{
	struct issuer_set a, b, c;

	assert_null(issuer_set_read(
	    SLICE("{\"keys\":[{" EC ",\"kid\":\"1\"},{" ED ",\"kid\":\"2\"}]}"), ALGORITHMS, &a));
	assert_null(issuer_set_read(SLICE("{\"x\":1,\"keys\":[{\"kid\":\"2\"," ED "},{}, {" EC
					  ",\"kid\":\"1\",\"use\":\"sig\"}]}"),
				    ALGORITHMS, &b));
	assert_null(issuer_set_read(
	    SLICE("{\"keys\":[{" EC ",\"kid\":\"2\"},{" ED ",\"kid\":\"1\"}]}"), ALGORITHMS, &c));
	assert_memory_equal(a.digest, b.digest, sizeof a.digest);
	assert_memory_not_equal(a.digest, c.digest, sizeof a.digest);
	issuer_set_deinit(&a);
	issuer_set_deinit(&b);
	issuer_set_deinit(&c);
	assert_non_null(issuer_set_read(SLICE("{\"keys\":[{" EC "}]}"), 1u << JWT_RS256, &a));
	assert_non_null(strstr(a.doubt, "fits none"));
	assert_non_null(issuer_set_read(SLICE("{\"keys\":[]}"), ALGORITHMS, &a));
	assert_non_null(issuer_set_read(SLICE("[]"), ALGORITHMS, &a));
}

/* ---- last known good ---- */

static const struct config_issuer corp = { .name = "corp",
					   .iss = "https://corp",
					   .algorithms = ALGORITHMS,
					   .jwks_uri = "https://corp/keys" };

static struct issuer *
issuer_of(struct issuers *is, const struct config_issuer *config)
{
	struct issuer *i = xcalloc(1, sizeof *i);

	*is = (struct issuers){ .count = 1 };
	is->all = xcalloc(1, sizeof(struct issuer *));
	is->all[0] = i;
	i->of = is;
	i->config = config;
	i->id = issuers_id(config);
	return i;
}

static void
forget(struct issuers *is)
{
	issuer_set_deinit(&is->all[0]->set);
	free(is->all[0]);
	free(is->all);
}

static void
sets_come_back(void **state)
{
	struct config_issuer changes[] = { corp, corp, corp, corp };
	struct issuers before, after;
	struct issuer *i = issuer_of(&before, &corp);
	BUF_CLEAN struct buf text = { 0 };

	assert_null(issuer_set_read(SLICE("{\"keys\":[{" EC ",\"kid\":\"a\\\"\\\\b\"},{" ED "}]}"),
				    ALGORITHMS, &i->set));
	i->known = true;
	i->fetched_wall = 1000;
	issuers_write(&before, &text);
	i = issuer_of(&after, &corp);
	assert_int_equal(issuers_remember(&after, buf_slice(&text)), 0);
	assert_true(i->known && i->remembered);
	assert_int_equal(i->fetched_wall, 1000);
	assert_memory_equal(i->set.digest, before.all[0]->set.digest, sizeof i->set.digest);
	forget(&after);
	changes[0].iss = "https://Corp";
	changes[1].jwks_uri = "https://corp/keys2";
	changes[2].name = "other";
	changes[3].algorithms = 1u << JWT_RS256;
	for (size_t k = 0; k < COUNT(changes); k++) {
		i = issuer_of(&after, &changes[k]);
		assert_int_equal(issuers_remember(&after, buf_slice(&text)), 0);
		assert_false(i->known);
		forget(&after);
	}
	forget(&before);
}

/* Nothing in the file makes a key that a fetched set could not have had. */
static void
damaged_sets_do_not(void **state)
{
	static const char *const keys[] = {
		"",
		"{}",
		"{\"algorithms\":[\"ES256\"],\"pem\":\"x\"}",
		"{\"algorithms\":[\"HS256\"],\"pem\":\"secret\"}",
		"{\"algorithms\":[],\"pem\":\"x\"}",
		"{\"algorithms\":\"ES256\",\"pem\":1}",
		"7",
	};

	for (size_t k = 0; k < COUNT(keys); k++) {
		BUF_CLEAN struct buf text = { 0 };
		struct issuers is;
		struct issuer *i = issuer_of(&is, &corp);

		buf_addf(&text,
			 "{\"issuers\":[{\"id\":\"%016llx\",\"fetched\":1000,\"keys\":[%s]}]}",
			 (unsigned long long)i->id, keys[k]);
		assert_int_equal(issuers_remember(&is, buf_slice(&text)), 0);
		assert_false(i->known);
		assert_int_equal(issuers_remember(&is, slice_make(text.p, text.n - 1)), -EBADMSG);
		forget(&is);
	}
}

static void
on_set(void *userdata, const char *why, struct issuer_set *set)
{
	++*(int *)userdata;
}

/* Of a thread that nobody waits for any more it is known that it works. */
static void
work_that_is_cancelled(void **state)
{
	const struct slice text = SLICE("{\"keys\":[{" EC "}]}");
	struct issuer_work *cancelled;
	uv_loop_t loop;
	int heard = 0;

	(void)state;
	assert_int_equal(uv_loop_init(&loop), 0);
	assert_false(issuer_work_any());
	cancelled = issuer_work_start(&loop, text, ALGORITHMS, on_set, &heard);
	assert_non_null(issuer_work_start(&loop, text, ALGORITHMS, on_set, &heard));
	assert_non_null(cancelled);
	issuer_work_cancel(cancelled, false);
	while (heard == 0)
		uv_run(&loop, UV_RUN_ONCE);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(heard, 1);
	assert_false(issuer_work_any());
	cancelled = issuer_work_start(&loop, text, ALGORITHMS, on_set, &heard);
	issuer_work_cancel(cancelled, false);
	assert_true(issuer_work_any());
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_false(issuer_work_any());
	assert_int_equal(heard, 1);
	assert_int_equal(uv_loop_close(&loop), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(urls_are_read),          cmocka_unit_test(order_does_not_matter),
		cmocka_unit_test(sets_come_back),         cmocka_unit_test(damaged_sets_do_not),
		cmocka_unit_test(work_that_is_cancelled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
