/*
 * What limits say of a rehearsed request: they are looked at, and nothing is taken.
 */

#include "explain.h"
#include "limiter.h"
#include "worker.h"

static const char *const counts_name[] = {
	[LIMIT_REQUESTS] = "requests",        [LIMIT_BYTES_IN] = "request_bytes",
	[LIMIT_BYTES_OUT] = "response_bytes", [LIMIT_BYTES] = "bytes",
	[LIMIT_UNDER_WAY] = "concurrency",
};

static const char *const by_name[] = {
	[LIMIT_BY_ADDRESS] = "address", [LIMIT_BY_IDENTITY] = "identity",
	[LIMIT_BY_API_KEY] = "api_key", [LIMIT_BY_CLAIM] = "claim:",
	[LIMIT_BY_HEADER] = "header:",  [LIMIT_BY_HOST] = "host",
	[LIMIT_BY_ROUTE] = "route",
};

static void
add_keys(struct buf *b, const struct segment *rules, const struct table_limit *l)
{
	buf_adds(b, SLICE("\"per\":["));
	for (uint32_t i = 0; i < l->keys_count; i++) {
		const struct table_limit_key *k = table_limit_key(rules, l->keys_first + i);
		struct buf BUF_CLEAN text = { 0 };

		buf_addf(&text, "%s%.*s", by_name[k->by], SLICE_F(seg_string(rules, k->name)));
		if (i > 0)
			buf_addc(b, ',');
		buf_add_json(b, buf_slice(&text));
	}
	buf_addc(b, ']');
}

static uint64_t
seconds(uint64_t ns)
{
	return (ns + 999999999) / 1000000000;
}

static void
add_state(struct buf *b, const struct request *r, const struct limit_use *u)
{
	buf_addf(b, ",\"most\":%llu", (unsigned long long)u->rate.burst);
	if (u->counts == LIMIT_UNDER_WAY) {
		buf_addf(b, ",\"under_way\":%llu",
			 (unsigned long long)limiter_under_way(r->worker, u->key));
		return;
	}
	buf_addf(b, ",\"in_s\":%llu,\"remaining\":%llu,\"reset_s\":%llu,\"retry_s\":%llu",
		 (unsigned long long)seconds(u->rate.burst_ns),
		 (unsigned long long)u->result.remaining,
		 (unsigned long long)seconds(u->result.reset_ns),
		 (unsigned long long)seconds(u->result.retry_ns));
}

void
explain_limits(const struct request *r, struct buf *b)
{
	buf_adds(b, SLICE("\"limits\":["));
	for (uint32_t i = 0; r->limits && i < r->limits->count; i++) {
		const struct limit_use *u = &r->limits->use[i];
		const struct segment *rules = r->table->segments[SEGMENT_RULES];

		buf_adds(b, i > 0 ? SLICE(",{") : SLICE("{"));
		explain_text(b, "name", seg_string(rules, u->limit->name));
		buf_addf(b, ",\"counts\":\"%s\",", counts_name[u->counts]);
		add_keys(b, rules, u->limit);
		buf_addc(b, ',');
		explain_bool(b, "applies", u->applies);
		buf_addc(b, ',');
		explain_bool(b, "shadow", u->shadow);
		buf_addc(b, ',');
		explain_bool(b, "refuses", u->applies && u->refuses);
		if (u->applies)
			add_state(b, r, u);
		buf_addc(b, '}');
	}
	buf_addc(b, ']');
}
