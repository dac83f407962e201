/*
 * The numbers that the cached table (master/image.h) was compiled with: whatever the file says, no
 * two have the same one, none is out of range, and none is lost.
 */

#include "master/directory.h"

#include "lib/buf.h"

#include <assert.h>
#include <stdio.h>

#define LIMIT 20

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct slice text = slice_make((const char *)data, size);
	struct buf written BUF_CLEAN = { 0 };
	struct slots *s = slots_new(LIMIT);
	uint32_t seen = 0;

	if (slots_restore(s, text) == 0) {
		slots_write(s, true, &written);
		assert(slice_eq(buf_slice(&written), text));
		assert(slots_restore(s, text) == 0);
	}
	for (int round = 0; round < 4; round++)
		slots_sweep(s, 1);
	for (uint32_t i = 1; i < LIMIT; i++) {
		char name[16];

		snprintf(name, sizeof name, "new %u", i);
		seen |= 1u << slots_get(s, slice_of(name));
	}
	assert(seen == (1u << LIMIT) - 2);
	slots_free(s);
	return 0;
}
