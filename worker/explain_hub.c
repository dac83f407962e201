/*
 * explain_hub: whom the route's hub may ask, in an explanation.
 */

#include "explain.h"

#include "request.h"

static void
add_target(const struct segment *rules, const struct table_hub_target *t, struct buf *out)
{
	struct buf BUF_CLEAN text = { 0 };

	buf_adds(&text, t->host.size > 0 ? seg_string(rules, t->host) : SLICE("*"));
	if (t->port)
		buf_addf(&text, ":%u", t->port);
	buf_add_json(out, buf_slice(&text));
}

void
explain_hub(const struct request *r, struct buf *out)
{
	const struct segment *rules = r->table ? r->table->segments[SEGMENT_RULES] : NULL;
	const struct table_hub *hub = rules && r->action ? table_hub(rules, r->action->hub) : NULL;

	if (!hub) {
		buf_adds(out, SLICE("\"hub\":null"));
		return;
	}
	buf_adds(out, SLICE("\"hub\":{"));
	explain_bool(out, "http", hub->flags & HUB_HTTP);
	buf_adds(out, SLICE(",\"allow\":["));
	for (uint32_t i = 0; i < hub->targets_count; i++) {
		const struct table_hub_target *t = table_hub_target(rules, hub->targets_first + i);

		buf_adds(out, i > 0 ? SLICE(",") : SLICE(""));
		if (t)
			add_target(rules, t, out);
	}
	buf_adds(out, SLICE("]}"));
}
