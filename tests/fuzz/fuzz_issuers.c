/*
 * What issuers bring from outside beside sets of keys (fuzz_jwks): a URL that a provider's document
 * names, behind 'u', and last-known-good keys in a file that somebody may have written to. A URL
 * that is taken can stand in a request; keys that are taken are public ones that can be used, and
 * are the same when they are written and read once more.
 */

#include "master/issuers_own.h"
#include "master/url.h"

#include "lib/buf.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct config_issuer corp = { .name = "corp",
					   .iss = "https://corp",
					   .algorithms = JWT_ALGS_PUBLIC,
					   .jwks_uri = "https://corp/keys" };

static void
try_url(struct slice text)
{
	struct arena arena = { 0 };
	struct config_url url;

	if (!url_parse(&arena, text, &url)) {
		assert(url.port > 0 && *url.host && url.path[0] == '/');
		for (const char *p = url.path; *p; p++)
			assert(*p > ' ' && *p <= '~');
		for (const char *p = url.authority; *p; p++)
			assert(*p > ' ' && *p <= '~' && *p != '/' && *p != '@');
	}
	arena_deinit(&arena);
}

static void
remember(struct issuers *is, struct issuer *i, struct issuer **place, struct slice text)
{
	*i = (struct issuer){ .of = is, .config = &corp, .id = issuers_id(&corp) };
	*place = i;
	*is = (struct issuers){ .all = place, .count = 1 };
	(void)!issuers_remember(is, text);
}

static void
try_file(struct slice text)
{
	struct issuers first, second;
	struct issuer a, b, *places[2];
	struct buf BUF_CLEAN written = { 0 };

	remember(&first, &a, &places[0], text);
	for (size_t k = 0; k < a.set.jwks.count; k++) {
		struct jwt_key *key = jwks_key_load(&a.set.jwks.keys[k]);

		assert(key && !a.set.jwks.keys[k].secret);
		jwt_key_free(key);
	}
	if (a.known) {
		issuers_write(&first, &written);
		remember(&second, &b, &places[1], buf_slice(&written));
		assert(b.known && sha256_equal(a.set.digest, b.set.digest));
		issuer_set_deinit(&b.set);
	}
	issuer_set_deinit(&a.set);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = slice_make((const char *)data, size);

	if (size > 0 && data[0] == 'u')
		try_url(slice_make(text.p + 1, text.n - 1));
	else
		try_file(text);
	return 0;
}
