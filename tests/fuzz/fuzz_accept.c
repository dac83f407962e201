/*
 * Lists of a field, and the weights of media ranges in one: elements lie in the list, in order and
 * trimmed, and what is said of other ranges changes nothing.
 *
 * The first line is a media range.
 */

#include "lib/http_head.h"

#include "lib/buf.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice list, rest,
	    type = slice_cut(slice_make((const char *)data, size), '\n', &list);
	BUF_CLEAN struct buf more = { 0 };
	const char *end = list.p;
	int weight = http_accept_weight(list, type);

	assert(weight >= -1 && weight <= 1000);
	rest = list;
	for (struct slice e = http_list_next(&rest); e.p; e = http_list_next(&rest)) {
		assert(e.n > 0 && e.p >= end && e.p + e.n <= list.p + list.n);
		assert(!memchr(e.p, ',', e.n) && slice_eq(slice_trim(e), e));
		assert(http_list_has(list, e));
		end = e.p + e.n;
	}
	buf_adds(&more, SLICE("a/b;q=0.1,, ;q=1 ,"));
	buf_adds(&more, list);
	buf_adds(&more, SLICE(" , c/d ;q=1"));
	if (!slice_ieq(type, SLICE("a/b")) && !slice_ieq(type, SLICE("c/d")) && type.n)
		assert(http_accept_weight(buf_slice(&more), type) == weight);
	return 0;
}
