#include "compile_balance.h"

#include "hash_by.h"
#include "sticky_key.h"

#include "lib/base64.h"
#include "lib/buf.h"
#include "shm/hash.h"

/* ---- weights ---- */

static uint32_t
gcd(uint32_t a, uint32_t b)
{
	while (b) {
		uint32_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* Turn t takes place t * stride of the circle of weights: each endpoint gets exactly its share, and
 * not in one run. */
static void
set_weights(struct table_upstream *row, const struct directory_upstream *u)
{
	uint32_t unit = compile_weight_unit(u);

	row->weight_total = 0;
	for (size_t i = 0; i < u->endpoints_count; i++)
		row->weight_total += u->endpoints[i].weight / unit;
	row->stride = 1;
	if (row->weight_total == row->count)
		return;
	row->stride = (uint32_t)(row->weight_total * 0.618);
	while (row->stride < 1 || gcd(row->stride, row->weight_total) != 1)
		row->stride++;
}

uint32_t
compile_weight_unit(const struct directory_upstream *u)
{
	uint32_t unit = 0;

	for (size_t i = 0; i < u->endpoints_count; i++)
		unit = gcd(u->endpoints[i].weight, unit);
	return unit ? unit : 1;
}

/* ---- how it chooses ---- */

static void
set_hash(struct seg_builder *b, const struct config_balance *from, struct table_upstream *row)
{
	struct hash_by_text by;

	if (!from->hash_by || !hash_by_parse(slice_of(from->hash_by), &by))
		return;
	row->hash_by = by.by;
	row->hash_bound = from->hash_bound;
	row->hash_name = seg_builder_string(b, by.name);
}

static uint32_t
plugin_kind(const struct config_plugin *p)
{
	if (p->score != SCORE_NONE)
		return p->score == SCORE_LEAST ? PLUGIN_SCORE_LEAST : PLUGIN_SCORE_MOST;
	if (p->weighted_score != SCORE_NONE)
		return p->weighted_score == SCORE_LEAST ? PLUGIN_WEIGHTED_LEAST
							: PLUGIN_WEIGHTED_MOST;
	return *p->stickiness.cookie ? PLUGIN_STICKINESS : PLUGIN_RANDOM;
}

static void
add_plugins(struct seg_builder *b, const struct directory_upstream *u, struct table_upstream *row)
{
	/* Alone it is a strategy that need not look at all of them. */
	if (u->plugins_count == 1 && plugin_kind(u->plugins) == PLUGIN_RANDOM) {
		row->balance = BALANCE_RANDOM;
		return;
	}
	row->balance = BALANCE_CHAIN;
	row->plugins_count = (uint32_t)u->plugins_count;
	for (size_t i = 0; i < u->plugins_count; i++) {
		struct table_plugin plugin = {
			.kind = plugin_kind(&u->plugins[i]),
			.has_max = u->max_score != NULL,
			.max_score = u->max_score ? *u->max_score : 0,
		};
		uint32_t at = seg_builder_add(b, ENDPOINTS_PLUGINS, &plugin, sizeof plugin);

		if (i == 0)
			row->plugins_first = at;
	}
}

/* ---- the cookie ---- */

static bool
is_sticky(const struct directory_upstream *u)
{
	return u->sticky.cookie && *u->sticky.cookie;
}

static void
add_sticky(struct seg_builder *b, const struct config_sticky *from, struct table_upstream *row)
{
	struct table_sticky sticky = {
		.cookie = seg_builder_string(b, slice_of(from->cookie)),
		.path = seg_builder_string(b, slice_of(from->path)),
		.same_site = from->same_site,
		.secure = from->secure,
		.max_age_s = from->max_age_s,
	};

	row->sticky = 1 + seg_builder_add(b, ENDPOINTS_STICKY, &sticky, sizeof sticky);
}

/* redx tells the address, as base64 (RFC 4648 section 4). */
static struct seg_ref
sticky_redx(struct seg_builder *b, struct slice authority)
{
	BUF_CLEAN struct buf text = { 0 };

	buf_reserve(&text, base64_size(authority.n));
	text.n = base64_encode(authority, text.p);
	return seg_builder_string(b, buf_slice(&text));
}

static struct seg_ref
sticky_name(struct seg_builder *b, const struct directory_upstream *u, struct slice authority,
	    struct slice key)
{
	char name[STICKY_NAME_SIZE];

	if (u->sticky.redx)
		return sticky_redx(b, authority);
	sticky_key_sign(key, slice_of(u->name), authority, name);
	return seg_builder_string(b, slice_make(name, sizeof name));
}

/* ---- all of it ---- */

void
compile_balance(struct seg_builder *b, const struct directory_upstream *u,
		struct table_upstream *row)
{
	row->balance = u->balance.strategy;
	set_weights(row, u);
	set_hash(b, &u->balance, row);
	if (u->plugins_count > 0)
		add_plugins(b, u, row);
	if (is_sticky(u))
		add_sticky(b, &u->sticky, row);
}

void
compile_balance_endpoint(struct seg_builder *b, const struct directory_upstream *u,
			 const struct directory_endpoint *e, struct slice sticky_key,
			 struct table_endpoint *row)
{
	struct slice authority = slice_of(e->authority), base = slice_of(e->base);

	row->score = e->score;
	row->identity = ((uint64_t)hash_bytes(1, authority) << 32 | hash_bytes(2, authority)) ^
			((uint64_t)hash_bytes(3, base) << 32 | hash_bytes(4, base));
	if (is_sticky(u))
		row->sticky = sticky_name(b, u, authority, sticky_key);
}
