/*
 * What a limit counts a request with: a hash, under a secret of this gateway (or, of a limit of the
 * fleet, of all of them), of the limit's name
 * and of what tells its keys apart.
 */

#include "identity.h"
#include "limiter.h"
#include "real_client.h"
#include "worker.h"

#include "lib/ip.h"
#include "lib/siphash.h"

/* Parts are collected, so that the hash takes them by words. */
struct key {
	struct siphash hash;
	uint32_t n;
	char bytes[120];
};

static void
add_bytes(struct key *k, const void *p, size_t n)
{
	if (n > sizeof k->bytes - k->n) {
		siphash_add(&k->hash, slice_make(k->bytes, k->n));
		k->n = 0;
	}
	if (n > sizeof k->bytes) {
		siphash_add(&k->hash, slice_make(p, n));
		return;
	}
	if (n > 0)
		memcpy(k->bytes + k->n, p, n);
	k->n += (uint32_t)n;
}

/* `what` (enum limit_by) is in it, so that no header can be taken for an address; so is the size,
 * so that "ab", "c" is not "a", "bc". */
static void
add_part(struct key *k, uint32_t what, struct slice part)
{
	uint32_t head[2] = { what, (uint32_t)part.n };

	add_bytes(k, head, sizeof head);
	add_bytes(k, part.p, part.n);
}

static void
cut(uint8_t ip[16], uint32_t bits)
{
	for (uint32_t i = bits / 8; i < 16; i++)
		ip[i] = (uint8_t)(i == bits / 8 ? ip[i] & 0xff00 >> bits % 8 : 0);
}

static void
add_address(struct request *r, struct key *h)
{
	const struct table_global *g = table_global(r->table->segments[SEGMENT_RULES]);
	uint8_t ip[16];

	memcpy(ip, real_client_ip(r), sizeof ip);
	if (!ip_is_v4(ip))
		cut(ip, g->limit_ipv6_bits);
	add_part(h, LIMIT_BY_ADDRESS, slice_make((const char *)ip, sizeof ip));
}

static bool
add_identity(struct request *r, enum limit_by by, struct key *h)
{
	const struct segment *rules = r->table->segments[SEGMENT_RULES];
	const struct table_issuer *issuer;
	struct slice name = identity_name(r->who);

	if (!r->who || name.n == 0 || (by == LIMIT_BY_API_KEY && r->who->kind != IDENTITY_API_KEY))
		return false;
	issuer = seg_at(rules, RULES_ISSUERS, r->who->issuer, sizeof *issuer);
	add_part(h, by, issuer ? seg_string(rules, issuer->name) : SLICE(""));
	add_part(h, by, name);
	return true;
}

/* All values of it together. */
static bool
add_claim(struct request *r, uint32_t fact, struct key *h)
{
	size_t n;
	const struct identity_value *value = identity_values(r->who, fact, &n);

	if (n == 0)
		return false;
	for (size_t i = 0; i < n; i++)
		add_part(h, LIMIT_BY_CLAIM, identity_text(r->who, value[i].text));
	return true;
}

static bool
add_header(struct request *r, struct slice name, struct key *h)
{
	bool any = false;

	for (uint16_t i = 0; i < r->in.fields_n; i++) {
		const struct http_field *f = &r->in.fields[i];

		if (f->name_n != name.n || !slice_ieq(http_name(&r->in, f), name))
			continue;
		any = true;
		add_part(h, LIMIT_BY_HEADER, http_value(&r->in, f));
	}
	return any;
}

static bool
add_key(struct request *r, const struct table_limit_key *k, struct key *h)
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
		add_part(h, LIMIT_BY_HOST, r->host.host);
		return true;
	case LIMIT_BY_ROUTE:
		add_part(h, LIMIT_BY_ROUTE, table_route_id(rules, table_route(rules, r->route)));
		return true;
	case LIMIT_BY_N:
		break;
	}
	return false;
}

bool
limit_key(struct request *r, const struct table_limit *l, uint64_t *out)
{
	const struct segment *rules = r->table->segments[SEGMENT_RULES];
	struct key h; /* the bytes are written before they are read */

	h.n = 0;
	if (l->flags & LIMIT_FLEET && r->worker->leases.memory)
		siphash_init(&h.hash, r->worker->leases.head.secret);
	else
		rate_key_begin(&r->worker->rates, &h.hash);
	add_part(&h, 0, seg_string(rules, l->name));
	for (uint32_t i = 0; i < l->keys_count; i++) {
		if (add_key(r, table_limit_key(rules, l->keys_first + i), &h))
			continue;
		if (l->missing == LIMIT_MISSING_SKIP)
			return false;
		add_address(r, &h);
	}
	siphash_add(&h.hash, slice_make(h.bytes, h.n));
	*out = rate_key_end(&h.hash);
	return true;
}
