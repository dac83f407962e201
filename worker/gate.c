#include "gate.h"

#include "api_key.h"
#include "identity_make.h"
#include "opaque.h"
#include "token_cache.h"
#include "token_source.h"
#include "verifiers.h"

#include "lib/arena.h"
#include "lib/jwt.h"
#include "lib/sha256.h"
#include "lib/xalloc.h"
#include "shm/message.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>

/*
 * All that the segments say about tokens is copied out of them at gate_load, and described in
 * `image`. A table with the same description and the same keys changes nothing here: a publication
 * of new routes costs no verified token.
 */

#define CLAIMS_DEPTH 16

struct gate {
	struct verifiers *verifiers;
	struct arena arena; /* of all that follows, up to image */
	struct token_places places;
	struct gate_headers headers;
	bool introspects; /* some issuer is asked for tokens that say nothing: */
	uint32_t introspecting;

	struct buf image;
	uint8_t keys_digest[SHA256_BYTES]; /* of what verifies tokens */
	const struct segment *keys;        /* the last ones, for API keys, and */
	uint64_t keys_checksum;            /* which they are, and */
	uint64_t keys_number;              /* how often they changed */
	int loaded;                        /* what gate_load returned, 1 before */

	struct token_cache *cache;
	struct opaque *opaque; /* of tokens that say nothing; NULL: there was none yet */
	struct identity_maker *maker;
	char scratch[TOKEN_SCRATCH];
};

struct gate *
gate_new(void)
{
	struct gate *g = xcalloc(1, sizeof *g);

	g->cache = token_cache_new();
	g->maker = identity_maker_new();
	g->verifiers = verifiers_new();
	g->loaded = 1;
	return g;
}

static void
gate_unload(struct gate *g)
{
	g->places = (struct token_places){ 0 };
	g->headers = (struct gate_headers){ 0 };
	g->introspects = false;
	if (g->opaque)
		opaque_clear(g->opaque);
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
	verifiers_free(g->verifiers);
	token_cache_free(g->cache);
	opaque_free(g->opaque);
	explicit_bzero(g->scratch, sizeof g->scratch);
	free(g);
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

	buf_addf(image, "%u,%u,", g->sources, g->first_cookie);
	image_add(image, seg_string(rules, g->cookie));
	image_add(image, seg_string(rules, g->api_key_header));
	image_add(image, seg_string(rules, g->token_header));
	buf_addf(image, "%u,", g->introspecting);
	image_add(image, seg_string(rules, g->introspection));
	verifiers_image(rules, image);
	for (uint32_t i = 0; i < seg_count(rules, RULES_CLAIMS); i++) {
		const struct table_claim *t = seg_at(rules, RULES_CLAIMS, i, sizeof *t);

		if (!t)
			continue;
		buf_addf(image, "%u,%u,", t->format, t->optional);
		image_add(image, seg_string(rules, t->claim));
		image_add(image, seg_string(rules, t->header));
	}
	for (uint32_t i = 0; i < seg_count(rules, RULES_FACTS); i++)
		image_add(image, table_fact(rules, i));
}

static void
rules_read(struct gate *g, const struct segment *rules)
{
	const struct table_global *t = table_global(rules);

	g->places = (struct token_places){
		.sources = t->sources,
		.cookie = arena_copy(&g->arena, seg_string(rules, t->cookie)),
		.first_cookie = t->first_cookie != 0,
	};
	g->introspects = t->introspection.size > 0;
	g->introspecting = t->introspecting;
	if (g->introspects && !g->opaque)
		g->opaque = opaque_new();
	if (t->sources & TOKEN_FROM_HEADER)
		g->headers.token = arena_copy(&g->arena, seg_string(rules, t->token_header));
	if (t->sources & TOKEN_FROM_API_KEY)
		g->headers.api_key = arena_copy(&g->arena, seg_string(rules, t->api_key_header));
	identity_maker_load(g->maker, rules);
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
		const uint32_t numbers[] = { m->issuer, m->kind, m->algorithms, m->kid.size,
					     m->bytes.size };

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
	g->loaded = verifiers_load(g->verifiers, rules, keys);
	if (g->loaded == 0 && seg_count(rules, RULES_ISSUERS) > 0 && !g->introspects &&
	    !verifiers_any(g->verifiers))
		g->loaded = -ENOKEY; /* nothing could pass */
	return g->loaded;
}

static enum reason
token_check(struct gate *g, struct slice token, const struct gate_input *in, int64_t now,
	    struct token_entry *entry, uint64_t *asked)
{
	struct jwt_token t;
	struct verified v;

	verifiers_check(g->verifiers, &t, token, in->issuers, now, &v);
	if (v.reason == REASON_none)
		v.reason = identity_make(g->maker, t.claims, IDENTITY_TOKEN, v.issuer, v.span.until,
					 &entry->who);
	entry->span = v.span;
	*asked = v.asked;
	jwt_token_deinit(&t);
	return v.reason;
}

static enum reason
entry_check(const struct token_entry *entry, const struct gate_input *in, int64_t now)
{
	const struct jwt_span *span = &entry->span;

	if (!(in->issuers >> entry->who->issuer & 1))
		return REASON_token_issuer;
	if (now >= span->until)
		return REASON_token_expired;
	return now < span->from ? REASON_token_not_yet_valid : REASON_none;
}

/* Three parts, the first of which is the JSON of a header: such a token says something. */
static bool
is_jwt(struct slice token)
{
	unsigned dots = 0;

	for (size_t i = 0; i < token.n; i++)
		dots += token.p[i] == '.';
	return dots == 2 && slice_starts(token, SLICE("eyJ"));
}

static enum reason
opaque_judge(struct gate *g, struct slice token, const struct gate_input *in, int64_t now,
	     struct gate_verdict *out, struct token_entry *entry)
{
	enum reason reason;

	if (!(in->issuers >> g->introspecting & 1))
		return REASON_token_issuer;
	if (token.n > TOKEN_ASKED_MAX)
		return REASON_token_malformed;
	opaque_name(g->opaque, token, out->name);
	out->cached = opaque_find(g->opaque, out->name, now, &reason, &entry->who);
	if (out->cached)
		return reason;
	out->unknown = token;
	return REASON_gate_unavailable;
}

void
gate_told(struct gate *g, const struct msg_token_told *told, int64_t now)
{
	const struct identity *who = NULL;
	enum reason reason = REASON_token_inactive;
	struct jwt_span span = { INT64_MIN, told->until };
	int64_t until;
	struct json *claims = NULL;

	if (!g->introspects)
		return;
	if (told->told == TOKEN_UNJUDGED) {
		opaque_put(g->opaque, told->name, REASON_gate_unavailable, now + 1, NULL);
		return;
	}
	if (told->told == TOKEN_ACTIVE && told->n <= sizeof told->claims &&
	    json_parse(slice_make(told->claims, told->n), sizeof told->claims, CLAIMS_DEPTH,
		       &claims) == 0) {
		reason = verifiers_judge(g->verifiers, g->introspecting, claims, now, &span);
		if (reason == REASON_none)
			reason = identity_make(g->maker, claims, IDENTITY_TOKEN, g->introspecting,
					       span.until, &who);
	}
	json_free(claims);
	until = reason == REASON_none && span.until < told->until ? span.until : told->until;
	/* Who waits for it finds it in any case. */
	opaque_put(g->opaque, told->name, reason, until > now ? until : now + 1,
		   reason == REASON_none ? who : NULL);
}

static enum reason
token_judge(struct gate *g, struct slice token, const struct gate_input *in, int64_t now,
	    struct gate_verdict *out, struct token_entry *entry)
{
	enum reason reason;
	bool known = false;
	uint64_t hash;

	if (g->introspects && (!is_jwt(token) || !verifiers_any(g->verifiers)))
		return opaque_judge(g, token, in, now, out, entry);
	if (g->loaded != 0 || !verifiers_any(g->verifiers))
		return REASON_gate_no_keys;
	if (token.n > JWT_TOKEN_MAX)
		return REASON_token_malformed;
	hash = token_cache_hash(g->cache, token);
	out->cached = token_cache_get(g->cache, token, hash, entry);
	if (out->cached) {
		reason = entry_check(entry, in, now);
		if (reason != REASON_token_issuer)
			return reason;
		out->cached = false; /* another one, whose tokens name none, may take it too */
		known = true;
	}
	reason = token_check(g, token, in, now, entry, &out->asked);
	if (reason == REASON_none && !known)
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
key_judge(struct gate *g, const struct gate_input *in, int64_t now, bool *cached,
	  struct token_entry *entry)
{
	struct slice name, key = in->api_key;
	enum reason reason;
	uint64_t hash;

	if (key.n == 0 || key.n > TABLE_API_KEY_MAX)
		return REASON_api_key_invalid;
	if (!(in->issuers & ISSUERS_API_KEYS))
		return REASON_token_issuer;
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

void
gate_verify(struct gate *g, struct jwt_token *t, struct slice text, uint64_t issuers, int64_t now,
	    bool logout, struct verified *out)
{
	if (logout)
		verifiers_check_logout(g->verifiers, t, text, issuers, now, out);
	else
		verifiers_check(g->verifiers, t, text, issuers, now, out);
	if (g->loaded != 0 && out->reason == REASON_none)
		out->reason = REASON_gate_no_keys;
}

const struct gate_headers *
gate_headers(const struct gate *g)
{
	return &g->headers;
}

void
gate_check(struct gate *g, const struct gate_input *in, int64_t now, struct gate_verdict *out)
{
	struct token_entry entry;
	struct slice token;

	*out = (struct gate_verdict){ 0 };
	out->reason = token_find(in, &g->places, g->scratch, &token);
	if (out->reason == REASON_none)
		out->reason = token_judge(g, token, in, now, out, &entry);
	else if (out->reason == REASON_token_missing && in->api_key.p)
		out->reason = in->api_key_repeated ? REASON_token_repeated
						   : key_judge(g, in, now, &out->cached, &entry);
	if (out->reason == REASON_none) {
		out->who = entry.who;
		out->token = token;
	}
}
