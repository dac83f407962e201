#include "patterns.h"

#include "worker.h"

#include "lib/log.h"
#include "lib/pattern.h"
#include "lib/xalloc.h"

#include <stdlib.h>

#define CALL 64 /* what beginning costs, in bytes */

static struct kept_pattern *
keep(struct worker *w, struct slice text)
{
	struct kept_pattern **place = (struct kept_pattern **)map_put(&w->patterns, text);
	struct pattern_error error;

	if (!*place) {
		*place = xcalloc(1, sizeof **place);
		(*place)->pattern = pattern_new(text, &error);
	}
	(*place)->refs++;
	return *place;
}

struct kept_pattern **
patterns_take(struct worker *w, const struct segment *rules)
{
	uint32_t count = seg_count(rules, RULES_CONDITIONS);
	struct kept_pattern **taken;

	if (count == 0)
		return NULL;
	taken = xcalloc(count, sizeof *taken);
	for (uint32_t i = 0; i < count; i++) {
		const struct table_condition *c = table_condition(rules, i);

		if (c && c->how == CONDITION_REGEX && c->kind != CONDITION_METHODS)
			taken[i] = keep(w, seg_string(rules, c->value));
	}
	return taken;
}

void
patterns_give(struct worker *w, const struct segment *rules, struct kept_pattern **taken)
{
	for (uint32_t i = 0; taken && i < seg_count(rules, RULES_CONDITIONS); i++) {
		struct kept_pattern *p = taken[i];

		if (!p || --p->refs > 0)
			continue;
		map_take(&w->patterns, seg_string(rules, table_condition(rules, i)->value));
		pattern_free(p->pattern);
		free(p);
	}
	free(taken);
}

int
patterns_match(struct worker *w, struct kept_pattern *p, struct slice text, struct slice subject,
	       uint32_t *work)
{
	size_t cost = subject.n + CALL;
	int r = PATTERN_LIMIT;

	if (p->pattern && cost <= PATTERNS_WORK - *work) {
		*work += (uint32_t)cost;
		r = pattern_match(p->pattern, subject);
	}
	if (r != PATTERN_LIMIT)
		return r;
	board_add(&w->page->counts.counter[COUNTER_pattern_limits], 1);
	if (!p->told)
		log_warn("pattern limit=met pattern=\"%.*s\" bytes=%zu remedy=\"make it simpler, "
			 "or the text that it looks at shorter\"",
			 SLICE_F(text), subject.n);
	p->told = true;
	return r;
}
