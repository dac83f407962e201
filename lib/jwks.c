#include "jwks.h"

#include "base64.h"
#include "jwk.h"
#include "xalloc.h"

#include <errno.h>
#include <stdlib.h>

#define DEPTH 8 /* of ours: set, keys, key, key_ops. The rest is for members that nobody knows. */
#define SECRET_MAX 1024

static struct slice
copy(struct slice s)
{
	return s.p ? slice_make(xstrndup(s.p, s.n), s.n) : (struct slice){ NULL, 0 };
}

static void
forget(struct slice s)
{
	if (s.p)
		explicit_bzero((char *)(uintptr_t)s.p, s.n);
	free((char *)(uintptr_t)s.p);
}

static size_t
digest_bytes(enum jwt_alg alg)
{
	static const size_t bytes[JWT_HMAC_N] = { 32, 48, 64 };

	return bytes[alg];
}

/* RFC 7517 section 4.2 and 4.3. */
static const char *
purpose_check(const struct json *jwk)
{
	const struct json *use = json_get(jwk, "use"), *ops = json_get(jwk, "key_ops");
	struct slice text = json_text(use);
	bool found = false;

	if (use && !(text.p && slice_eq(text, SLICE("sig"))))
		return "its use is not sig";
	if (!ops)
		return NULL;
	if (json_kind(ops) != JSON_ARRAY)
		return "its key_ops are no list";
	for (const struct json *op = json_first(ops); op; op = json_next(op)) {
		text = json_text(op);
		found = found || (text.p && slice_eq(text, SLICE("verify")));
	}
	return found ? NULL : "its key_ops do not hold verify";
}

/* Leaves of *algorithms those that the key says it is for. */
static const char *
alg_check(const struct json *jwk, uint32_t *algorithms)
{
	const struct json *alg = json_get(jwk, "alg");
	struct slice name = json_text(alg);
	int known;

	if (!alg)
		return NULL;
	known = name.p ? jwt_alg_parse(name) : -1;
	*algorithms &= known < 0 ? 0 : 1u << known;
	return *algorithms ? NULL : "its alg is not taken";
}

/* RFC 7518 section 6.4. */
static const char *
secret_read(const struct json *jwk, struct jwks_key *key)
{
	struct slice text = json_text(json_get(jwk, "k"));
	char bytes[SECRET_MAX + 2];
	const char *why = NULL;
	size_t n;

	key->algorithms &= JWT_ALGS_SECRET;
	if (!key->algorithms)
		return "a secret, and none of the algorithms takes one";
	if (!text.p || text.n / 4 * 3 > SECRET_MAX - 2 || base64url_decode(text, bytes, &n) < 0)
		return "k is missing, too long, or not in base64url";
	for (int i = 0; i < JWT_HMAC_N; i++) {
		if (n < digest_bytes((enum jwt_alg)i))
			key->algorithms &= ~(1u << i);
	}
	if (!key->algorithms)
		why = "a secret that is shorter than the digest";
	else
		key->bytes = copy(slice_make(bytes, n));
	explicit_bzero(bytes, sizeof bytes);
	key->secret = true;
	return why;
}

/* Leaves of its algorithms those that fit its kind. */
static const char *
public_read(const struct json *jwk, struct jwks_key *key)
{
	BUF_CLEAN struct buf pem = { 0 };
	const char *why = jwk_to_pem(jwk, &pem);
	struct jwt_key *loaded;

	if (why)
		return why;
	loaded = jwt_key_public(buf_slice(&pem), key->algorithms, &why);
	if (!loaded)
		return why;
	key->algorithms = jwt_key_takes(loaded);
	key->bytes = copy(buf_slice(&pem));
	jwt_key_free(loaded);
	return NULL;
}

/* Two keys for one kid and one algorithm would be a choice that no token can make. */
static bool
is_taken(const struct jwks *set, const struct jwks_key *key)
{
	bool found = false;

	for (size_t i = 0; key->kid.p && i < set->count; i++) {
		const struct jwks_key *k = &set->keys[i];

		found = found || (k->kid.p && slice_eq(k->kid, key->kid) &&
				  (k->algorithms & key->algorithms));
	}
	return found;
}

static const char *
key_read(const struct json *jwk, struct jwks_key *key)
{
	const struct json *kid = json_get(jwk, "kid");
	struct slice kind = json_text(json_get(jwk, "kty"));
	const char *why;

	if (json_kind(jwk) != JSON_OBJECT)
		return "no object";
	if (kid && !key->kid.p)
		return "its kid is no text";
	if (key->kid.p && (key->kid.n == 0 || key->kid.n > JWKS_KID_MAX))
		return "its kid is empty or longer than 256 bytes";
	why = purpose_check(jwk);
	if (!why)
		why = alg_check(jwk, &key->algorithms);
	if (why)
		return why;
	return kind.p && slice_eq(kind, SLICE("oct")) ? secret_read(jwk, key)
						      : public_read(jwk, key);
}

static void
key_add(struct jwks *set, const struct json *jwk, size_t index, uint32_t algorithms)
{
	struct jwks_key key = { .kid = json_text(json_get(jwk, "kid")), .algorithms = algorithms };
	const char *why = key_read(jwk, &key);

	if (!why && is_taken(set, &key))
		why = "another key of the same kid takes the same algorithm";
	key.kid = copy(key.kid);
	if (!why) {
		set->keys[set->count++] = key;
		return;
	}
	forget(key.bytes);
	set->refused[set->refused_count++] = (struct jwks_refusal){ index, key.kid, why };
}

static int
set_read(struct jwks *set, const struct json *root, uint32_t algorithms)
{
	const struct json *keys = json_get(root, "keys");
	size_t n = 0;

	if (!keys || json_kind(keys) != JSON_ARRAY)
		return -EINVAL;
	for (const struct json *k = json_first(keys); k; k = json_next(k))
		n++;
	if (n > JWKS_KEYS_MAX)
		return -E2BIG;
	set->keys = xcalloc(n + 1, sizeof *set->keys);
	set->refused = xcalloc(n + 1, sizeof *set->refused);
	n = 0;
	for (const struct json *k = json_first(keys); k; k = json_next(k))
		key_add(set, k, n++, algorithms);
	return 0;
}

int
jwks_parse(struct slice text, uint32_t algorithms, struct jwks *out)
{
	struct json *root;
	int r;

	*out = (struct jwks){ 0 };
	r = json_parse(text, JWKS_BYTES_MAX, DEPTH, &root);
	if (r < 0)
		return r;
	r = set_read(out, root, algorithms);
	json_free(root);
	return r;
}

void
jwks_deinit(struct jwks *set)
{
	for (size_t i = 0; i < set->count; i++) {
		forget(set->keys[i].kid);
		forget(set->keys[i].bytes);
	}
	for (size_t i = 0; i < set->refused_count; i++)
		forget(set->refused[i].kid);
	free(set->keys);
	free(set->refused);
	*set = (struct jwks){ 0 };
}

struct jwt_key *
jwks_key_load(const struct jwks_key *key)
{
	const char *why;

	return key->secret ? jwt_key_secret(key->bytes, key->algorithms)
			   : jwt_key_public(key->bytes, key->algorithms, &why);
}
