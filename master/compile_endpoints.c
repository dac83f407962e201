/*
 * The segment of upstreams, with their addresses.
 */

#include "compile.h"

#include "compile_balance.h"
#include "compile_behind.h"
#include "own.h"

#include "lib/xalloc.h"

#include <stdlib.h>

/* ---- endpoints ---- */

struct endpoints {
	struct seg_builder b;
	const struct resolver *resolver;
	const struct own *own;
	struct slice sticky_key;
	const struct certificates *files;
	struct buf *warnings;
};

/* An address of our own is none of the endpoint's, whatever its name says. */
static void
add_resolved(struct endpoints *s, const struct directory_endpoint *e, const struct resolved *a,
	     struct table_endpoint *out)
{
	struct table_address address = { .family = a->family, .port = e->address.port };
	uint32_t at;

	if (own_reaches(s->own, a->family, a->ip, e->address.port)) {
		buf_addf(s->warnings,
			 "endpoint %s: its name resolves to a listener of this gateway; that "
			 "address is left out\n",
			 e->authority);
		return;
	}
	memcpy(address.ip, a->ip, sizeof address.ip);
	at = seg_builder_add(&s->b, ENDPOINTS_ADDRESSES, &address, sizeof address);
	if (out->count++ == 0)
		out->first = at;
}

static void
add_addresses(struct endpoints *s, const struct directory_endpoint *e, struct table_endpoint *out)
{
	const struct resolved *found = NULL;
	bool settled;
	size_t count;

	if (e->address.unix_path) {
		struct table_address address = {
			.family = AF_UNIX,
			.path = seg_builder_string(&s->b, slice_of(e->address.unix_path)),
		};

		out->first = seg_builder_add(&s->b, ENDPOINTS_ADDRESSES, &address, sizeof address);
		out->count = 1;
		return;
	}
	count = resolver_get(s->resolver, e->address.host, &found, &out->generation, &settled);
	for (size_t i = 0; i < count; i++)
		add_resolved(s, e, &found[i], out);
}

static void
add_upstream(struct endpoints *s, const struct directory_upstream *u)
{
	struct seg_builder *b = &s->b;
	uint32_t unit = compile_weight_unit(u);
	struct table_upstream row = {
		.flags = u->all_down_fail ? UPSTREAM_ALL_DOWN_FAIL : 0,
		.eject_failures = u->balance.eject_failures,
		.slow_start_ms = u->balance.slow_start,
		.max_connections = u->balance.max_connections,
		.queue = u->balance.queue,
		.queue_ms = u->balance.queue_timeout,
		.proxy = u->proxy_protocol,
		.slot = u->slot,
		.first = seg_builder_count(b, ENDPOINTS_ENDPOINTS),
		.count = (uint32_t)u->endpoints_count,
		.name = seg_builder_string(b, slice_of(u->name)),
	};

	compile_balance(b, u, &row);
	for (size_t i = 0; i < u->endpoints_count; i++) {
		const struct directory_endpoint *e = &u->endpoints[i];
		struct table_endpoint endpoint = {
			.slot = e->slot,
			.weight = e->weight / unit,
			.authority = seg_builder_string(b, slice_of(e->authority)),
			.host = seg_builder_string(b, slice_of(e->host)),
			.tls = e->tls ? compile_behind(b, s->files, &u->tls) : 0,
			.base = seg_builder_string(b, slice_of(e->base)),
		};

		compile_balance_endpoint(b, u, e, s->sticky_key, &endpoint);
		add_addresses(s, e, &endpoint);
		seg_builder_add(b, ENDPOINTS_ENDPOINTS, &endpoint, sizeof endpoint);
	}
	seg_builder_add(b, ENDPOINTS_UPSTREAMS, &row, sizeof row);
}

int
compile_endpoints(const struct config *c, const struct directory *d, const struct resolver *r,
		  const struct certificates *files, struct slice sticky_key, uint64_t generation,
		  struct segment **out, struct buf *warnings)
{
	/* Upstream 0 has no endpoints: routes that lead nowhere lead there. */
	const struct directory_upstream nowhere = { .name = "" };
	const struct table_upstream hole = { .flags = UPSTREAM_ABSENT };
	struct own *own = own_new(c);
	struct endpoints s = {
		.resolver = r,
		.own = own,
		.sticky_key = sticky_key,
		.files = files,
		.warnings = warnings,
	};
	int result;

	seg_builder_init(&s.b);
	add_upstream(&s, &nowhere);
	for (uint32_t i = 1; i < d->index_end; i++) {
		if (d->by_index[i])
			add_upstream(&s, d->by_index[i]);
		else
			seg_builder_add(&s.b, ENDPOINTS_UPSTREAMS, &hole, sizeof hole);
	}
	result = seg_builder_finish(&s.b, SEGMENT_ENDPOINTS, generation, out);
	seg_builder_deinit(&s.b);
	own_free(own);
	return result;
}

/* ---- some of them ---- */

#define MOVED_MIN 16
#define MOVED_MAX 1000
#define MOVED_PART 16

static int
compare_indices(const void *x, const void *y)
{
	uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;

	return (a > b) - (a < b);
}

/* The indices of what is touched, each once: *count of them. */
static uint32_t *
indices_of(const struct directory *d, const struct compile_touched *touched, uint32_t *count)
{
	uint32_t *indices =
	    xcalloc(touched->keys->count + touched->moved_count + 1, sizeof *indices);
	uint32_t n = 0, unique = 0;

	for (size_t i = 0; i < touched->moved_count; i++)
		indices[n++] = touched->moved[i].index;
	for (size_t i = 0; i < touched->keys->count; i++) {
		struct slice key = map_name(&touched->keys->entries[i]), name, redx;
		const struct directory_upstream *u = NULL;
		enum native_kind kind;

		redx = SLICE("backend:");
		if (slice_starts(key, redx))
			u = directory_find(d, SOURCE_REDX,
					   slice_make(key.p + redx.n, key.n - redx.n));
		else if (rules_native_key(key, &kind, &name) && kind == NATIVE_UPSTREAM)
			u = directory_find(d, SOURCE_RULE, name);
		if (u)
			indices[n++] = u->index;
	}
	if (n)
		qsort(indices, n, sizeof *indices, compare_indices);
	for (uint32_t i = 0; i < n; i++) {
		if (indices[i] != 0 && (unique == 0 || indices[i] != indices[unique - 1]))
			indices[unique++] = indices[i];
	}
	*count = unique;
	return indices;
}

/* False when one of them cannot be in an overlay: what its TLS needs is not made here. */
static bool
add_some(struct endpoints *s, const struct directory *d, const uint32_t *indices, uint32_t count)
{
	const struct table_upstream hole = { .flags = UPSTREAM_ABSENT };

	for (uint32_t i = 0; i < count; i++) {
		const struct directory_upstream *u =
		    indices[i] < d->index_end ? d->by_index[indices[i]] : NULL;

		if (u && u->speaks_tls)
			return false;
		if (u)
			add_upstream(s, u);
		else
			seg_builder_add(&s->b, ENDPOINTS_UPSTREAMS, &hole, sizeof hole);
	}
	return true;
}

int
compile_endpoints_over(const struct config *c, const struct directory *d, const struct resolver *r,
		       struct slice sticky_key, const struct compile_touched *touched,
		       const struct segment *base, uint64_t generation, struct segment **out)
{
	struct buf warnings BUF_CLEAN = { 0 };
	struct own *own = own_new(c);
	struct endpoints s = {
		.resolver = r,
		.own = own,
		.sticky_key = sticky_key,
		.warnings = &warnings,
	};
	uint32_t count, part = table_upstreams(base) / MOVED_PART;
	uint32_t *indices = indices_of(d, touched, &count);
	int result = 1;

	seg_builder_init(&s.b);
	seg_builder_extend(&s.b, base);
	if (count <= MOVED_MIN || (count <= part && count <= MOVED_MAX)) {
		/* What is warned of is told by who makes all. */
		if (add_some(&s, d, indices, count) && warnings.n == 0) {
			table_moved_write(&s.b, indices, count);
			result = seg_builder_finish(&s.b, SEGMENT_ENDPOINTS, generation, out);
		}
	}
	seg_builder_deinit(&s.b);
	own_free(own);
	free(indices);
	return result;
}
