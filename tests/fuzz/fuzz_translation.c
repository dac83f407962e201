/*
 * Bodies that are translated: whatever comes, what goes out is JSON, is within the limit, and has
 * no name twice; done without an operation it comes to itself. The first byte says which
 * operations.
 */

#include "worker/translation.h"

#include "lib/json.h"
#include "tests/unit/translation_rules.h"

#include <assert.h>
#include <stdint.h>

#define MAX 2048

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct rule rules[] = {
	{ OPERATION_PICK, "/a /l/*/a /0 /*/b/1 /~1" },
	{ OPERATION_DROP, "/b /l/*/b /l/*/c/* /1 /~0" },
	{ OPERATION_RENAME, "/a", .to = "/b", .flags = OPERATION_BESIDE },
	{ OPERATION_RENAME, "/l/*/a", .to = "/l/*/b", .flags = OPERATION_BESIDE },
	{ OPERATION_RENAME, "/a", .to = "/a/b", .flags = OPERATION_OPTIONAL },
	{ OPERATION_RENAME, "/l/0", .to = "", .flags = OPERATION_OPTIONAL },
	{ OPERATION_RENAME, "/*/a", .to = "" },
	{ OPERATION_FLATTEN, "/a", .flags = OPERATION_OPTIONAL },
	{ OPERATION_FLATTEN, "/*/a", .flags = OPERATION_OPTIONAL },
	{ OPERATION_WRAP, "/w/~1" },
	{ OPERATION_DEFAULT, "/l/*/d/e", .value = "{\"x\":[1e400,\"y\"]}" },
	{ OPERATION_DEFAULT, "/a/b", .value = "null", .flags = OPERATION_OPTIONAL },
};
#define RULES ((uint32_t)(sizeof rules / sizeof rules[0]))

/* Objects and arrays within each other, at most. */
static unsigned
nesting(struct slice text)
{
	unsigned depth = 0, most = 0;
	bool quoted = false;

	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '"')
			quoted = !quoted;
		else if (text.p[i] == '\\')
			i++;
		else if (!quoted && strchr("[{", text.p[i]) && text.p[i])
			most = ++depth > most ? depth : most;
		else if (!quoted && strchr("]}", text.p[i]) && text.p[i])
			depth--;
	}
	return most;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct segment *made;
	struct buf BUF_CLEAN out = { 0 };
	struct buf BUF_CLEAN fault = { 0 };
	struct buf BUF_CLEAN again = { 0 };
	struct json *root;
	enum translation_outcome outcome;
	uint32_t first, count;

	if (size == 0)
		return 0;
	if (!made)
		made = translation_rules(rules, RULES);
	first = data[0] % RULES;
	count = data[0] / RULES % 4;
	outcome = translation_run(made, first, count < RULES - first ? count : RULES - first,
				  slice_make((const char *)data + 1, size - 1), MAX, &out, &fault);
	assert((outcome == TRANSLATION_POINTER) == (fault.n > 0));
	if (outcome != TRANSLATION_OK)
		return 0;
	assert(out.n <= MAX);
	if (nesting(buf_slice(&out)) > JSON_DEPTH_MAX) /* it was wrapped */
		return 0;
	assert(json_parse(buf_slice(&out), MAX, JSON_DEPTH_MAX, &root) == 0);
	json_free(root);
	assert(translation_run(made, 0, 0, buf_slice(&out), MAX, &again, &fault) == TRANSLATION_OK);
	assert(slice_eq(buf_slice(&again), buf_slice(&out)));
	return 0;
}
