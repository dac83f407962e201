/*
 * What an upstream says of its place, changed back: within the room that was promised, and never to
 * the address of another host. And origins: what a pattern with a star lets in is an origin. The
 * first byte says what was changed on the way to the upstream.
 */

#include "worker/back.h"

#include "lib/xalloc.h"
#include "shm/origin.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Would a browser go to another host by it? */
static bool
is_network_path(struct slice s)
{
	return s.n > 1 && s.p[0] == '/' && (s.p[1] == '/' || s.p[1] == '\\');
}

static void
try_back(unsigned how, struct slice value)
{
	static const char *const prefixes[] = { "", "/v2", "/a/b" };
	struct back b = {
		.upstream_prefix = slice_of(prefixes[how % 3]),
		.client_prefix = slice_of(prefixes[how / 3 % 3]),
		.hosts = { SLICE("10.0.0.1:80"), SLICE("in.org"), SLICE("h.org") },
		.scheme = SLICE("http"),
		.host = SLICE("h.org"),
	};
	size_t room = value.n + back_room(&b), n;
	char *out = xmalloc(room);

	n = (size_t)(back_location(out, &b, value) - out);
	assert(n <= room);
	assert(!is_network_path(slice_make(out, n)) || is_network_path(value));
	n = (size_t)(back_cookie(out, &b, value, how & 1) - out);
	assert(n <= room);
	n = (size_t)(back_cookie(out, NULL, value, true) - out);
	assert(n <= value.n);
	free(out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text;

	if (size == 0)
		return 0;
	text = slice_make((const char *)data + 1, size - 1);
	try_back(data[0], text);
	origin_fault(text);
	if (origin_matches(SLICE("https://*.a.org"), text))
		assert(!origin_fault(text) && !memchr(text.p, '*', text.n));
	return 0;
}
