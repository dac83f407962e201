/*
 * Answers of token endpoints: what is granted can stand in a field, and what is logged can stand
 * between quotes. The first byte of the input chooses the status.
 */

#include "worker/token_answer.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(struct slice token)
{
	for (size_t i = 0; i < token.n; i++)
		assert(token.p[i] > 0x20 && token.p[i] < 0x7f);
	assert(token.n <= TOKEN_ANSWER_MAX);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int statuses[] = { 200, 400, 401, 403, 429, 302, 500, -110 };
	struct token_answer a;
	enum token_outcome outcome;
	int status;

	if (size == 0)
		return 0;
	status = statuses[data[0] % 8];
	outcome = token_answer_read(status, slice_make((const char *)data + 1, size - 1), 1000, &a);
	assert((outcome == TOKEN_GRANTED) == (a.why[0] == '\0'));
	if (outcome == TOKEN_GRANTED) {
		assert(status == 200 && a.access.n > 0);
		assert(a.expires >= 1000 && a.refresh_expires >= 1000);
		check(a.access);
		check(a.refresh);
		check(a.id_token);
	}
	if (outcome == TOKEN_GONE)
		assert(status >= 300 && status < 500);
	assert(strlen(a.why) < sizeof a.why);
	for (const char *c = a.why; *c; c++)
		assert((unsigned char)*c >= 0x20 && *c != '"' && *c != '\\');
	token_answer_deinit(&a);
	return 0;
}
