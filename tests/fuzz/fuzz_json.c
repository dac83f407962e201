/*
 * JSON: what is accepted can be walked to its end, no name is there twice, no string was cut short,
 * and spaces around it change nothing.
 */

#include "lib/json.h"

#include "lib/xalloc.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#define DEPTH 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t
walk(const struct json *v, unsigned depth)
{
	size_t bytes = json_text(v).n;
	double d;

	json_number(v, &d);
	assert(depth <= DEPTH);
	for (const struct json *m = json_first(v); m; m = json_next(m)) {
		struct slice name = json_name(m);

		assert((name.p != NULL) == (json_kind(v) == JSON_OBJECT));
		if (name.p)
			assert(json_get(v, name.p) == m);
		bytes += name.n + walk(m, depth + 1);
	}
	return bytes;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = slice_make((const char *)data, size);
	char *spaced = xmalloc(size + 4);
	struct json *root, *again;
	int r = json_parse(text, 4096, DEPTH, &root);

	memcpy(spaced, "\r\n", 2);
	memcpy(spaced + 2, data, size);
	memcpy(spaced + 2 + size, "\t ", 2);
	assert(json_parse(slice_make(spaced, size + 4), 4100, DEPTH, &again) == r);
	if (r == 0) {
		assert(size <= 4096);
		assert(walk(root, 0) == walk(again, 0));
		assert(json_kind(root) == json_kind(again));
		json_free(root);
		json_free(again);
		spaced[size + 3] = 'x';
		assert(json_parse(slice_make(spaced, size + 4), 4100, DEPTH, &again) < 0);
	}
	free(spaced);
	return 0;
}
