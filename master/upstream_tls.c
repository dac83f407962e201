#include "upstream_tls.h"

#include "certificates.h"

#include "lib/base64.h"
#include "lib/tls.h"
#include "lib/xalloc.h"

#include <stdlib.h>

static const char *const protocols[] = { "http/1.1", NULL };

const struct trust *
upstream_tls_roots(const struct certificates *files, const struct config_upstream_tls *t)
{
	return t->insecure_skip_verify ? NULL : certificates_trust(files, t->ca, "");
}

const struct pair *
upstream_tls_pair(const struct certificates *files, const struct config_upstream_tls *t)
{
	return *t->certificate
		   ? certificates_pair(files, t->certificate, *t->key ? t->key : t->certificate)
		   : NULL;
}

bool
upstream_tls_pin(const char *text, uint8_t out[32])
{
	struct slice base64 = slice_of(text);
	char bytes[33];
	size_t n;

	if (base64.n != base64_size(32) || base64_decode(base64, bytes, &n) < 0 || n != 32)
		return false;
	memcpy(out, bytes, n);
	return true;
}

struct tls_context *
upstream_tls_context(const struct certificates *files, const struct config_upstream_tls *t)
{
	const struct trust *roots = upstream_tls_roots(files, t);
	const struct pair *own = upstream_tls_pair(files, t);
	struct tls_settings settings = {
		.oldest = TLS_1_2,
		.newest = TLS_1_3,
		.alpn = protocols,
		.trust = roots ? roots->parsed : NULL,
		.own = own ? own->certificate : NULL,
		.pins_n = (unsigned)t->pins_count,
	};
	uint8_t(*pins)[32] = xcalloc(t->pins_count + 1, sizeof *pins);
	struct tls_context *c;

	for (size_t i = 0; i < t->pins_count; i++) {
		if (!upstream_tls_pin(t->pins[i], pins[i]))
			memset(pins[i], 0, sizeof pins[i]); /* that no key has */
	}
	settings.pins = (const uint8_t(*)[32])pins;
	c = (roots || t->insecure_skip_verify) && (own || !*t->certificate)
		? tls_client_new(&settings)
		: NULL;
	free(pins);
	return c;
}
