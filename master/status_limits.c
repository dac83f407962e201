#include "status_limits.h"

#include "master.h"

#include "lib/clock.h"

static void
add_page(struct board_limit *sum, const struct board_worker *page, uint32_t slot)
{
	if (!page)
		return;
	sum->refused += board_get(&page->counts.limit[slot].refused);
	sum->shadowed += board_get(&page->counts.limit[slot].shadowed);
}

static struct board_limit
sum_of(const struct master *m, uint32_t slot)
{
	const struct supervisor *s = &m->supervisor;
	struct board_limit sum = board_base(m->page)->counts.limit[slot];

	for (uint32_t i = 0; i + 1 < s->slots_count; i++)
		add_page(&sum, s->slots[i].page, slot);
	for (size_t i = 0; i < m->takeover.old_count; i++)
		add_page(&sum, takeover_living(&m->takeover, i), slot);
	return sum;
}

/* Those that have refused somebody, or would have. */
static void
add_limits(struct buf *b, const struct master *m, const struct segment *rules)
{
	const struct table_limit *l;
	bool first = true;

	for (uint32_t i = 0; (l = table_limit(rules, i)) != NULL; i++) {
		struct board_limit sum = sum_of(m, l->slot < BOARD_LIMITS ? l->slot : 0);

		if (l->slot == 0 || sum.refused + sum.shadowed == 0)
			continue;
		buf_adds(b, first ? SLICE("{\"name\":") : SLICE(",{\"name\":"));
		buf_add_json(b, seg_string(rules, l->name));
		buf_addf(b, ",\"shadow\":%s,\"refused\":%llu,\"shadowed\":%llu}",
			 l->flags & LIMIT_SHADOW ? "true" : "false",
			 (unsigned long long)sum.refused, (unsigned long long)sum.shadowed);
		first = false;
	}
}

void
status_write_limits(const struct master *m, struct buf *out)
{
	const struct segment *rules = m->publisher.segments[SEGMENT_RULES];
	struct rate_usage usage = { 0 };

	if (m->rates.table.sets)
		rate_usage(&m->rates.table, clock_mono_ns(), &usage);
	buf_addf(out, "\"limits\":{\"keys\":%llu,\"keys_used\":%llu,\"refusing\":[",
		 (unsigned long long)usage.rows, (unsigned long long)usage.used);
	if (rules)
		add_limits(out, m, rules);
	buf_adds(out, SLICE("]}"));
}
