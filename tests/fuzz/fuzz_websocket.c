/*
 * Where frames end: the same whatever pieces the bytes come in, at most where a plainer reading of
 * RFC 6455 section 5.2 has it, and never beyond what came.
 *
 * The first byte is the size of the pieces.
 */

#include "worker/websocket.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Of one frame, with its head; SIZE_MAX: it is not all there. */
static size_t
plain_size(const uint8_t *p, size_t n)
{
	uint64_t size, head = 2;

	if (n < 2)
		return SIZE_MAX;
	size = p[1] & 0x7f;
	if (size >= 126) {
		size_t more = size == 126 ? 2 : 8;

		if (n < 2 + more)
			return SIZE_MAX;
		size = 0;
		for (size_t i = 2; i < 2 + more; i++)
			size = size << 8 | p[i];
		head += more;
	}
	if (p[1] & 0x80)
		head += 4;
	return size > n || head + size > n ? SIZE_MAX : (size_t)(head + size);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct websocket whole = { 0 }, parts = { 0 };
	size_t piece, at = 0, n;

	if (size == 0)
		return 0;
	piece = data[0] + 1u;
	data++;
	size--;
	for (size_t i = 0; i < size; i += piece) {
		n = piece < size - i ? piece : size - i;
		websocket_pass(&parts, slice_make((const char *)data + i, n));
	}
	while (at < size) {
		size_t expected = plain_size(data + at, size - at);

		n = websocket_frame(&whole, slice_make((const char *)data + at, size - at));
		assert(n > 0 && n <= size - at);
		assert(expected == SIZE_MAX ? n == size - at && !websocket_between(&whole)
					    : n == expected && websocket_between(&whole));
		at += n;
	}
	assert(whole.left == parts.left && whole.n == parts.n && whole.need == parts.need);
	assert(memcmp(whole.head, parts.head, whole.n) == 0);
	return 0;
}
