#include "credentials.h"

#include "lib/log.h"
#include "lib/map.h"
#include "lib/tls.h"
#include "lib/xalloc.h"

#include <stdlib.h>

struct kept {
	uint8_t digest[32];
	void *thing; /* NULL: it cannot be used */
};

struct credentials {
	struct kept *own, *trusts;
	uint32_t own_count, trusts_count;
};

struct credentials *
credentials_new(void)
{
	return xcalloc(1, sizeof(struct credentials));
}

static void
forget(struct credentials *c)
{
	for (uint32_t i = 0; i < c->own_count; i++)
		tls_certificate_unref(c->own[i].thing);
	for (uint32_t i = 0; i < c->trusts_count; i++)
		tls_trust_unref(c->trusts[i].thing);
	free(c->own);
	free(c->trusts);
}

void
credentials_free(struct credentials *c)
{
	forget(c);
	free(c);
}

static struct slice
name_of(const uint8_t digest[32])
{
	return slice_make((const char *)digest, 32);
}

static struct tls_certificate *
take_own(const struct map *old, const struct segment *keys, uint32_t i)
{
	const struct table_certificate *row = table_certificate(keys, i);
	struct tls_certificate *c = map_get(old, name_of(row->digest));
	const char *why;

	if (c)
		return tls_certificate_ref(c);
	c = tls_certificate_new(seg_string(keys, row->chain), seg_string(keys, row->key), &why);
	if (!c)
		log_error("certificate number=%u error=\"%s\"", i, why);
	return c;
}

static struct tls_trust *
take_trust(const struct map *old, const struct segment *keys, uint32_t i)
{
	const struct table_clients *row = table_clients(keys, i);
	struct tls_trust *t = map_get(old, name_of(row->digest));
	const char *why;
	unsigned left_out;

	if (t)
		return tls_trust_ref(t);
	t = tls_trust_new(seg_string(keys, row->ca), seg_string(keys, row->crl), &left_out, &why);
	if (!t)
		log_error("certificates of clients number=%u error=\"%s\"", i, why);
	return t;
}

static struct map
by_digest(const struct kept *kept, uint32_t count)
{
	struct map m = MAP_INIT;

	for (uint32_t i = 0; i < count; i++)
		*map_put(&m, name_of(kept[i].digest)) = kept[i].thing;
	return m;
}

void
credentials_load(struct credentials *c, const struct segment *keys)
{
	struct credentials fresh = {
		.own_count = seg_count(keys, KEYS_CERTIFICATES),
		.trusts_count = seg_count(keys, KEYS_CLIENTS),
	};
	struct map own = by_digest(c->own, c->own_count);
	struct map trusts = by_digest(c->trusts, c->trusts_count);

	fresh.own = xcalloc(fresh.own_count, sizeof *fresh.own);
	fresh.trusts = xcalloc(fresh.trusts_count, sizeof *fresh.trusts);
	for (uint32_t i = 0; i < fresh.own_count; i++) {
		memcpy(fresh.own[i].digest, table_certificate(keys, i)->digest,
		       sizeof fresh.own[i].digest);
		fresh.own[i].thing = take_own(&own, keys, i);
	}
	for (uint32_t i = 0; i < fresh.trusts_count; i++) {
		memcpy(fresh.trusts[i].digest, table_clients(keys, i)->digest,
		       sizeof fresh.trusts[i].digest);
		fresh.trusts[i].thing = take_trust(&trusts, keys, i);
	}
	map_deinit(&own, NULL);
	map_deinit(&trusts, NULL);
	forget(c);
	*c = fresh;
}

struct tls_certificate *
credentials_own(const struct credentials *c, uint32_t i)
{
	return i < c->own_count ? c->own[i].thing : NULL;
}

struct tls_trust *
credentials_trust(const struct credentials *c, uint32_t i)
{
	return i < c->trusts_count ? c->trusts[i].thing : NULL;
}
