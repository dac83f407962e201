/*
 * Last-known-good sets of keys: public ones alone, with the time at which they were fetched. Read
 * back only for issuers that are named, told and fetched as they were, and through the same doubts
 * as a set out of the network.
 */

#include "issuers_own.h"

#include "issuer_names.h"

#include "lib/clock.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <stdio.h>

#define DEPTH 8

static void
write_algorithms(uint32_t algorithms, struct buf *out)
{
	bool any = false;

	buf_addc(out, '[');
	for (int a = 0; a < JWT_ALG_N; a++) {
		if (!(algorithms & 1u << a))
			continue;
		buf_adds(out, any ? SLICE(",") : SLICE(""));
		buf_add_json(out, slice_of(jwt_alg_name((enum jwt_alg)a)));
		any = true;
	}
	buf_addc(out, ']');
}

static void
write_issuer(const struct issuer *i, struct buf *out)
{
	buf_addf(out, "{\"id\":\"%016llx\",\"name\":", (unsigned long long)i->id);
	buf_add_json(out, slice_of(i->config->name));
	if (i->config->provider) {
		buf_adds(out, SLICE(",\"endpoints\":"));
		issuer_endpoints_write(i, out);
	}
	buf_addf(out, ",\"fetched\":%lld,\"keys\":[", (long long)i->fetched_wall);
	for (size_t k = 0; k < i->set.jwks.count; k++) {
		const struct jwks_key *key = &i->set.jwks.keys[k];

		buf_adds(out, k > 0 ? SLICE(",\n{") : SLICE("\n{"));
		if (key->kid.p) {
			buf_adds(out, SLICE("\"kid\":"));
			buf_add_json(out, key->kid);
			buf_addc(out, ',');
		}
		buf_adds(out, SLICE("\"algorithms\":"));
		write_algorithms(key->algorithms, out);
		buf_adds(out, SLICE(",\"pem\":"));
		buf_add_json(out, key->bytes);
		buf_addc(out, '}');
	}
	buf_adds(out, SLICE("]}"));
}

static bool
is_saved(const struct issuer *i)
{
	return i->known && config_issuers_fetched(i->config);
}

bool
issuers_saved(const struct issuers *is)
{
	for (size_t k = 0; k < is->count; k++) {
		if (is_saved(is->all[k]))
			return true;
	}
	return false;
}

void
issuers_write(const struct issuers *is, struct buf *out)
{
	bool any = false;

	buf_adds(out, SLICE("{\"issuers\":["));
	for (size_t k = 0; k < is->count; k++) {
		const struct issuer *i = is->all[k];

		if (!is_saved(i))
			continue;
		buf_adds(out, any ? SLICE(",\n") : SLICE("\n"));
		write_issuer(i, out);
		any = true;
	}
	buf_adds(out, SLICE("]}\n"));
}

/* ---- reading ---- */

static struct slice
copy(struct slice s)
{
	return s.p ? slice_make(xstrndup(s.p, s.n), s.n) : (struct slice){ NULL, 0 };
}

/* False for what a fetched set could not have been. */
static bool
key_read(const struct json *v, uint32_t algorithms, struct jwks_key *out)
{
	const struct json *list = json_get(v, "algorithms");
	struct slice pem = json_text(json_get(v, "pem")), kid = json_text(json_get(v, "kid"));
	struct jwt_key *key;
	const char *why;
	uint32_t named = 0;

	for (const struct json *a = json_first(list); a; a = json_next(a)) {
		int alg = json_text(a).p ? jwt_alg_parse(json_text(a)) : -1;

		named |= alg < 0 ? 0 : 1u << alg;
	}
	named &= algorithms & JWT_ALGS_PUBLIC;
	key = pem.p && named && kid.n <= JWKS_KID_MAX ? jwt_key_public(pem, named, &why) : NULL;
	if (!key)
		return false;
	*out = (struct jwks_key){ .kid = copy(kid),
				  .algorithms = jwt_key_takes(key),
				  .bytes = copy(pem) };
	jwt_key_free(key);
	return true;
}

/* It is asked all the same, as soon as it can be. */
static void
endpoints_read(struct issuer *i, const struct json *v)
{
	struct issuer_found found = { 0 };

	if (issuer_endpoints_read(i, json_get(v, "endpoints"), &found) != NULL) {
		arena_deinit(&found.arena);
		return;
	}
	arena_deinit(&i->found.arena);
	i->found = found;
}

static void
issuer_read(struct issuer *i, const struct json *v)
{
	const struct json *keys = json_get(v, "keys");
	struct issuer_set set = { 0 };
	struct jwks jwks = { 0 };
	double fetched = 0;

	jwks.keys = xcalloc(JWKS_KEYS_MAX, sizeof *jwks.keys);
	for (const struct json *k = json_first(keys); k && jwks.count < JWKS_KEYS_MAX;
	     k = json_next(k))
		jwks.count += key_read(k, i->config->algorithms, &jwks.keys[jwks.count]);
	if (jwks.count == 0 || !json_number(json_get(v, "fetched"), &fetched) || fetched < 0 ||
	    fetched > (double)clock_wall() + 1) {
		jwks_deinit(&jwks);
		return;
	}
	endpoints_read(i, v);
	issuer_set_init(&set, &jwks);
	i->set = set;
	i->known = true;
	i->remembered = true;
	i->fetched_wall = (int64_t)fetched;
	log_info("issuer name=%s source=last-known-good keys=%zu age_s=%lld", i->config->name,
		 i->set.jwks.count, (long long)(clock_wall() - i->fetched_wall));
}

static void
take(struct issuers *is, const struct json *v)
{
	struct slice id = json_text(json_get(v, "id"));
	char own[17];

	for (size_t k = 0; id.p && k < is->count; k++) {
		struct issuer *i = is->all[k];

		snprintf(own, sizeof own, "%016llx", (unsigned long long)i->id);
		if (slice_eq(id, slice_of(own)) && !i->known && config_issuers_fetched(i->config))
			issuer_read(i, v);
	}
}

int
issuers_remember(struct issuers *is, struct slice text)
{
	struct json *root;

	if (json_parse(text, ISSUERS_BYTES_MAX, DEPTH, &root) < 0)
		return -EBADMSG;
	for (const struct json *v = json_first(json_get(root, "issuers")); v; v = json_next(v))
		take(is, v);
	json_free(root);
	return 0;
}
