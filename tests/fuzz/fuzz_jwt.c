/*
 * Tokens: nothing passes but what libcrypto's one-shot HMAC would have signed, and what is judged
 * good is good for the whole of its span and not at its ends.
 *
 * The first byte says whether the rest is a token as it is, or a header and claims (each a line) to
 * be signed, which is where the depth is.
 */

#include "lib/jwt.h"

#include "tests/unit/token.h"

#include <assert.h>
#include <stdlib.h>

#define ALL ((1u << JWT_ALG_N) - 1)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const EVP_MD *
digest_of(enum jwt_alg alg)
{
	return alg == JWT_HS256 ? EVP_sha256() : alg == JWT_HS384 ? EVP_sha384() : EVP_sha512();
}

/* A good signature is the one that anybody would make of these bytes, and there is one text for it.
 */
static void
check_signature(const struct jwt_token *t, struct slice text, bool good)
{
	BUF_CLEAN struct buf b = { 0 };

	buf_adds(&b, t->input);
	token_sign(&b, 0, SLICE(TOKEN_SECRET), digest_of(t->alg));
	assert(good == (t->alg < JWT_HMAC_N && slice_eq(buf_slice(&b), text)));
}

static void
check_claims(struct jwt_token *t, int64_t now)
{
	const struct slice audiences[] = { SLICE("a"), SLICE("b") };
	struct jwt_rules rules = { .leeway = 60, .audiences = audiences };
	struct jwt_span span, other;

	for (unsigned i = 0; i < 8; i++) {
		rules.issuer = i & 1 ? SLICE("i") : SLICE("");
		rules.audiences_count = i & 2 ? 2 : 0;
		rules.require_exp = i & 4;
		if (jwt_check(t, &rules, now, &span) != JWT_OK)
			continue;
		assert(span.from <= now && now < span.until);
		assert(span.until == INT64_MAX ||
		       jwt_check(t, &rules, span.until, &other) == JWT_EXPIRED);
		assert(span.until == INT64_MAX ||
		       jwt_check(t, &rules, span.until - 1, &other) == JWT_OK);
		assert(span.from == INT64_MIN || jwt_check(t, &rules, span.from, &other) == JWT_OK);
		assert(span.from == INT64_MIN ||
		       jwt_check(t, &rules, span.from - 1, &other) == JWT_NOT_YET_VALID);
		assert(!rules.require_exp || span.until != INT64_MAX);
	}
}

static void
try_token(struct slice text, bool is_signed)
{
	static struct jwt_key *key;
	struct jwt_token t;

	if (!key)
		key = jwt_key_secret(SLICE(TOKEN_SECRET), ALL);
	if (jwt_token_init(&t, text, ALL) == JWT_OK) {
		bool good = jwt_verify(&t, key) == JWT_OK;

		assert(text.n <= JWT_TOKEN_MAX);
		check_signature(&t, text, good);
		if ((good || !is_signed) && jwt_claims(&t) == JWT_OK) {
			check_claims(&t, 1700000000);
			check_claims(&t, 0);
		}
	}
	jwt_token_deinit(&t);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	BUF_CLEAN struct buf b = { 0 };
	struct slice text, header, claims;

	if (size == 0)
		return 0;
	text = slice_make((const char *)data + 1, size - 1);
	if (data[0] & 1) {
		try_token(text, false);
		return 0;
	}
	header = slice_cut(text, '\n', &claims);
	token_part(&b, header);
	buf_addc(&b, '.');
	token_part(&b, claims);
	token_sign(&b, 0, SLICE(TOKEN_SECRET), digest_of(data[0] / 2 % JWT_HMAC_N));
	try_token(buf_slice(&b), true);
	return 0;
}
