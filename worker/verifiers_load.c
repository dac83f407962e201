/*
 * What verifies tokens, out of the table: copied, and keys parsed once.
 */

#include "verifiers_own.h"

#include "lib/map.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <stdlib.h>

struct verifiers *
verifiers_new(void)
{
	return xcalloc(1, sizeof(struct verifiers));
}

static void
verifiers_unload(struct verifiers *v)
{
	for (uint32_t i = 0; i < v->count; i++) {
		for (size_t k = 0; k < v->issuers[i].keys_count; k++)
			jwt_key_free(v->issuers[i].keys[k].key);
	}
	v->issuers = NULL;
	v->count = 0;
	v->algorithms = 0;
	v->any = false;
	arena_reset(&v->arena);
}

void
verifiers_free(struct verifiers *v)
{
	if (!v)
		return;
	verifiers_unload(v);
	arena_deinit(&v->arena);
	free(v);
}

/* ---- out of the table ---- */

static const struct table_issuer *
issuer_at(const struct segment *rules, uint32_t i)
{
	return seg_at(rules, RULES_ISSUERS, i, sizeof(struct table_issuer));
}

static struct slice
text_at(const struct segment *rules, uint32_t i)
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

static void
image_texts(struct buf *image, const struct segment *rules, uint32_t first, uint32_t count)
{
	buf_addf(image, "%u,", count);
	for (uint32_t i = 0; i < count; i++)
		image_add(image, text_at(rules, first + i));
}

void
verifiers_image(const struct segment *rules, struct buf *image)
{
	const struct table_issuer *t;

	for (uint32_t i = 0; (t = issuer_at(rules, i)) != NULL; i++) {
		buf_addf(image, "I%u,%u,%u,%llu,%u,", t->algorithms, t->leeway_s, t->require_exp,
			 (unsigned long long)t->asked, t->required_count);
		image_add(image, seg_string(rules, t->iss));
		image_texts(image, rules, t->audience_first, t->audience_count);
		for (uint32_t k = 0; k < t->required_count; k++) {
			const struct table_required *q =
			    seg_at(rules, RULES_REQUIRED, t->required_first + k, sizeof *q);

			if (!q)
				continue;
			image_add(image, seg_string(rules, q->claim));
			image_texts(image, rules, q->first, q->count);
		}
	}
}

static const struct slice *
texts_read(struct verifiers *v, const struct segment *rules, uint32_t first, uint32_t count)
{
	struct slice *texts = arena_alloc(&v->arena, (count + 1) * sizeof *texts);

	for (uint32_t i = 0; i < count; i++)
		texts[i] = arena_copy(&v->arena, text_at(rules, first + i));
	return texts;
}

static void
required_read(struct verifiers *v, struct verifier *to, const struct segment *rules,
	      const struct table_issuer *t)
{
	to->required = arena_calloc(&v->arena, (t->required_count + 1) * sizeof *to->required);
	for (uint32_t i = 0; i < t->required_count; i++) {
		const struct table_required *q =
		    seg_at(rules, RULES_REQUIRED, t->required_first + i, sizeof *q);

		if (!q)
			continue;
		to->required[to->required_count++] = (struct verifier_claim){
			.claim = arena_copy(&v->arena, seg_string(rules, q->claim)),
			.values = texts_read(v, rules, q->first, q->count),
			.values_count = q->count,
		};
	}
}

static void
issuers_read(struct verifiers *v, const struct segment *rules)
{
	const struct table_issuer *t;

	v->count = seg_count(rules, RULES_ISSUERS);
	v->issuers = arena_calloc(&v->arena, (v->count + 1) * sizeof *v->issuers);
	for (uint32_t i = 0; (t = issuer_at(rules, i)) != NULL; i++) {
		struct verifier *to = &v->issuers[i];

		*to = (struct verifier){
			.algorithms = t->algorithms,
			.asked = t->asked,
			.rules = {
				.issuer = arena_copy(&v->arena, seg_string(rules, t->iss)),
				.audiences = texts_read(v, rules, t->audience_first,
							t->audience_count),
				.audiences_count = t->audience_count,
				.leeway = t->leeway_s,
				.require_exp = t->require_exp != 0,
			},
		};
		required_read(v, to, rules, t);
		v->algorithms |= t->algorithms;
		v->any |= t->asked != 0;
	}
}

/* ---- keys ---- */

/* Parsing one takes as long as a few requests: those that were there before are kept. */
static void
keys_keep(struct verifiers *v, struct map *kept)
{
	for (uint32_t i = 0; i < v->count; i++) {
		for (size_t k = 0; k < v->issuers[i].keys_count; k++) {
			struct verifier_key *key = &v->issuers[i].keys[k];
			void **place = map_put(
			    kept, slice_make((const char *)key->digest, sizeof key->digest));

			if (*place)
				continue; /* of two issuers */
			*place = key->key;
			key->key = NULL;
		}
	}
}

static void
key_forget(void *value)
{
	jwt_key_free(value);
}

/* Of all that makes it what it is. */
static bool
key_digest(const struct table_key_material *m, uint32_t algorithms, struct slice bytes,
	   uint8_t out[SHA256_BYTES])
{
	const uint32_t numbers[] = { m->kind, algorithms };
	struct buf all = { 0 };
	bool good;

	buf_reserve(&all,
		    sizeof numbers + bytes.n); /* at once: growing would leave secrets behind */
	buf_add(&all, numbers, sizeof numbers);
	buf_adds(&all, bytes);
	good = sha256(buf_slice(&all), out);
	explicit_bzero(all.p, all.n);
	buf_deinit(&all);
	return good;
}

static int
key_read(struct verifiers *v, const struct segment *keys, const struct table_key_material *m,
	 struct map *kept)
{
	struct slice bytes = seg_string(keys, m->bytes);
	struct verifier *to = &v->issuers[m->issuer];
	struct verifier_key *k = &to->keys[to->keys_count];
	uint32_t algorithms = to->algorithms & m->algorithms;
	const char *why;

	if (!key_digest(m, algorithms, bytes, k->digest))
		return -EIO;
	k->kid = arena_copy(&v->arena, seg_string(keys, m->kid));
	k->key = map_take(kept, slice_make((const char *)k->digest, sizeof k->digest));
	if (!k->key)
		k->key = m->kind == KEY_SECRET ? jwt_key_secret(bytes, algorithms)
					       : jwt_key_public(bytes, algorithms, &why);
	if (!k->key)
		return -EINVAL;
	to->keys_count++;
	v->any = true;
	return 0;
}

/* Room for those of each issuer. */
static int
keys_count(struct verifiers *v, const struct segment *keys, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		const struct table_key_material *m = table_key_material(keys, i);

		if (!m || m->issuer >= v->count)
			return -EBADMSG;
		v->issuers[m->issuer].keys_cap++;
	}
	for (uint32_t i = 0; i < v->count; i++) {
		struct verifier *to = &v->issuers[i];

		to->keys = arena_calloc(&v->arena, (to->keys_cap + 1) * sizeof *to->keys);
	}
	return 0;
}

int
verifiers_load(struct verifiers *v, const struct segment *rules, const struct segment *keys)
{
	uint32_t n = keys ? seg_count(keys, KEYS_KEYS) : 0;
	struct map kept = MAP_INIT;
	int r;

	keys_keep(v, &kept);
	verifiers_unload(v);
	issuers_read(v, rules);
	r = keys_count(v, keys, n);
	for (uint32_t i = 0; i < n && r == 0; i++)
		r = key_read(v, keys, table_key_material(keys, i), &kept);
	map_deinit(&kept, key_forget);
	if (r < 0)
		verifiers_unload(v);
	return r;
}
