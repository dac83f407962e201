/*
 * What stands in the stream of revisions, whoever wrote it: a delta is one or none; one reads back
 * as it is written, its inverse behind it is nothing, and it can be told in terms of rules. A file
 * of rules is JSON or a mistake.
 *
 * The first byte says which of the two it is.
 */

#include "master/apply.h"
#include "master/diff.h"
#include "master/history.h"

#include "lib/json.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
try_delta(struct slice text)
{
	struct delta d DELTA_CLEAN = { 0 }, again DELTA_CLEAN = { 0 };
	struct buf written BUF_CLEAN = { 0 }, twice BUF_CLEAN = { 0 }, told BUF_CLEAN = { 0 };
	struct json *root;

	if (delta_read(&d, text) < 0)
		return;
	delta_write(&d, &written);
	assert(delta_read(&again, buf_slice(&written)) == 0);
	delta_write(&again, &twice);
	assert(slice_eq(buf_slice(&written), buf_slice(&twice)));
	diff_write(&d, &told);
	assert(json_parse(buf_slice(&told), told.n, JSON_DEPTH_MAX, &root) == 0);
	json_free(root);
	delta_invert(&again);
	delta_compose(&d, &again);
	assert(d.items.count == 0);
}

static void
try_revision(struct slice text)
{
	struct revision *r = revision_new(SLICE("5-1"), text, 1, text, text, text);

	assert((r->delta != NULL) != (r->missing != NULL));
	assert(strlen(r->who) <= REVISION_WHO_MAX && strlen(r->why) <= REVISION_WHY_MAX);
	revision_free(r);
}

static void
try_file(struct slice text)
{
	struct buf json BUF_CLEAN = { 0 }, report BUF_CLEAN = { 0 };
	struct json *root = NULL;
	int r = apply_file(text, &json, &report);

	assert((r < 0) == (report.n > 0));
	if (r == 0)
		assert(json_parse(buf_slice(&json), json.n, JSON_DEPTH_MAX, &root) == 0);
	json_free(root);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = slice_make((const char *)data + 1, size - 1);

	if (size == 0)
		return 0;
	if (data[0] % 2) {
		try_file(text);
	} else {
		try_delta(text);
		try_revision(text);
	}
	return 0;
}
