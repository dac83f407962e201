/* session_record: what stands in Redis becomes a session, or is none; and how long it lives. */

#include "worker/session_record.h"

#include "lib/redis_reader.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define ID "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define NEVER INT64_MAX

/* A hash of these words, as Redis sends it. */
static struct redis_reply *
hash(const char *const *words)
{
	struct redis_reader *reader = redis_reader_new();
	struct redis_reply *reply = NULL;
	struct buf text = { 0 };
	const char *why;
	size_t n = 0;

	while (words[n])
		n++;
	buf_addf(&text, "*%zu\r\n", n);
	for (size_t i = 0; i < n; i++)
		buf_addf(&text, "$%zu\r\n%s\r\n", strlen(words[i]), words[i]);
	redis_reader_feed(reader, buf_slice(&text));
	assert_int_equal(redis_reader_next(reader, &reply, &why), 0);
	redis_reader_free(reader);
	buf_deinit(&text);
	return reply;
}

struct fields {
	const char *id, *created, *expires, *idle, *max, *user, *tokens;
};

static int
read_fields(const struct fields *f, struct session_record *out)
{
	const char *const names[] = {
		"ID",     "CreatedAt", "ExpiresAt", "IdleTTLSeconds", "MaxTTLSeconds",
		"UserID", "TokenIDs"
	};
	const char *const values[] = { f->id,  f->created, f->expires, f->idle,
				       f->max, f->user,    f->tokens };
	const char *words[15];
	struct redis_reply *reply;
	size_t n = 0;
	int r;

	for (size_t i = 0; i < 7; i++) {
		if (!values[i])
			continue;
		words[n++] = names[i];
		words[n++] = values[i];
	}
	words[n] = NULL;
	reply = hash(words);
	r = session_record_read(reply, SLICE(ID), out);
	if (r == 0) { /* the reply goes */
		assert_int_equal(out->created, 1764262800);
		session_record_deinit(out);
	}
	redis_reply_free(reply);
	return r;
}

static const struct fields good = { ID,
				    "2025-11-27T17:00:00Z",
				    "2025-11-27T21:00:00Z",
				    "14400",
				    "86400",
				    "u",
				    "{\"renku\":\"renku:x\",\"gitlab\":\"gitlab:y\"}" };

static void
test_records(void **state)
{
	struct session_record out;

	assert_int_equal(read_fields(&good, &out), 0);
#define BAD(member, value)                                                                         \
	do {                                                                                       \
		struct fields f = good;                                                            \
		f.member = (value);                                                                \
		assert_int_equal(read_fields(&f, &out), -EBADMSG);                                 \
	} while (0)
#define GOOD(member, value)                                                                        \
	do {                                                                                       \
		struct fields f = good;                                                            \
		f.member = (value);                                                                \
		assert_int_equal(read_fields(&f, &out), 0);                                        \
	} while (0)
	BAD(id, NULL);
	BAD(id, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE"); /* another one's record */
	BAD(created, NULL);
	BAD(created, "yesterday");
	BAD(created, "2025-02-30T00:00:00Z");
	BAD(expires, "");
	GOOD(expires, "never");
	BAD(idle, "-1");
	BAD(idle, "4294967296");
	BAD(idle, "1 ");
	GOOD(idle, "0");
	GOOD(max, "0");
	BAD(max, NULL);
	BAD(user, NULL);
	GOOD(user, "");
	BAD(tokens, NULL);
	BAD(tokens, "");
	BAD(tokens, "[]");
	GOOD(tokens, "{}");
	BAD(tokens, "{\"renku\":1}");
	BAD(tokens, "{\"renku\":\"gitlab:y\"}"); /* tokens of another provider */
	BAD(tokens, "{\"renku\":\"renku:\"}");
	BAD(tokens, "{\"renku\":\"renku\"}");
	BAD(tokens, "{\"renku\":\"renku:x\",\"renku\":\"renku:z\"}");
	BAD(tokens, "{\"\":\":x\"}");
}

static void
test_absent(void **state)
{
	const char *const none[] = { NULL };
	struct redis_reply *reply = hash(none);
	struct redis_reply fault = { .type = REDIS_FAILED, .text = SLICE("WRONGTYPE") };
	struct session_record out;
	struct token_record token;

	assert_int_equal(session_record_read(reply, SLICE(ID), &out), -ENOENT);
	assert_int_equal(token_record_read(reply, SLICE("renku:x"), &token), -ENOENT);
	assert_int_equal(session_record_read(&fault, SLICE(ID), &out), -EBADMSG);
	assert_int_equal(token_record_read(&fault, SLICE("renku:x"), &token), -EBADMSG);
	redis_reply_free(reply);
}

static void
test_order(void **state)
{
	const char *const words[] = { "ID",
				      ID,
				      "CreatedAt",
				      "1",
				      "ExpiresAt",
				      "never",
				      "IdleTTLSeconds",
				      "0",
				      "MaxTTLSeconds",
				      "0",
				      "UserID",
				      "u",
				      "TokenIDs",
				      "{\"z\":\"z:1\",\"a\":\"a:2\"}",
				      NULL };
	struct redis_reply *reply = hash(words);
	struct session_record out;

	assert_int_equal(session_record_read(reply, SLICE(ID), &out), 0);
	assert_int_equal(out.held_n, 2);
	assert_true(slice_eq(out.held[0].provider, SLICE("z"))); /* the first is whose it is */
	assert_true(slice_eq(out.held[1].tid, SLICE("a:2")));
	assert_true(out.expires == NEVER);
	session_record_deinit(&out);
	redis_reply_free(reply);
}

static void
test_token(void **state)
{
	const char *const words[] = { "ID",        "renku:x", "Value", "sealed", "Subject", "u",
				      "ExpiresAt", "100",     "Fence", "7",      NULL };
	const char *const fenced[] = { "ID",        "renku:x", "Value", "sealed", "Subject", "u",
				       "ExpiresAt", "100",     "Fence", "-7",     NULL };
	struct redis_reply *reply = hash(words), *bad = hash(fenced);
	struct token_record out;

	assert_int_equal(token_record_read(reply, SLICE("renku:x"), &out), 0);
	assert_int_equal(out.fence, 7);
	assert_int_equal(out.expires, 100);
	assert_int_equal(token_record_read(reply, SLICE("renku:y"), &out), -EBADMSG);
	assert_int_equal(token_record_read(bad, SLICE("renku:x"), &out), -EBADMSG);
	redis_reply_free(reply);
	redis_reply_free(bad);
}

/* ExpiresAt = min(now + idle, CreatedAt + max); 0 is no limit. */
static void
test_touched(void **state)
{
	static const struct {
		int64_t now, created;
		uint32_t idle, max;
		int64_t expires;
	} cases[] = {
		{ 1000, 1000, 14400, 86400, 15400 },  /* new */
		{ 11000, 1000, 14400, 86400, 25400 }, /* used */
		{ 80000, 1000, 14400, 86400, 87400 }, /* the end is near */
		{ 87400, 1000, 14400, 86400, 87400 }, /* at the end */
		{ 80000, 1000, 14400, 0, 94400 },     /* idle alone */
		{ 80000, 1000, 0, 86400, 87400 },     /* max alone */
		{ 80000, 1000, 0, 0, NEVER },         /* for ever */
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_true(session_touched(cases[i].now, cases[i].created, cases[i].idle,
					    cases[i].max) == cases[i].expires);
}

static void
test_due(void **state)
{
	assert_false(session_is_due(1004, 1000, 0, 0, 5));
	assert_true(session_is_due(1005, 1000, 0, 0, 5));
	assert_false(session_is_due(1000, 1000, 0, 0, 0));
	assert_false(session_is_due(900, 1000, 0, 0, 0));     /* the clock went back */
	assert_true(session_is_due(1001, 1000, 501, 500, 5)); /* the last that there is to write */
	assert_false(session_is_due(NEVER, NEVER, 0, 0, 5));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_records), cmocka_unit_test(test_absent),
		cmocka_unit_test(test_order),   cmocka_unit_test(test_token),
		cmocka_unit_test(test_touched), cmocka_unit_test(test_due),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
