/* login: what goes to a provider and comes back, what is remembered meanwhile, and what people see
 * of it. */

#include "worker/login_page.h"
#include "worker/login_state.h"
#include "worker/login_url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static struct arena arena;

static void
assert_text(struct slice got, const char *want)
{
	if (!slice_eq(got, slice_of(want)))
		fail_msg("\"%.*s\" in the place of \"%s\"", SLICE_F(got), want);
}

static void
test_parameters(void **state)
{
	static const struct {
		const char *all;
		unsigned n;
		const char *value; /* of "a" */
	} cases[] = {
		{ "a=1", 1, "1" },
		{ "b=2&a=1&c", 1, "1" },
		{ "a", 1, "" },
		{ "a=", 1, "" },
		{ "a=1&a=2", 2, "1" },
		{ "a=%2Fx%3Fy%3D1%26z", 1, "/x?y=1&z" },
		{ "a=b+c%2B", 1, "b c+" },
		{ "a=b=c", 1, "b=c" },
		{ "a=%zz%", 1, "%zz%" },
		{ "&&a=1&", 1, "1" },
		{ "A=1", 0, NULL },
		{ "aa=1", 0, NULL },
		{ "%61=1", 0, NULL }, /* nobody writes names so but to be read in two ways */
		{ "=a", 0, NULL },
		{ "", 0, NULL },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct slice value;

		assert_int_equal(login_parameter(&arena, slice_of(cases[i].all), "a", &value),
				 cases[i].n);
		if (cases[i].value)
			assert_text(value, cases[i].value);
		else
			assert_null(value.p);
	}
}

static void
test_many_parameters(void **state)
{
	struct slice values[2];

	assert_int_equal(login_parameters(&arena, SLICE("a=1&b=0&a=2&a=3"), "a", values, 2), 3);
	assert_text(values[0], "1");
	assert_text(values[1], "2");
}

/* RFC 7636, appendix B. */
static void
test_challenge(void **state)
{
	char text[44];

	assert_true(login_challenge(SLICE("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"), text));
	assert_string_equal(text, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
}

static void
test_authorization_url(void **state)
{
	struct login_state s = { .verifier = SLICE("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
				 .nonce = SLICE("no&nce") };
	struct table_provider p = { .flags = 0 };
	struct buf BUF_CLEAN url = { 0 };
	struct table_builder b;
	struct segment *rules;

	table_builder_init(&b);
	p.client_id = seg_builder_string(&b.seg, SLICE("the client"));
	p.scope = seg_builder_string(&b.seg, SLICE("openid profile"));
	p.redirect_uri = seg_builder_string(&b.seg, SLICE("https://a.example/auth/callback"));
	p.authorization = seg_builder_string(&b.seg, SLICE("https://idp.example/authorize"));
	p.parameters = seg_builder_string(&b.seg, SLICE("&prompt=login"));
	seg_builder_add(&b.seg, RULES_PROVIDERS, &p, sizeof p);
	p.authorization = seg_builder_string(&b.seg, SLICE("https://idp.example/a?tenant=1"));
	seg_builder_add(&b.seg, RULES_PROVIDERS, &p, sizeof p);
	assert_int_equal(table_builder_finish(&b, 1, &rules), 0);
	table_builder_deinit(&b);
	assert_true(
	    login_authorization_url(rules, table_provider(rules, 0), &s, SLICE("st"), &url));
	assert_text(buf_slice(&url),
		    "https://idp.example/authorize?response_type=code&client_id=the%20client"
		    "&redirect_uri=https%3A%2F%2Fa.example%2Fauth%2Fcallback&scope=openid%20profile"
		    "&state=st&nonce=no%26nce"
		    "&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
		    "&code_challenge_method=S256&prompt=login");
	url.n = 0;
	assert_true(
	    login_authorization_url(rules, table_provider(rules, 1), &s, SLICE("st"), &url));
	assert_true(slice_starts(buf_slice(&url),
				 SLICE("https://idp.example/a?tenant=1&response_type=code&")));
	seg_unref(rules);
}

/* ---- the state ---- */

static struct segment *
keys_of(const char *first, const char *second)
{
	struct seg_builder b;
	struct segment *keys;

	seg_builder_init(&b);
	for (int i = 0; i < 2; i++) {
		const char *text = i == 0 ? first : second;
		struct table_secret row = { .kind = SECRET_COOKIE };

		if (!text)
			continue;
		row.bytes = seg_builder_string(&b, slice_of(text));
		seg_builder_add(&b, KEYS_SECRETS, &row, sizeof row);
	}
	assert_int_equal(seg_builder_finish(&b, SEGMENT_KEYS, 1, &keys), 0);
	seg_builder_deinit(&b);
	return keys;
}

static const struct login_state full = {
	.logout = true,
	.begun = 1700000000,
	.place = { "/a\"b?c", 6 },
	.providers = { { "one", 3 }, { "two", 3 } },
	.count = 2,
	.verifier = { "v", 1 },
	.nonce = { "n", 1 },
	.first = { "one", 3 },
	.sub = { "\xc3\xa4", 2 },
	.hints = { { "e.y.J", 5 }, { "", 0 } },
};

static void
test_state(void **state)
{
	struct segment *keys = keys_of("0123456789abcdef0123456789abcdef", NULL);
	struct buf BUF_CLEAN closed = { 0 };
	struct login_state s;

	assert_true(login_state_close(keys, SLICE("record/key"), &full, &closed));
	assert_null(memmem(closed.p, closed.n, "one", 3));
	assert_true(login_state_open(keys, SLICE("record/key"), buf_slice(&closed), &arena, &s));
	assert_true(s.logout);
	assert_int_equal(s.begun, full.begun);
	assert_int_equal(s.count, 2);
	assert_text(s.place, "/a\"b?c");
	assert_text(s.providers[1], "two");
	assert_text(s.verifier, "v");
	assert_text(s.nonce, "n");
	assert_text(s.first, "one");
	assert_text(s.sub, "\xc3\xa4");
	assert_text(s.hints[0], "e.y.J");
	assert_text(s.hints[1], "");
	seg_unref(keys);
}

/* Elsewhere, changed, cut, or by nobody's key, it is nothing. */
static void
test_state_is_sealed(void **state)
{
	struct segment *keys = keys_of("0123456789abcdef0123456789abcdef", NULL),
		       *newer = keys_of("another key of 32 bytes or so...",
					"0123456789abcdef0123456789abcdef"),
		       *others = keys_of("another key of 32 bytes or so...", NULL);
	struct buf BUF_CLEAN closed = { 0 };
	struct slice bound = SLICE("record/key"), text;
	struct login_state s;

	assert_true(login_state_close(keys, bound, &full, &closed));
	text = buf_slice(&closed);
	assert_true(login_state_open(newer, bound, text, &arena, &s));
	assert_false(login_state_open(others, bound, text, &arena, &s));
	assert_false(login_state_open(keys, SLICE("record/other"), text, &arena, &s));
	assert_false(login_state_open(keys, bound, slice_make(text.p, text.n - 1), &arena, &s));
	assert_false(login_state_open(keys, bound, slice_make(text.p, 10), &arena, &s));
	assert_false(login_state_open(keys, bound, SLICE(""), &arena, &s));
	closed.p[closed.n / 2] = closed.p[closed.n / 2] == 'A' ? 'B' : 'A';
	assert_false(login_state_open(keys, bound, text, &arena, &s));
	seg_unref(keys);
	seg_unref(newer);
	seg_unref(others);
}

/* ---- pages ---- */

static void
test_page_escapes(void **state)
{
	const struct login_page page = {
		.title = "A title",
		.text = SLICE("<script>alert('x')</script>&\""),
		.reason = "login_denied",
		.id = SLICE("<id>"),
		.first = { .label = "On", .href = SLICE("/x?a=1&b=\"><script>") },
		.second = { .label = "Out",
			    .href = SLICE("/out"),
			    .post = true,
			    .place = SLICE("/\"><script>") },
	};
	struct buf BUF_CLEAN html = { 0 };

	login_page_write(&page, &html);
	assert_null(memmem(html.p, html.n, "<script", 7));
	assert_null(memmem(html.p, html.n, "<id>", 4));
	assert_non_null(memmem(html.p, html.n, "&lt;script&gt;alert(&#39;x&#39;)", 32));
	assert_non_null(memmem(html.p, html.n, "/x?a=1&amp;b=&quot;&gt;", 23));
	assert_non_null(memmem(html.p, html.n, "value=\"/&quot;&gt;&lt;script&gt;\"", 33));
	assert_non_null(memmem(html.p, html.n, "login_denied", 12));
}

static int
teardown(void **state)
{
	arena_deinit(&arena);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parameters),   cmocka_unit_test(test_many_parameters),
		cmocka_unit_test(test_challenge),    cmocka_unit_test(test_authorization_url),
		cmocka_unit_test(test_state),        cmocka_unit_test(test_state_is_sealed),
		cmocka_unit_test(test_page_escapes),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
