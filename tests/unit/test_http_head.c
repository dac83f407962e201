/* Conversations: each is parsed whole, and again in every split of two, and byte by byte; the
 * outcome is the same. */

#include "lib/http_head.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct http_limits limits = { .head_bytes = 256, .uri_bytes = 64, .fields = 8 };

#define LONG_VALUE                                                                                 \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
	"aaaaaaaaaaaaaaaaaaaa"

struct example {
	llhttp_type_t type;
	const char *in;
	int outcome;      /* of the whole */
	const char *seen; /* "METHOD|url|name=value;...|body" or "status|reason|...|body" */
	bool end;         /* the peer ends afterwards */
	bool head_request;
};

static const struct example examples[] = {
	{ HTTP_REQUEST, "GET /a?b HTTP/1.1\r\nHost: x\r\nA:\r\nB:  y \t\r\n\r\n", HTTP_OK,
	  "GET|/a?b|Host=x;A=;B=y;|" },
	{ HTTP_REQUEST, "\r\nGET / HTTP/1.1\r\n\r\n", HTTP_OK, "GET|/||" },
	{ HTTP_REQUEST, "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", HTTP_OK,
	  "POST|/|Content-Length=3;|abc" },
	{ HTTP_REQUEST,
	  "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nT: "
	  "1\r\n\r\n",
	  HTTP_OK, "POST|/|Transfer-Encoding=chunked;|abcde" },
	{ HTTP_REQUEST,
	  "GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", HTTP_OK,
	  "GET|/|Host=x;Connection=upgrade;Upgrade=websocket;|" },
	{ HTTP_REQUEST, "GET / HTTP/1.1\nHost: x\n\n", HTTP_BAD, "" },
	{ HTTP_REQUEST, "GET / HTTP/1.1\r\nHost : x\r\n\r\n", HTTP_BAD, "" },
	{ HTTP_REQUEST, "GET / HTTP/1.1\r\nA: x\r\n y\r\n\r\n", HTTP_BAD, "" },
	{ HTTP_REQUEST, "GET / HTTP/1.1\r\nA: x\ry\r\n\r\n", HTTP_BAD, "" },
	{ HTTP_REQUEST, "GET / HTTP/1.1\r\nA: x\x01y\r\n\r\n", HTTP_BAD, "" },
	{ HTTP_REQUEST, "GET / HTTP/1.2\r\n\r\n", HTTP_BAD_VERSION, "" },
	{ HTTP_REQUEST, "FROB / HTTP/1.1\r\n\r\n", HTTP_BAD_METHOD, "" },
	{ HTTP_REQUEST, "\x16\x03\x01", HTTP_BAD, "" },
	{ HTTP_REQUEST, "POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
	  HTTP_BAD_FRAMING, "" },
	{ HTTP_REQUEST,
	  "POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
	  HTTP_BAD_FRAMING, "" },
	{ HTTP_REQUEST, "POST / HTTP/1.1\r\nContent-Length: 3x\r\n\r\n", HTTP_BAD_FRAMING, "" },
	{ HTTP_REQUEST, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
	  HTTP_BAD_BODY, "" },
	{ HTTP_REQUEST, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n",
	  HTTP_BAD_BODY, "" },
	{ HTTP_REQUEST, "GET /" LONG_VALUE " HTTP/1.1\r\n\r\n", HTTP_URI_LONG, "" },
	{ HTTP_REQUEST, "GET / HTTP/1.1\r\nA: " LONG_VALUE LONG_VALUE LONG_VALUE "\r\n\r\n",
	  HTTP_HEAD_LONG, "" },
	{ HTTP_REQUEST,
	  "GET / HTTP/1.1\r\na: 1\r\nb: 1\r\nc: 1\r\nd: 1\r\ne: 1\r\nf: 1\r\ng: 1\r\nh: 1\r\ni: "
	  "1\r\n\r\n",
	  HTTP_FIELDS_MANY, "" },
	{ HTTP_RESPONSE, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", HTTP_OK,
	  "200|OK|Content-Length=2;|hi" },
	{ HTTP_RESPONSE, "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", HTTP_OK,
	  "200||Content-Length=0;|" },
	{ HTTP_RESPONSE, "HTTP/1.1 204 No Content\r\n\r\n", HTTP_OK, "204|No Content||" },
	{ HTTP_RESPONSE, "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", HTTP_OK,
	  "304|Not Modified|Content-Length=7;|" },
	{ HTTP_RESPONSE, "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n", HTTP_OK,
	  "200|OK|Content-Length=7;|", .head_request = true },
	{ HTTP_RESPONSE, "HTTP/1.0 200 OK\r\n\r\nall the rest", HTTP_OK, "200|OK||all the rest",
	  .end = true },
	{ HTTP_RESPONSE, "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nabc", HTTP_BAD_BODY, "",
	  .end = true },
	{ HTTP_RESPONSE, "HTTP/1.1 200 OK\r\nConten", HTTP_BAD, "", .end = true },
	{ HTTP_RESPONSE, "HTTP/1.1 150 X\r\nContent-Length: 7\r\n\r\n", HTTP_OK,
	  "150|X|Content-Length=7;|" },
	{ HTTP_RESPONSE, "HTTP/1.1 20 OK\r\n\r\n", HTTP_BAD, "" },
	{ HTTP_RESPONSE, "hello\r\n\r\n", HTTP_BAD, "" },
};

static struct http_scratch scratch;
static char body[1024];
static size_t body_n;

/* Feeds one read, which lies in memory that is gone afterwards. */
static int
feed(struct http_parser *p, const char *bytes, size_t n)
{
	char *copy = malloc(n ? n : 1);
	struct slice rest = { copy, n };
	int outcome = HTTP_OK;

	memset(&scratch, 0xee, sizeof scratch); /* another parser used it meanwhile */
	memcpy(copy, bytes, n);
	while (rest.n > 0 && !p->done) {
		size_t used;

		outcome = http_parse(p, rest, &used);
		if (outcome < 0)
			break;
		for (unsigned i = 0; i < p->spans_n; i++) {
			memcpy(body + body_n, p->spans[i].p, p->spans[i].n);
			body_n += p->spans[i].n;
		}
		rest.p += used;
		rest.n -= used;
	}
	http_parser_keep(p);
	free(copy);
	return outcome;
}

static void
describe(const struct http_parser *p, const struct example *e, char *out, size_t cap)
{
	size_t n = 0;

	if (e->type == HTTP_REQUEST)
		n += (size_t)snprintf(out, cap, "%.*s|%.*s|", SLICE_F(http_method(p)),
				      SLICE_F(http_url(p)));
	else
		n += (size_t)snprintf(out, cap, "%d|%.*s|", p->llhttp.status_code,
				      SLICE_F(http_at(p, p->reason, p->reason_n)));
	for (int i = 0; i < p->fields_n; i++)
		n += (size_t)snprintf(out + n, cap - n, "%.*s=%.*s;",
				      SLICE_F(http_name(p, &p->fields[i])),
				      SLICE_F(http_value(p, &p->fields[i])));
	snprintf(out + n, cap - n, "|%.*s", (int)body_n, body);
}

static void
run(const struct example *e, struct http_parser *p, size_t step, size_t first)
{
	size_t n = strlen(e->in), at = 0;
	int outcome = HTTP_OK;
	char seen[2048];

	http_parser_reset(p);
	p->head_request = e->head_request;
	body_n = 0;
	while (at < n && outcome >= 0) {
		size_t take = at == 0 && first ? first : step;

		take = take < n - at ? take : n - at;
		outcome = feed(p, e->in + at, take);
		at += take;
	}
	if (outcome >= 0 && e->end)
		outcome = http_parse_end(p);
	if (outcome > 0)
		outcome = HTTP_OK;
	if (outcome != e->outcome)
		fail_msg("%s (step %zu first %zu): outcome %d, not %d", e->in, step, first, outcome,
			 e->outcome);
	if (e->outcome != HTTP_OK)
		return;
	assert_true(p->done);
	describe(p, e, seen, sizeof seen);
	assert_string_equal(seen, e->seen);
}

static void
test_conversations(void **state)
{
	for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
		struct http_parser *p = malloc(sizeof *p);
		size_t n = strlen(examples[i].in);

		http_parser_init(p, examples[i].type, &limits, &scratch);
		run(&examples[i], p, n, 0);
		run(&examples[i], p, 1, 0);
		for (size_t first = 1; first < n; first++)
			run(&examples[i], p, n, first);
		http_parser_deinit(p);
		free(p);
	}
}

/* What follows a whole request stays where it is. */
static void
test_pipelined(void **state)
{
	static const char two[] = "GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\n";
	struct http_parser *p = malloc(sizeof *p);
	size_t used;

	http_parser_init(p, HTTP_REQUEST, &limits, &scratch);
	assert_int_equal(http_parse(p, SLICE(two), &used), HTTP_PAUSED);
	assert_true(p->done);
	assert_int_equal(used, sizeof two / 2);
	http_parser_reset(p);
	assert_int_equal(http_parse(p, slice_make(two + used, sizeof two - 1 - used), &used),
			 HTTP_OK);
	assert_true(p->done);
	assert_memory_equal(http_url(p).p, "/b", 2);
	http_parser_deinit(p);
	free(p);
}

/* More pieces than fit in one look come in several. */
static void
test_many_chunks(void **state)
{
	struct http_parser *p = malloc(sizeof *p);
	char in[4096];
	int n = snprintf(in, sizeof in, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");

	for (int i = 0; i < 100; i++)
		n += snprintf(in + n, sizeof in - (size_t)n, "1\r\n%c\r\n", 'a' + i % 26);
	n += snprintf(in + n, sizeof in - (size_t)n, "0\r\n\r\n");
	http_parser_init(p, HTTP_REQUEST, &limits, &scratch);
	body_n = 0;
	assert_int_equal(feed(p, in, (size_t)n), HTTP_OK);
	assert_true(p->done);
	assert_int_equal(body_n, 100);
	http_parser_deinit(p);
	free(p);
}

static void
test_names(void **state)
{
	static const struct {
		const char *name;
		enum http_id id;
	} names[] = {
		{ "Host", HTTP_HOST },
		{ "hOsT", HTTP_HOST },
		{ "te", HTTP_TE },
		{ "TRANSFER-ENCODING", HTTP_TRANSFER_ENCODING },
		{ "content-length", HTTP_CONTENT_LENGTH },
		{ "X-Forwarded-Protocol", HTTP_X_FORWARDED_PROTOCOL },
		{ "X-Real-IP", HTTP_X_REAL_IP },
		{ "proxy-authenticate", HTTP_PROXY_AUTHENTICATE },
		{ "x", HTTP_OTHER },
		{ "hosts", HTTP_OTHER },
		{ "transfer_encoding", HTTP_OTHER },
		{ "x-request-id", HTTP_X_REQUEST_ID },
		{ "http2-settings", HTTP_HTTP2_SETTINGS },
		{ "upgrade", HTTP_UPGRADE },
		{ "expect", HTTP_EXPECT },
		{ "Authorization", HTTP_AUTHORIZATION },
		{ "x-forwarded-for", HTTP_X_FORWARDED_FOR },
		{ "date", HTTP_DATE },
		{ "Via", HTTP_VIA },
		{ "max-forwards", HTTP_MAX_FORWARDS },
	};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		assert_int_equal(http_identify(slice_of(names[i].name)), names[i].id);
}

static void
test_lists(void **state)
{
	struct slice list = SLICE(" a, ,b ,\tc");

	assert_true(http_list_has(list, SLICE("B")));
	assert_false(http_list_has(list, SLICE("ab")));
	assert_true(slice_eq(http_list_next(&list), SLICE("a")));
	assert_true(slice_eq(http_list_next(&list), SLICE("b")));
	assert_true(slice_eq(http_list_next(&list), SLICE("c")));
	assert_null(http_list_next(&list).p);
}

/* Kept apart from the fields of the head, in order, whatever the reads are; held to the limits. */
static void
test_trailers(void **state)
{
	static const struct {
		const char *in, *seen; /* seen NULL: refused */
		int outcome;
	} cases[] = {
		{ "0\r\n\r\n", "", HTTP_OK },
		{ "1\r\na\r\n0\r\nA: b\r\n\r\n", "A: b\r\n", HTTP_OK },
		{ "0\r\nA:\r\nB:  c \t\r\nA: d\r\n\r\n", "A: \r\nB: c \t\r\nA: d\r\n", HTTP_OK },
		{ "0\r\nA : b\r\n\r\n", NULL, HTTP_BAD_BODY },
		{ "0\r\nA: b\r\n c\r\n\r\n", NULL, HTTP_BAD_BODY },
		{ "0\r\nA: b\nB: c\r\n\r\n", NULL, HTTP_BAD_BODY },
		{ "0\r\nA: " LONG_VALUE LONG_VALUE LONG_VALUE "\r\n\r\n", NULL, HTTP_HEAD_LONG },
		{ "0\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\n\r\n", NULL,
		  HTTP_FIELDS_MANY },
	};
	static const char *const heads[] = {
		"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
	};
	struct http_parser *p = malloc(sizeof *p);

	for (size_t i = 0; i < 2 * sizeof cases / sizeof cases[0]; i++) {
		size_t k = i / 2;

		http_parser_init(p, i % 2 ? HTTP_RESPONSE : HTTP_REQUEST, &limits, &scratch);
		for (size_t step = 1; step < 300; step += step < 12 ? 1 : 140) {
			size_t n = strlen(cases[k].in), at = 0;
			int outcome;

			http_parser_reset(p);
			body_n = 0;
			outcome = feed(p, heads[i % 2], strlen(heads[i % 2]));
			for (; at < n && outcome >= 0; at += step)
				outcome = feed(p, cases[k].in + at, step < n - at ? step : n - at);
			assert_int_equal(outcome > 0 ? 0 : outcome, cases[k].outcome);
			if (!cases[k].seen)
				continue;
			assert_true(p->done);
			assert_int_equal(p->fields_n, 1);
			assert_int_equal(p->trailers_size, strlen(cases[k].seen));
			if (p->trailers_size)
				assert_memory_equal(p->trailers, cases[k].seen, p->trailers_size);
		}
		http_parser_deinit(p);
	}
	free(p);
}

/* Extensions that are nearly all of a body, in reads of any length: refused. Small chunks alone:
 * not. */
static void
test_chunks_of_nothing(void **state)
{
	static const char head[] = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
	static const char *const bodies[] = { "1;" LONG_VALUE LONG_VALUE "=" LONG_VALUE "\r\na\r\n",
					      "1\r\na\r\n", "1;a=\"b c d\"\r\na\r\n" };
	struct http_parser *p = malloc(sizeof *p);

	http_parser_init(p, HTTP_REQUEST, &limits, &scratch);
	for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
		int outcome;

		http_parser_reset(p);
		body_n = 0;
		outcome = feed(p, head, sizeof head - 1);
		for (int k = 0; k < 500 && outcome >= 0; k++) {
			body_n = 0;
			outcome = feed(p, bodies[i], strlen(bodies[i]));
		}
		assert_int_equal(outcome, i == 0 ? HTTP_BAD_BODY : HTTP_OK);
	}
	http_parser_deinit(p);
	free(p);
}

static void
test_culprits(void **state)
{
	static const struct {
		const char *in, *name;
		bool early; /* the parser stops before the colon, without which it is no name */
	} cases[] = {
		{ "GET / HTTP/1.1\r\nA: b\r\nBad: x\x01\r\nC: d\r\n\r\n", "Bad" },
		{ "GET / HTTP/1.1\r\nA: b\r\nBad : x\r\n\r\n", "Bad", true },
		{ "GET / HTTP/1.1\r\nA: b\r\nBad: x\r\n y\r\n\r\n", "Bad" },
		{ "GET / HTTP/1.1\r\nA: b\r\nBad: x\ny: z\r\n\r\n", "Bad" },
		{ "GET / HTTP/1.1\r\nA: b\r\nBad: x\ry\r\n\r\n", "Bad" },
		{ "GET / HTTP/1.1\r\nA: b\r\n: x\r\n\r\n", "" },
		{ "GET / HTTP/1.1\r\n A: b\r\n\r\n", "" },
		{ "GET / HTTP/1.1\nA: b\n\n", "" },
		{ "G@T / HTTP/1.1\r\n\r\n", "" },
		{ "POST / HTTP/1.1\r\nA: b\r\nContent-Length: x\r\n\r\n", "Content-Length" },
		{ "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
		  "Transfer-Encoding" },
		{ "GET / HTTP/1.1\r\nA: b\r\nBig: " LONG_VALUE LONG_VALUE LONG_VALUE
		  "\r\nC: d\r\n\r\n",
		  "Big" },
		{ "GET / HTTP/1.1\r\nA: " LONG_VALUE "\r\nBig: " LONG_VALUE LONG_VALUE, "Big" },
		{ "GET /" LONG_VALUE " HTTP/1.1\r\nA: b\r\n\r\n", "" },
		{ "GET / HTTP/1.1\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\n\r\n",
		  "" },
	};
	struct http_parser *p = malloc(sizeof *p);

	http_parser_init(p, HTTP_REQUEST, &limits, &scratch);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		size_t n = strlen(cases[i].in);

		for (size_t step = 1; step <= n; step += step < 9 ? 1 : n - step ? n - step : 1) {
			char *copy = malloc(n);
			enum http_outcome outcome = HTTP_OK;
			size_t used, at = 0;

			memcpy(copy, cases[i].in, n);
			http_parser_reset(p);
			while (at < n && outcome >= 0) {
				outcome = http_parse(
				    p, slice_make(copy + at, step < n - at ? step : n - at), &used);
				at += used;
				if (outcome >= 0)
					http_parser_keep(p);
			}
			assert_true(outcome < 0);
			if (!slice_eq(http_culprit(p, outcome), slice_of(cases[i].name)) &&
			    !(cases[i].early && step < n && http_culprit(p, outcome).n == 0))
				fail_msg("%s (step %zu): %.*s", cases[i].in, step,
					 SLICE_F(http_culprit(p, outcome)));
			free(copy);
		}
	}
	http_parser_deinit(p);
	free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_conversations), cmocka_unit_test(test_pipelined),
		cmocka_unit_test(test_many_chunks),   cmocka_unit_test(test_names),
		cmocka_unit_test(test_lists),         cmocka_unit_test(test_trailers),
		cmocka_unit_test(test_culprits),      cmocka_unit_test(test_chunks_of_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
