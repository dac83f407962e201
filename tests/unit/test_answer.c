/* The load generator's reading of answers: whole, cut at every place, and byte by byte the verdict
 * is the same. */

#include "bench/answer.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

struct example {
	const char *text;
	int verdict; /* of answer_feed when all was given */
	unsigned status;
	uint64_t body;
	bool close, bodiless;
	bool end;     /* verdict of answer_end */
	size_t extra; /* bytes at the end that do not belong to it */
};

#define OK "HTTP/1.1 200 OK\r\n"

static const struct example examples[] = {
	{ .text = OK "Content-Length: 3\r\n\r\nabc", .verdict = 1, .status = 200, .body = 3 },
	{ .text = OK "content-length:0\r\n\r\n", .verdict = 1, .status = 200 },
	{ .text = OK "Content-Length: 3\r\n\r\nabcHTTP",
	  .verdict = 1,
	  .status = 200,
	  .body = 3,
	  .extra = 4 },
	{ .text = OK "Content-Length: 3\r\n\r\nab", .verdict = 0, .status = 200, .body = 2 },
	{ .text = OK "Content-Length: 300\r\n\r\n", .verdict = 1, .status = 200, .bodiless = true },
	{ .text = OK "Connection: close\r\nContent-Length: 1\r\n\r\na",
	  .verdict = 1,
	  .status = 200,
	  .body = 1,
	  .close = true },
	{ .text = "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
	  .verdict = 1,
	  .status = 200,
	  .close = true },
	{ .text = "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n",
	  .verdict = 1,
	  .status = 200 },
	{ .text = OK "\r\nuntil the end",
	  .verdict = 0,
	  .status = 200,
	  .body = 13,
	  .close = true,
	  .end = true },
	{ .text = "HTTP/1.1 204 No Content\r\n\r\n", .verdict = 1, .status = 204 },
	{ .text = "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
	  .verdict = 1,
	  .status = 304 },
	{ .text = "HTTP/1.1 100 Continue\r\n\r\n" OK "Content-Length: 1\r\n\r\na",
	  .verdict = 1,
	  .status = 200,
	  .body = 1 },
	{ .text =
	      OK "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n",
	  .verdict = 1,
	  .status = 200,
	  .body = 13 },
	{ .text = OK "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nTrailer: 1\r\n\r\n",
	  .verdict = 1,
	  .status = 200,
	  .body = 1 },
	{ .text = OK "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nX",
	  .verdict = 1,
	  .status = 200,
	  .extra = 1 },
	{ .text = OK "Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
	  .verdict = -EBADMSG,
	  .status = 200 },
	{ .text = OK "Transfer-Encoding: gzip\r\n\r\n", .verdict = -EBADMSG, .status = 200 },
	{ .text = "HTTP/1.1 999 No\r\n\r\n", .verdict = -EBADMSG, .status = 999 },
	{ .text = "SSH-2.0-OpenSSH_9.2p1\r\n\r\n", .verdict = -EBADMSG },
	{ .text = OK "no colon\r\n\r\n", .verdict = -EBADMSG, .status = 200 },
};

static void
expect(const struct example *e, const struct answer *a, int verdict, size_t used)
{
	bool right = verdict == e->verdict && a->status == e->status;

	if (right && verdict >= 0)
		right = a->body == e->body && a->close == e->close &&
			used == strlen(e->text) - e->extra;
	if (!right)
		fail_msg("%s: verdict %d status %u body %llu close %d used %zu", e->text, verdict,
			 a->status, (unsigned long long)a->body, a->close, used);
}

/* Gives `step` bytes at a time. */
static void
feed(const struct example *e, struct answer *a, size_t first, size_t step)
{
	size_t n = strlen(e->text), at = 0, used = 0, part = first;
	int verdict = 0;

	answer_reset(a);
	while (verdict == 0 && at < n) {
		part = part < n - at ? part : n - at;
		verdict = answer_feed(a, slice_make(e->text + at, part), e->bodiless, &used);
		if (verdict >= 0)
			at += used;
		part = step;
	}
	expect(e, a, verdict, at);
	if (verdict == 0)
		assert_int_equal(answer_end(a), e->end);
}

static void
test_examples(void **state)
{
	struct answer a = { 0 };

	for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
		size_t n = strlen(examples[i].text);

		for (size_t cut = 1; cut <= n; cut++)
			feed(&examples[i], &a, cut, n);
		feed(&examples[i], &a, 1, 1);
	}
	answer_deinit(&a);
}

static void
test_head_without_end(void **state)
{
	static char text[8192];
	struct answer a = { 0 };
	size_t used;
	int r = 0;

	memset(text, 'x', sizeof text);
	for (int i = 0; i < 100 && r == 0; i++)
		r = answer_feed(&a, slice_make(text, sizeof text), false, &used);
	assert_int_equal(r, -EBADMSG);
	answer_deinit(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_examples),
		cmocka_unit_test(test_head_without_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
