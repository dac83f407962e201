/*
 * What a limit counts a request with: a hash, under a secret of this gateway, of the limit's name
 * and of what tells its keys apart.
 */

#include "identity.h"
#include "limiter.h"
#include "real_client.h"
#include "worker.h"

#include "lib/ip.h"
#include "lib/siphash.h"

static void
add_class(struct siphash *h, enum limit_by by)
{
	char class = (char)by; /* so that no header can be taken for an address */

	siphash_add_part(h, slice_make(&class, 1));
}

static void
cut(uint8_t ip[16], uint32_t bits)
{
	for (uint32_t i = bits / 8; i < 16; i++)
		ip[i] = (uint8_t)(i == bits / 8 ? ip[i] & 0xff00 >> bits % 8 : 0);
}

static void
add_address(struct request *r, struct siphash *h)
{
	const struct table_global *g = table_global(r->table->segments[SEGMENT_RULES]);
	uint8_t ip[16];

	memcpy(ip, real_client_ip(r), sizeof ip);
	if (!ip_is_v4(ip))
		cut(ip, g->limit_ipv6_bits);
	add_class(h, LIMIT_BY_ADDRESS);
	siphash_add_part(h, slice_make((const char *)ip, sizeof ip));
}

static bool
add_identity(struct request *r, enum limit_by by, struct siphash *h)
{
	const struct segment *rules = r->table->segments[SEGMENT_RULES];
	const struct table_issuer *issuer;
	struct slice name = identity_name(r->who);

	if (!r->who || name.n == 0 || (by == LIMIT_BY_API_KEY && r->who->kind != IDENTITY_API_KEY))
		return false;
	issuer = seg_at(rules, RULES_ISSUERS, r->who->issuer, sizeof *issuer);
	add_class(h, by);
	siphash_add_part(h, issuer ? seg_string(rules, issuer->iss) : SLICE(""));
	siphash_add_part(h, name);
	return true;
}

/* All values of it together. */
static bool
add_claim(struct request *r, uint32_t fact, struct siphash *h)
{
	size_t n;
	const struct identity_value *value = identity_values(r->who, fact, &n);

	if (n == 0)
		return false;
	add_class(h, LIMIT_BY_CLAIM);
	for (size_t i = 0; i < n; i++)
		siphash_add_part(h, identity_text(r->who, value[i].text));
	return true;
}

static bool
add_header(struct request *r, struct slice name, struct siphash *h)
{
	bool any = false;

	for (uint16_t i = 0; i < r->in.fields_n; i++) {
		const struct http_field *f = &r->in.fields[i];

		if (f->name_n != name.n || !slice_ieq(http_name(&r->in, f), name))
			continue;
		if (!any)
			add_class(h, LIMIT_BY_HEADER);
		any = true;
		siphash_add_part(h, http_value(&r->in, f));
	}
	return any;
}

static bool
add_text(struct siphash *h, enum limit_by by, struct slice text)
{
	add_class(h, by);
	siphash_add_part(h, text);
	return true;
}

static bool
add_part(struct request *r, const struct table_limit_key *k, struct siphash *h)
{
	const struct segment *rules = r->table->segments[SEGMENT_RULES];

	switch ((enum limit_by)k->by) {
	case LIMIT_BY_ADDRESS:
		add_address(r, h);
		return true;
	case LIMIT_BY_IDENTITY:
	case LIMIT_BY_API_KEY:
		return add_identity(r, k->by, h);
	case LIMIT_BY_CLAIM:
		return add_claim(r, k->fact, h);
	case LIMIT_BY_HEADER:
		return add_header(r, seg_string(rules, k->name), h);
	case LIMIT_BY_HOST:
		return add_text(h, LIMIT_BY_HOST, r->host.host);
	case LIMIT_BY_ROUTE:
		return add_text(h, LIMIT_BY_ROUTE,
				seg_string(rules, table_route(rules, r->route)->id));
	case LIMIT_BY_N:
		break;
	}
	return false;
}

bool
limit_key(struct request *r, const struct table_limit *l, uint64_t *out)
{
	const struct segment *rules = r->table->segments[SEGMENT_RULES];
	struct siphash h;

	rate_key_begin(&r->worker->rates, &h);
	siphash_add_part(&h, seg_string(rules, l->name));
	for (uint32_t i = 0; i < l->keys_count; i++) {
		if (add_part(r, table_limit_key(rules, l->keys_first + i), &h))
			continue;
		if (l->missing == LIMIT_MISSING_SKIP)
			return false;
		add_address(r, &h);
	}
	*out = rate_key_end(&h);
	return true;
}
