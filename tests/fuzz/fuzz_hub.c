/*
 * What a page asks a hub to ask: whatever JSON it is, the request that is made of it is one line,
 * fields of its own lines, and the body that was said, and it has the token once.
 *
 * Up to the first NUL it is what the page sends, behind that what a service answers.
 */

#include "lib/json_scan.h"
#include "worker/hub_query.h"
#include "worker/hub_reply.h"

#include <assert.h>
#include <stdlib.h>

#define TOKEN "token-of-the-caller"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct slice
body_of(struct slice whole)
{
	const char *end = memmem(whole.p, whole.n, "\r\n\r\n", 4);

	assert(end);
	return slice_make(end + 4, whole.n - (size_t)(end + 4 - whole.p));
}

/* No field that the page gave ends the head, or makes another of these. */
static void
check_head(struct slice head)
{
	static const char *const once[] = { "\nhost:", "\nauthorization:", "\ncookie:",
					    "\ntransfer-encoding:", "\nconnection:" };
	struct buf BUF_CLEAN lower = { 0 };

	for (size_t i = 0; i < head.n; i++) {
		buf_addc(&lower, ascii_lower(head.p[i]));
		assert(head.p[i] != '\n' || (i > 0 && head.p[i - 1] == '\r'));
	}
	for (size_t i = 0; i < sizeof once / sizeof once[0]; i++) {
		const char *at = memmem(lower.p, lower.n, once[i], strlen(once[i]));
		size_t rest = at ? lower.n - (size_t)(at + 1 - lower.p) : 0;

		assert(!at == (i == 2 || i == 3));
		assert(!at || !memmem(at + 1, rest, once[i], strlen(once[i])));
	}
}

static void
check_request(struct slice page)
{
	const struct hub_sender sender = { .token = SLICE(TOKEN),
					   .id = SLICE("id"),
					   .version = "1" };
	struct hub_query q = { 0 };
	struct buf BUF_CLEAN whole = { 0 };
	struct slice body;

	if (!hub_query_read(&q, page) && hub_query_url(&q) && !hub_query_check(&q)) {
		hub_query_write(&q, &sender, &whole);
		body = body_of(buf_slice(&whole));
		assert(slice_eq(body, q.body));
		assert(body.n == 0 || json_scan(body, 64));
		check_head(slice_make(whole.p, whole.n - body.n));
	}
	hub_query_deinit(&q);
}

static void
check_answer(struct slice answer)
{
	const char *end = answer.n ? memmem(answer.p, answer.n, "\n\n", 2) : NULL;
	struct slice fields = end ? slice_make(answer.p, (size_t)(end + 1 - answer.p)) : SLICE("");
	struct slice body = slice_make(answer.p + fields.n, answer.n - fields.n);
	struct buf BUF_CLEAN text = { 0 };

	if (!hub_reply_answer(200, fields, fields, body, &text))
		return;
	for (size_t i = 0; i < text.n; i++)
		assert(text.p[i] >= 0x20 && text.p[i] < 0x7f);
	assert(memchr(answer.p, '\0', answer.n) || json_scan(buf_slice(&text), 64));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice rest, page = slice_cut(slice_make((const char *)data, size), '\0', &rest);

	check_request(page);
	if (rest.p)
		check_answer(rest);
	return 0;
}
