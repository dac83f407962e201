/*
 * Headers of the PROXY protocol: one that is taken lies within its bytes, is not whole with a byte
 * less, and comes back the same when it is written again. The same bytes are taken for what proxies
 * write into X-Forwarded-For and Forwarded.
 */

#include "lib/forwarded.h"
#include "lib/proxy_protocol.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
try_again(const struct proxy_header *h)
{
	char out[PROXY_WRITE_MAX];
	struct proxy_header again;

	for (enum proxy_version v = PROXY_V1; v <= PROXY_V2; v++) {
		size_t n = proxy_write(v, &h->source, &h->destination, out);

		assert(n < sizeof out);
		assert(proxy_parse(slice_make(out, n), &again) == PROXY_OK);
		assert(again.used == n && again.named);
		assert(memcmp(&again.source, &h->source, sizeof h->source) == 0);
		assert(memcmp(&again.destination, &h->destination, sizeof h->destination) == 0);
	}
}

static void
try_list(struct slice list, bool quotes)
{
	size_t n = list.n;
	uint8_t ip[16], again[16];
	char text[46];

	while (list.p) {
		struct slice last = forwarded_last(&list, quotes);

		assert(last.n <= n && list.n <= n);
		if (!(quotes ? forwarded_for(last, ip) : forwarded_address(last, ip)))
			continue;
		assert(forwarded_address(slice_make(text, forwarded_text(ip, text)), again));
		assert(memcmp(ip, again, sizeof ip) == 0);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_make((const char *)data, size);
	struct proxy_header h, part;

	try_list(in, false);
	try_list(in, true);
	if (proxy_parse(in, &h) != PROXY_OK)
		return 0;
	assert(h.used > 0 && h.used <= size && h.used <= PROXY_HEADER_MAX);
	assert(proxy_parse(slice_make(in.p, h.used - 1), &part) == PROXY_MORE);
	assert(proxy_parse(slice_make(in.p, h.used), &part) == PROXY_OK && part.used == h.used);
	if (h.named)
		try_again(&h);
	return 0;
}
