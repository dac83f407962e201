/* worker/token_answer: what token endpoints say, and what they could say. */

#include "worker/token_answer.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define NOW 1000

static const struct {
	int status;
	const char *body;
	enum token_outcome outcome;
	const char *access, *refresh, *id, *why;
	int64_t expires, refresh_expires;
} cases[] = {
	{ 200,
	  "{\"access_token\":\"a.b-c\",\"token_type\":\"bearer\",\"expires_in\":300,"
	  "\"refresh_token\":\"r\",\"refresh_expires_in\":1800,\"id_token\":\"i\"}",
	  TOKEN_GRANTED, "a.b-c", "r", "i", "", 1300, 2800 },
	{ 200, "{\"access_token\":\"a\"}", TOKEN_GRANTED, "a", "", "", "", INT64_MAX, INT64_MAX },
	{ 200, "{\"access_token\":\"a\",\"expires_in\":1.5,\"refresh_expires_in\":0}",
	  TOKEN_GRANTED, "a", "", "", "", 1001, INT64_MAX },
	{ 200, "{\"access_token\":\"a\",\"expires_in\":-5}", TOKEN_GRANTED, "a", "", "", "",
	  INT64_MAX, INT64_MAX },
	{ 200, "{\"access_token\":\"a\",\"expires_in\":\"300\"}", TOKEN_GRANTED, "a", "", "", "",
	  1300, INT64_MAX },
	{ 200, "{\"access_token\":\"a\",\"expires_in\":\"3x\",\"refresh_expires_in\":\"\"}",
	  TOKEN_GRANTED, "a", "", "", "", INT64_MAX, INT64_MAX },
	{ 200, "{\"access_token\":\"a\",\"expires_in\":\"99999999999999999999\"}", TOKEN_GRANTED,
	  "a", "", "", "", INT64_MAX, INT64_MAX },
	{ 200, "{\"access_token\":\"a\",\"expires_in\":1e300}", TOKEN_GRANTED, "a", "", "", "",
	  INT64_MAX, INT64_MAX },
	{ 200, "{\"access_token\":\"a\",\"token_type\":\"N_A\"}", TOKEN_GRANTED, "a", "", "", "",
	  INT64_MAX, INT64_MAX },
	/* what would break the field that it is written to */
	{ 200, "{\"access_token\":\"a\\r\\nX: y\"}", TOKEN_UNAVAILABLE, NULL, NULL, NULL,
	  "no access token", 0, 0 },
	{ 200, "{\"access_token\":\"a b\"}", TOKEN_UNAVAILABLE, NULL, NULL, NULL, "no access token",
	  0, 0 },
	{ 200, "{\"access_token\":\"\\u00e4\"}", TOKEN_UNAVAILABLE, NULL, NULL, NULL,
	  "no access token", 0, 0 },
	{ 200, "{\"access_token\":\"a\",\"refresh_token\":\"x\\ny\",\"id_token\":7}", TOKEN_GRANTED,
	  "a", "", "", "", INT64_MAX, INT64_MAX },
	{ 200, "{\"access_token\":[\"a\"]}", TOKEN_UNAVAILABLE, NULL, NULL, NULL, "no access token",
	  0, 0 },
	{ 200, "{\"access_token\":\"a\",\"access_token\":\"b\"}", TOKEN_UNAVAILABLE, NULL, NULL,
	  NULL, "no JSON", 0, 0 },
	{ 200, "{\"access_token\":\"a\",\"token_type\":\"mac\"}", TOKEN_UNAVAILABLE, NULL, NULL,
	  NULL, "not Bearer", 0, 0 },
	{ 200, "{\"error\":\"invalid_grant\"}", TOKEN_UNAVAILABLE, NULL, NULL, NULL,
	  "no access token", 0, 0 },
	{ 200, "", TOKEN_UNAVAILABLE, NULL, NULL, NULL, "no JSON", 0, 0 },
	{ 200, "[]", TOKEN_UNAVAILABLE, NULL, NULL, NULL, "no access token", 0, 0 },
	{ 200, "<html>", TOKEN_UNAVAILABLE, NULL, NULL, NULL, "no JSON", 0, 0 },
	{ 400, "{\"error\":\"invalid_grant\",\"error_description\":\"secret\"}", TOKEN_GONE, NULL,
	  NULL, NULL, "it answers 400: invalid_grant", 0, 0 },
	{ 401, "{\"error\":\"invalid_client\"}", TOKEN_REFUSED, NULL, NULL, NULL,
	  "it answers 401: invalid_client", 0, 0 },
	{ 400, "{\"error\":\"a\\\"b\\\\c\"}", TOKEN_REFUSED, NULL, NULL, NULL,
	  "it answers 400: a?b?c", 0, 0 },
	{ 400, "{\"error\":\"a\\nb\"}", TOKEN_REFUSED, NULL, NULL, NULL, "it answers 400", 0, 0 },
	{ 403, "no", TOKEN_REFUSED, NULL, NULL, NULL, "it answers 403", 0, 0 },
	{ 302, "", TOKEN_REFUSED, NULL, NULL, NULL, "it answers 302", 0, 0 },
	{ 500, "{\"error\":\"invalid_grant\"}", TOKEN_UNAVAILABLE, NULL, NULL, NULL,
	  "it answers 500", 0, 0 },
	{ 429, "", TOKEN_UNAVAILABLE, NULL, NULL, NULL, "it answers 429", 0, 0 },
	{ -EDESTADDRREQ, "", TOKEN_UNAVAILABLE, NULL, NULL, NULL, "is not known", 0, 0 },
	{ -ETIMEDOUT, "", TOKEN_UNAVAILABLE, NULL, NULL, NULL, "Connection timed out", 0, 0 },
};

static void
assert_text(struct slice s, const char *want)
{
	assert_int_equal(s.n, strlen(want));
	assert_memory_equal(s.p ? s.p : "", want, s.n);
}

static void
test_cases(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct token_answer a;

		assert_int_equal(
		    token_answer_read(cases[i].status, slice_of(cases[i].body), NOW, &a),
		    cases[i].outcome);
		if (cases[i].outcome == TOKEN_GRANTED) {
			assert_text(a.access, cases[i].access);
			assert_text(a.refresh, cases[i].refresh);
			assert_text(a.id_token, cases[i].id);
			assert_int_equal(a.expires, cases[i].expires);
			assert_int_equal(a.refresh_expires, cases[i].refresh_expires);
		} else {
			assert_non_null(strstr(a.why, cases[i].why));
			assert_null(strstr(a.why, "secret"));
		}
		token_answer_deinit(&a);
	}
}

/* Larger than any answer may be, and as large as that. */
static void
test_size(void **state)
{
	static char body[TOKEN_ANSWER_MAX + 64];
	static const char head[] = "{\"access_token\":\"";
	struct token_answer a;

	for (size_t n = TOKEN_ANSWER_MAX; n <= TOKEN_ANSWER_MAX + 1; n++) {
		memset(body, 'x', n);
		memcpy(body, head, sizeof head - 1);
		memcpy(body + n - 2, "\"}", 2);
		assert_int_equal(token_answer_read(200, slice_make(body, n), NOW, &a),
				 n > TOKEN_ANSWER_MAX ? TOKEN_UNAVAILABLE : TOKEN_GRANTED);
		token_answer_deinit(&a);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
