/*
 * Limits: their rows, and whether they hold together.
 */

#include "table_limits.h"

#include "table.h"
#include "verify.h"

const struct table_limit *
table_limit(const struct segment *rules, uint32_t i)
{
	return seg_at(rules, RULES_LIMITS, i, sizeof(struct table_limit));
}

const struct table_limit_key *
table_limit_key(const struct segment *rules, uint32_t i)
{
	return seg_at(rules, RULES_LIMIT_KEYS, i, sizeof(struct table_limit_key));
}

const struct table_limit *
table_limited(const struct segment *rules, uint32_t at)
{
	const uint32_t *i = seg_at(rules, RULES_LIMITED, at, sizeof *i);

	return i ? table_limit(rules, *i) : NULL;
}

static bool
numbers_ok(const struct table_limit *l)
{
	struct rate_limit made;

	if (l->counts == LIMIT_UNDER_WAY)
		return l->rate.burst > 0 && l->rate.burst <= LIMIT_UNDER_WAY_MAX;
	return rate_limit_init(&made, l->rate.count, l->seconds, l->rate.burst) == 0 &&
	       made.period_ns == l->rate.period_ns && made.interval_ns == l->rate.interval_ns &&
	       made.burst_ns == l->rate.burst_ns;
}

static bool
limited_ok(const struct segment *s)
{
	uint32_t count, policies, all = seg_count(s, RULES_LIMITED);
	bool ok = true;
	const uint32_t *limited = section(s, RULES_LIMITED, sizeof *limited, &count, &ok);
	const struct table_policy *p = section(s, RULES_POLICIES, sizeof *p, &policies, &ok);

	for (uint32_t i = 0; i < count; i++)
		ok &= limited[i] < seg_count(s, RULES_LIMITS);
	for (uint32_t i = 0; i < policies; i++)
		ok &= p[i].limits_count <= LIMITS_MAX &&
		      run_ok(p[i].limits_first, p[i].limits_count, all);
	return ok;
}

bool
table_limits_ok(const struct segment *s)
{
	uint32_t limits, keys, all_keys = seg_count(s, RULES_LIMIT_KEYS);
	bool ok = true;
	const struct table_limit *l = section(s, RULES_LIMITS, sizeof *l, &limits, &ok);
	const struct table_limit_key *k = section(s, RULES_LIMIT_KEYS, sizeof *k, &keys, &ok);

	for (uint32_t i = 0; i < limits; i++)
		ok &= l[i].counts < LIMIT_COUNTS_N && l[i].missing < LIMIT_MISSING_N &&
		      l[i].window < LIMIT_WINDOW_N && l[i].keys_count <= LIMIT_KEYS_MAX &&
		      run_ok(l[i].keys_first, l[i].keys_count, all_keys) && numbers_ok(&l[i]) &&
		      ref_ok(s, l[i].name) && ref_ok(s, l[i].setting) && ref_ok(s, l[i].label);
	for (uint32_t i = 0; i < keys; i++)
		ok &= k[i].by < LIMIT_BY_N && ref_ok(s, k[i].name) &&
		      (k[i].by != LIMIT_BY_CLAIM || k[i].fact < seg_count(s, RULES_FACTS));
	return ok && limited_ok(s) && table_global(s)->limit_ipv6_bits <= 128;
}
