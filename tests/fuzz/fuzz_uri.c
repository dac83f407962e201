/*
 * Paths and hosts: what is accepted is canonical, and its canonical form is itself; only what has
 * to be encoded grows; how others read a path is canonical too. The input is taken for a path and
 * for a host.
 */

#include "lib/uri.h"

#include "lib/xalloc.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
has(struct slice s, const char *text)
{
	return memmem(s.p, s.n, text, strlen(text)) != NULL;
}

static bool
ends(struct slice s, const char *text)
{
	size_t n = strlen(text);

	return s.n >= n && memcmp(s.p + s.n - n, text, n) == 0;
}

static void
path_is_canonical(struct slice path, unsigned flags)
{
	char *out = xmalloc(URI_ROOM(path.n));
	struct uri_path again;

	assert(path.n > 0 && path.p[0] == '/');
	assert(!has(path, "//") && !has(path, "/./") && !has(path, "/../") && !ends(path, "/.") &&
	       !ends(path, "/.."));
	assert(!memchr(path.p, '\\', path.n) && !memchr(path.p, '\0', path.n) &&
	       !memchr(path.p, '?', path.n) && !memchr(path.p, '[', path.n));
	assert(uri_canonical(path, out, &again) == 0);
	assert(again.same && again.path.p == path.p && again.path.n == path.n &&
	       again.flags == flags);
	free(out);
}

static void
try_readings(struct slice path, unsigned flags)
{
	char *form_out = xmalloc(path.n), *out = xmalloc(path.n + 1),
	     *again_out = xmalloc(URI_ROOM(path.n));
	struct slice form = uri_match_form(path, form_out);

	assert(form.n == path.n);
	assert((flags & URI_TRIPLET) || slice_eq(form, path));
	for (unsigned i = 0; i < URI_READINGS; i++) {
		bool climbs;
		struct slice read = uri_reading(path, i, out, &climbs);
		struct uri_path again;

		assert(read.n <= path.n);
		assert((flags & URI_SUSPECT) || (!climbs && slice_eq(read, form)));
		assert(uri_canonical(read, again_out, &again) == 0 && again.same);
		path_is_canonical(read, again.flags);
	}
	free(again_out);
	free(out);
	free(form_out);
}

static void
try_path(struct slice raw)
{
	char *out = xmalloc(URI_ROOM(raw.n));
	struct uri_path result;

	if (uri_canonical(raw, out, &result) == 0) {
		assert(result.path.n < URI_ROOM(raw.n));
		assert(result.same == slice_eq(result.path, raw));
		path_is_canonical(result.path, result.flags);
		try_readings(result.path, result.flags);
	}
	free(out);
}

static void
try_host(struct slice raw)
{
	char *out = xmalloc(2 * raw.n + 2), *again_out;
	struct uri_host result, again;

	if (uri_host_parse(raw, out, &result) == 0) {
		assert(result.host.n <= raw.n && result.host_port.n <= raw.n);
		assert(slice_starts(result.host_port, result.host));
		assert((result.port >= 0) == (result.host_port.n > result.host.n));
		assert(result.port <= 65535 && result.port != 0);
		assert(!has(result.host, "..") && !ends(result.host, ".") &&
		       !memchr(result.host.p, '@', result.host.n));
		again_out = xmalloc(2 * result.host_port.n + 2);
		assert(uri_host_parse(result.host_port, again_out, &again) == 0);
		assert(slice_eq(again.host, result.host) &&
		       slice_eq(again.host_port, result.host_port));
		assert(again.port == result.port);
		free(again_out);
	}
	free(out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = slice_make((const char *)data, size);
	char *path = xmalloc(size + 1);

	try_path(text);
	try_host(text);
	/* Most of what a fuzzer writes does not start with a slash. */
	path[0] = '/';
	memcpy(path + 1, data, size);
	try_path(slice_make(path, size + 1));
	free(path);
	return 0;
}
