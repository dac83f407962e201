/*
 * Addresses and networks of the configuration: what is taken names a host or a socket, and what it
 * was rewritten to is taken again and means the same.
 *
 * The first byte is the rule.
 */

#include "master/address.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
try_address(struct slice text, unsigned flags)
{
	const struct address_rule rule = { .flags = flags, .default_port = 80, .folder = "/f" };
	struct config_address a = { 0 }, again = { 0 };
	BUF_CLEAN struct buf why = { 0 };
	struct arena arena = { 0 };

	if (!address_parse(&arena, text, &rule, &a, &why)) {
		assert(why.n > 0 && !a.text && !a.host && !a.unix_path);
	} else {
		assert(why.n == 0 && a.text && !(a.host && a.unix_path));
		assert(a.host || a.unix_path || (flags & ADDRESS_ANY_HOST));
		assert(!a.unix_path || a.unix_path[0] == '/');
		assert(address_parse(&arena, slice_of(a.text), &rule, &again, &why));
		assert(strcmp(a.text, again.text) == 0 && a.port == again.port);
		assert(!a.host == !again.host && (!a.host || strcmp(a.host, again.host) == 0));
	}
	arena_deinit(&arena);
}

static void
try_rewritten(bool (*rewrite)(struct slice text, struct buf *out), struct slice text)
{
	BUF_CLEAN struct buf out = { 0 };
	BUF_CLEAN struct buf again = { 0 };

	if (!rewrite(text, &out)) {
		assert(out.n == 0);
		return;
	}
	assert(rewrite(buf_slice(&out), &again));
	assert(slice_eq(buf_slice(&out), buf_slice(&again)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text;

	if (size == 0)
		return 0;
	text = slice_make((const char *)data + 1, size - 1);
	if (!memchr(text.p, '\0', text.n)) /* the file's reader lets none through */
		try_address(text, data[0] & (ADDRESS_ANY_HOST | ADDRESS_NEEDS_PORT));
	try_rewritten(address_dns, text);
	try_rewritten(address_network, text);
	return 0;
}
