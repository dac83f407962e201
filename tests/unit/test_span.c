/* span: what a worker writes is what the master reads, and nothing else is; and its JSON. */

#include "master/otlp.h"
#include "shm/reason.h"
#include "shm/span.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static struct span
make(enum span_kind kind)
{
	struct span s = { .kind = kind,
			  .begin_ns = 1700000000000000001u,
			  .end_ns = 1700000000000000002u };

	memset(s.trace, 0xab, sizeof s.trace);
	memset(s.id, 0x01, sizeof s.id);
	memset(s.parent, 0x02, sizeof s.parent);
	memset(s.link_trace, 0xcd, sizeof s.link_trace);
	memset(s.link_parent, 0x03, sizeof s.link_parent);
	return s;
}

static void
test_there_and_back(void **state)
{
	char *text = malloc(SPAN_TEXT_MAX + 1);
	struct slice texts[SPAN_TEXTS] = { SLICE("GET"), SLICE("/a"), SLICE("file:a"),
					   { NULL, 0 },  SLICE("h"),  SLICE("id") },
		     got[SPAN_TEXTS];
	struct span s = make(SPAN_CLIENT), back;
	struct buf BUF_CLEAN b = { 0 };
	struct slice rest;

	memset(text, 'x', SPAN_TEXT_MAX + 1);
	texts[SPAN_PATH] = slice_make(text, SPAN_TEXT_MAX + 1);
	span_write(&b, &s, texts);
	span_write(&b, &s, texts);
	rest = buf_slice(&b);
	for (int i = 0; i < 2; i++) {
		assert_true(span_read(&rest, &back, got));
		assert_memory_equal(&back, &s, sizeof s);
		assert_int_equal(got[SPAN_PATH].n, SPAN_TEXT_MAX);
		assert_true(slice_eq(got[SPAN_REQUEST_ID], SLICE("id")));
	}
	assert_int_equal(rest.n, 0);
	assert_false(span_read(&rest, &back, got));
	free(text);
}

/* Whatever is cut off, and each word that says something which cannot be. */
static void
test_refused(void **state)
{
	const struct slice none[SPAN_TEXTS] = { SLICE("GET"), SLICE("/") };
	struct slice got[SPAN_TEXTS];
	struct span back;

	for (int i = 0; i < 6; i++) {
		struct span s = make(SPAN_SERVER);
		struct buf BUF_CLEAN b = { 0 };
		struct slice rest;

		s.kind = i == 1 ? SPAN_CLIENT + 1 : SPAN_SERVER;
		s.reason = i == 2 ? REASON_N : REASON_none;
		s.status = i == 3 ? 1000 : 200;
		memset(s.id, i == 4 ? 0 : 1, sizeof s.id);
		memset(s.trace, i == 5 ? 0 : 1, sizeof s.trace);
		span_write(&b, &s, none);
		rest = buf_slice(&b);
		assert_true(span_read(&rest, &back, got) == (i == 0));
		for (size_t n = 0; n < b.n; n++) {
			char *p = malloc(n + !n);

			memcpy(p, b.p, n);
			rest = slice_make(p, n);
			assert_false(span_read(&rest, &back, got));
			free(p);
		}
	}
}

static void
test_json(void **state)
{
	struct slice texts[SPAN_TEXTS] = { SLICE("BREW"),      SLICE("/a"),         SLICE("file:a"),
					   SLICE("/a/\"\xff"), SLICE("[::1]:8080"), SLICE("id"),
					   SLICE("a=1,b=2") };
	struct span s = make(SPAN_CLIENT);
	struct buf BUF_CLEAN b = { 0 };

	s.flags = SPAN_PARENT | SPAN_LINK | SPAN_SECURE | SPAN_OTHER_METHOD;
	s.status = 503;
	s.port = 8080;
	s.resend = 1;
	s.reason = REASON_upstream_closed;
	memcpy(s.peer, (const uint8_t[16]){ [10] = 0xff, [11] = 0xff, 10, 0, 0, 1 }, 16);
	otlp_span(&b, &s, texts);
	for (size_t i = 0; i < b.n; i++) /* for the eye */
		b.p[i] = b.p[i] == '"' ? '\'' : b.p[i];
	buf_addc(&b, '\0');
#define ATTRIBUTE(key, value) "{'key':'" key "','value':{" value "}}"
#define TEXT(key, value) ATTRIBUTE(key, "'stringValue':'" value "'") ","
#define NUMBER(key, value) ATTRIBUTE(key, "'intValue':'" value "'") ","
	static const char want[] =
	    "{'traceId':'abababababababababababababababab','spanId':'0101010101010101',"
	    "'parentSpanId':'0202020202020202','traceState':'a=1,b=2','name':'HTTP "
	    "/a','kind':3,'flags':257,"
	    "'startTimeUnixNano':'1700000000000000001',"
	    "'endTimeUnixNano':'1700000000000000002','attributes':["
	    /* clang-format off */
	    TEXT("http.request.method", "_OTHER")
	    TEXT("http.request.method_original", "BREW")
	    TEXT("url.scheme", "https")
	    TEXT("url.full", "https://[::1]:8080/a/\\'\xef\xbf\xbd")
	    TEXT("http.route", "/a")
	    TEXT("yett.route", "file:a")
	    TEXT("server.address", "::1")
	    NUMBER("server.port", "8080")
	    TEXT("network.peer.address", "10.0.0.1")
	    NUMBER("network.peer.port", "8080")
	    NUMBER("http.response.status_code", "503")
	    NUMBER("http.request.resend_count", "1")
	    TEXT("error.type", "upstream_closed")
	    TEXT("yett.reason", "upstream_closed")
	    ATTRIBUTE("yett.request_id", "'stringValue':'id'")
	    /* clang-format on */
	    "],'links':[{'traceId':'cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd',"
	    "'spanId':'0303030303030303','flags':768}],'status':{'code':2}}";
	assert_string_equal(b.p, want);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
