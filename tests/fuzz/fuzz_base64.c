/* Base64 in both alphabets: there is one text for what is decoded. */

#include "lib/base64.h"

#include "lib/xalloc.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Section 4's alphabet and padding from section 5's. */
static size_t
plain_from_url(char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		text[i] = (char)(text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i]);
	while (n % 4)
		text[n++] = '=';
	return n;
}

static void
try_decoded(struct slice in, bool url)
{
	char *out = xmalloc(in.n / 4 * 3 + 2), *text;
	size_t n;
	int r = url ? base64url_decode(in, out, &n) : base64_decode(in, out, &n);

	if (r == 0) {
		assert(n <= in.n / 4 * 3 + 2);
		text = xmalloc((n * 4 + 2) / 3 + 4);
		size_t m = base64url_encode(slice_make(out, n), text);

		if (!url)
			m = plain_from_url(text, m);
		assert(slice_eq(slice_make(text, m), in));
		free(text);
	}
	free(out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_make((const char *)data, size);
	char *text = xmalloc((size * 4 + 2) / 3 + 4);
	size_t n = base64url_encode(in, text);

	assert(n == (size * 4 + 2) / 3);
	try_decoded(slice_make(text, n), true);
	try_decoded(slice_make(text, plain_from_url(text, n)), false);
	try_decoded(in, true);
	try_decoded(in, false);
	free(text);
	return 0;
}
