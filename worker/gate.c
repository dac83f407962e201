#include "gate.h"

#include "api_key.h"
#include "identity_make.h"
#include "token_cache.h"
#include "token_source.h"

#include "lib/arena.h"
#include "lib/jwt.h"
#include "lib/sha256.h"
#include "lib/xalloc.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>

/*
 * All that the segments say about tokens is copied out of them at gate_load, and described in
 * `image`. A table with the same description and the same keys changes nothing here: a publication
 * of new routes costs no verified token.
 */

struct verifier {            /* one key of one issuer */
	struct jwt_key *key; /* for the issuer's algorithms alone */
	uint32_t issuer;
	struct slice kid;
	struct jwt_rules rules;
};

struct gate {
	struct arena arena; /* of all that follows, up to image */
	struct verifier *verifiers;
	size_t verifiers_count;
	uint32_t algorithms; /* of all verifiers */
	uint32_t sources;
	struct slice cookie, api_key_header;

	struct buf image;
	uint8_t keys_digest[SHA256_BYTES]; /* of what verifies tokens */
	const struct segment *keys;        /* the last ones, for API keys, and */
	uint64_t keys_checksum;            /* which they are, and */
	uint64_t keys_number;              /* how often they changed */
	int loaded;                        /* what gate_load returned, 1 before */

	struct token_cache *cache;
	struct identity_maker *maker;
	char scratch[TOKEN_SCRATCH];
};

struct gate *
gate_new(void)
{
	struct gate *g = xcalloc(1, sizeof *g);

	g->cache = token_cache_new();
	g->maker = identity_maker_new();
	g->loaded = 1;
	return g;
}

static void
gate_unload(struct gate *g)
{
	for (size_t i = 0; i < g->verifiers_count; i++)
		jwt_key_free(g->verifiers[i].key);
	g->verifiers = NULL;
	g->verifiers_count = 0;
	g->algorithms = g->sources = 0;
	g->cookie = g->api_key_header = (struct slice){ NULL, 0 };
	arena_reset(&g->arena);
	token_cache_clear(g->cache);
}

void
gate_free(struct gate *g)
{
	if (!g)
		return;
	gate_unload(g);
	arena_deinit(&g->arena);
	buf_deinit(&g->image);
	identity_maker_free(g->maker);
	token_cache_free(g->cache);
	explicit_bzero(g->scratch, sizeof g->scratch);
	free(g);
}

static const struct table_issuer *
issuer_at(const struct segment *rules, uint32_t i)
{
	return seg_at(rules, RULES_ISSUERS, i, sizeof(struct table_issuer));
}

static struct slice
audience_at(const struct segment *rules, uint32_t i)
{
	const struct seg_ref *ref = seg_at(rules, RULES_AUDIENCES, i, sizeof(struct seg_ref));

	return ref ? seg_string(rules, *ref) : (struct slice){ NULL, 0 };
}

static void
image_add(struct buf *image, struct slice s)
{
	buf_addf(image, "%zu:", s.n);
	buf_adds(image, s);
}

/* Everything that is taken out of the rules. */
static void
image_build(struct buf *image, const struct segment *rules)
{
	const struct table_global *g = table_global(rules);

	buf_addf(image, "%u,", g->sources);
	image_add(image, seg_string(rules, g->cookie));
	image_add(image, seg_string(rules, g->api_key_header));
	for (uint32_t i = 0; i < seg_count(rules, RULES_ISSUERS); i++) {
		const struct table_issuer *t = issuer_at(rules, i);

		if (!t)
			continue;
		buf_addf(image, "I%u,%u,%u,%u,", t->algorithms, t->leeway_s, t->require_exp,
			 t->audience_count);
		image_add(image, seg_string(rules, t->iss));
		for (uint32_t a = 0; a < t->audience_count; a++)
			image_add(image, audience_at(rules, t->audience_first + a));
	}
	for (uint32_t i = 0; i < seg_count(rules, RULES_CLAIMS); i++) {
		const struct table_claim *t = seg_at(rules, RULES_CLAIMS, i, sizeof *t);

		if (!t)
			continue;
		image_add(image, seg_string(rules, t->claim));
		image_add(image, seg_string(rules, t->header));
	}
	for (uint32_t i = 0; i < seg_count(rules, RULES_FACTS); i++)
		image_add(image, table_fact(rules, i));
}

static int
verifier_read(struct gate *g, const struct segment *rules, const struct segment *keys,
	      const struct table_key_material *material)
{
	const struct table_issuer *t = issuer_at(rules, material->issuer);
	struct verifier *v = &g->verifiers[g->verifiers_count];
	struct slice *audiences, bytes = seg_string(keys, material->bytes);
	const char *why;

	if (!t)
		return -EBADMSG;
	audiences = arena_alloc(&g->arena, (t->audience_count + 1) * sizeof *audiences);
	for (uint32_t i = 0; i < t->audience_count; i++)
		audiences[i] = arena_copy(&g->arena, audience_at(rules, t->audience_first + i));
	*v = (struct verifier){
		.key = material->kind == KEY_SECRET ? jwt_key_secret(bytes, t->algorithms)
						    : jwt_key_public(bytes, t->algorithms, &why),
		.issuer = material->issuer,
		.kid = arena_copy(&g->arena, seg_string(keys, material->kid)),
		.rules = {
			.issuer = arena_copy(&g->arena, seg_string(rules, t->iss)),
			.audiences = audiences,
			.audiences_count = t->audience_count,
			.leeway = t->leeway_s,
			.require_exp = t->require_exp != 0,
		},
	};
	if (!v->key)
		return -EINVAL;
	g->verifiers_count++;
	g->algorithms |= t->algorithms;
	return 0;
}

static int
keys_read(struct gate *g, const struct segment *rules, const struct segment *keys)
{
	uint32_t n = seg_count(keys, KEYS_KEYS);
	int r = 0;

	g->verifiers = arena_calloc(&g->arena, (n + 1) * sizeof *g->verifiers);
	for (uint32_t i = 0; i < n && r == 0; i++) {
		const struct table_key_material *material = table_key_material(keys, i);

		r = material ? verifier_read(g, rules, keys, material) : -EBADMSG;
	}
	return r;
}

static void
rules_read(struct gate *g, const struct segment *rules)
{
	const struct table_global *t = table_global(rules);

	g->sources = t->sources;
	g->cookie = arena_copy(&g->arena, seg_string(rules, t->cookie));
	if (g->sources & TOKEN_FROM_API_KEY)
		g->api_key_header = arena_copy(&g->arena, seg_string(rules, t->api_key_header));
	identity_maker_load(g->maker, rules);
}

/* Some issuers and no key at all: nothing could pass. */
static bool
keys_are_missing(const struct segment *rules, const struct segment *keys)
{
	return seg_count(rules, RULES_ISSUERS) > 0 && (!keys || seg_count(keys, KEYS_KEYS) == 0);
}

/* Certificates, tickets and API keys come and go beside what verifies tokens. */
static int
keys_digest(const struct segment *keys, uint8_t out[SHA256_BYTES])
{
	struct buf all = { 0 };
	bool good;
	size_t n = 0;

	for (uint32_t i = 0; keys && i < seg_count(keys, KEYS_KEYS); i++)
		n += sizeof(struct table_key_material) + table_key_material(keys, i)->kid.size +
		     table_key_material(keys, i)->bytes.size;
	buf_reserve(&all, n + 1); /* at once: growing would leave secrets behind */
	for (uint32_t i = 0; keys && i < seg_count(keys, KEYS_KEYS); i++) {
		const struct table_key_material *m = table_key_material(keys, i);
		const uint32_t numbers[] = { m->issuer, m->kind, m->kid.size, m->bytes.size };

		buf_add(&all, numbers, sizeof numbers);
		buf_adds(&all, seg_string(keys, m->kid));
		buf_adds(&all, seg_string(keys, m->bytes));
	}
	good = sha256(buf_slice(&all), out);
	explicit_bzero(all.p, all.cap);
	buf_deinit(&all);
	return good ? 0 : -EIO;
}

/* API keys are looked up in the segment itself; identities of those that were there before are in
 * the cache under another number. */
static void
api_keys_load(struct gate *g, const struct segment *keys)
{
	uint64_t checksum = keys ? keys->head->checksum : 0;

	g->keys = keys;
	g->keys_number += checksum != g->keys_checksum;
	g->keys_checksum = checksum;
}

int
gate_load(struct gate *g, const struct segment *rules, const struct segment *keys)
{
	uint8_t digest[SHA256_BYTES];
	struct buf image = { 0 };
	int r = keys_digest(keys, digest);

	if (!table_global(rules))
		return -EBADMSG;
	api_keys_load(g, keys);
	image_build(&image, rules);
	if (r == 0 && g->loaded <= 0 && sha256_equal(g->keys_digest, digest) &&
	    slice_eq(buf_slice(&image), buf_slice(&g->image))) {
		buf_deinit(&image);
		return g->loaded;
	}
	gate_unload(g);
	buf_deinit(&g->image);
	g->image = image;
	memcpy(g->keys_digest, digest, sizeof digest);
	rules_read(g, rules);
	g->loaded = keys_are_missing(rules, keys) ? -ENOKEY : keys ? keys_read(g, rules, keys) : 0;
	return g->loaded;
}

static enum reason
reason_of(enum jwt_verdict verdict)
{
	switch (verdict) {
	case JWT_OK:
		return REASON_none;
	case JWT_MALFORMED:
		return REASON_token_malformed;
	case JWT_ALGORITHM:
		return REASON_token_algorithm;
	case JWT_SIGNATURE:
		return REASON_token_signature;
	case JWT_ISSUER:
		return REASON_token_issuer;
	case JWT_AUDIENCE:
		return REASON_token_audience;
	case JWT_CLAIM:
		return REASON_token_claim;
	case JWT_NOT_YET_VALID:
		return REASON_token_not_yet_valid;
	case JWT_EXPIRED:
		return REASON_token_expired;
	}
	return REASON_internal;
}

/* By one verifier. */
static enum jwt_verdict
verify_by(const struct verifier *v, struct jwt_token *t, int64_t now, struct jwt_span *span)
{
	enum jwt_verdict r;

	if (v->kid.n > 0 && t->kid.p && !slice_eq(v->kid, t->kid))
		return JWT_SIGNATURE;
	r = jwt_verify(t, v->key);
	if (r == JWT_OK)
		r = jwt_claims(t);
	return r == JWT_OK ? jwt_check(t, &v->rules, now, span) : r;
}

/* By any; else what the one says that came furthest. */
static enum jwt_verdict
verify(const struct gate *g, struct jwt_token *t, int64_t now, struct jwt_span *span,
       uint32_t *issuer)
{
	enum jwt_verdict best = JWT_ALGORITHM;

	for (size_t i = 0; i < g->verifiers_count; i++) {
		enum jwt_verdict r = verify_by(&g->verifiers[i], t, now, span);

		*issuer = g->verifiers[i].issuer;
		if (r == JWT_OK || r == JWT_MALFORMED)
			return r;
		if (r > best)
			best = r;
	}
	return best;
}

static enum reason
token_check(struct gate *g, struct slice token, int64_t now, struct token_entry *entry)
{
	struct jwt_token t;
	enum jwt_verdict verdict = jwt_token_init(&t, token, g->algorithms);
	uint32_t issuer = 0;
	enum reason reason;

	if (verdict == JWT_OK)
		verdict = verify(g, &t, now, &entry->span, &issuer);
	reason = verdict == JWT_OK ? identity_make(g->maker, t.claims, IDENTITY_TOKEN, issuer,
						   entry->span.until, &entry->who)
				   : reason_of(verdict);
	jwt_token_deinit(&t);
	return reason;
}

static enum reason
span_check(const struct jwt_span *span, int64_t now)
{
	if (now >= span->until)
		return REASON_token_expired;
	return now < span->from ? REASON_token_not_yet_valid : REASON_none;
}

static enum reason
token_judge(struct gate *g, struct slice token, int64_t now, bool *cached,
	    struct token_entry *entry)
{
	enum reason reason;
	uint64_t hash;

	if (g->loaded != 0 || g->verifiers_count == 0)
		return REASON_gate_no_keys;
	if (token.n > JWT_TOKEN_MAX)
		return REASON_token_malformed;
	hash = token_cache_hash(g->cache, token);
	*cached = token_cache_get(g->cache, token, hash, entry);
	if (*cached)
		return span_check(&entry->span, now);
	reason = token_check(g, token, now, entry);
	if (reason == REASON_none)
		token_cache_put(g->cache, token, hash, entry);
	return reason;
}

/* In the cache a key stands behind the number of the keys it is one of: no token begins so, as no
 * field has a NUL. */
static struct slice
key_name(struct gate *g, struct slice key)
{
	size_t n = key.n < TABLE_API_KEY_MAX ? key.n : TABLE_API_KEY_MAX;
	uint64_t number = htobe64(g->keys_number);

	memcpy(g->scratch, &number, sizeof number);
	memcpy(g->scratch + sizeof number, key.p, n);
	return slice_make(g->scratch, sizeof number + n);
}

static enum reason
key_judge(struct gate *g, struct slice key, int64_t now, bool *cached, struct token_entry *entry)
{
	struct slice name;
	enum reason reason;
	uint64_t hash;

	if (key.n == 0 || key.n > TABLE_API_KEY_MAX)
		return REASON_api_key_invalid;
	name = key_name(g, key);
	hash = token_cache_hash(g->cache, name);
	*cached = token_cache_get(g->cache, name, hash, entry);
	if (*cached)
		return now < entry->span.until ? REASON_none : REASON_api_key_invalid;
	reason = api_key_check(g->keys, key, now, g->maker, entry);
	if (reason == REASON_none)
		token_cache_put(g->cache, name, hash, entry);
	return reason;
}

struct slice
gate_api_key_header(const struct gate *g)
{
	return g->api_key_header;
}

void
gate_check(struct gate *g, const struct gate_input *in, int64_t now, struct gate_verdict *out)
{
	struct token_entry entry;
	struct slice token;

	*out = (struct gate_verdict){ 0 };
	out->reason = token_find(in, g->sources, g->cookie, g->scratch, &token);
	if (out->reason == REASON_none)
		out->reason = token_judge(g, token, now, &out->cached, &entry);
	else if (out->reason == REASON_token_missing && in->api_key.p)
		out->reason = in->api_key_repeated
				  ? REASON_token_repeated
				  : key_judge(g, in->api_key, now, &out->cached, &entry);
	if (out->reason == REASON_none)
		out->who = entry.who;
}
