#include "quarantine.h"

#include "compile.h"
#include "rules.h"

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/xalloc.h"

#include <stdlib.h>

#define LINES_MAX 20 /* in the log, of those that are new at once */

enum in_force { LAST_GOOD, ANSWER_503, NOTHING };

struct refused {
	char *reason;
	int64_t since; /* seconds since 1970 */
	enum in_force in_force;
	bool told, present;
};

static void
refused_free(void *p)
{
	struct refused *f = p;

	free(f->reason);
	free(f);
}

void
quarantine_deinit(struct quarantine *q)
{
	map_deinit(&q->all, refused_free);
}

/* ---- which there are ---- */

/* A key that stays refused for another reason is told again, but has been here all the time. */
static void
put(struct quarantine *q, struct slice key, const char *reason, enum in_force in_force)
{
	struct refused **place = (struct refused **)map_put(&q->all, key), *f = *place;

	if (!f) {
		f = *place = xcalloc(1, sizeof *f);
		f->since = clock_wall();
	}
	if (!f->reason || strcmp(f->reason, reason) != 0 || f->in_force != in_force) {
		free(f->reason);
		f->reason = xstrdup(reason);
		f->told = false;
	}
	f->in_force = in_force;
	f->present = true;
	q->closed += in_force == ANSWER_503;
}

static void
put_rules(struct quarantine *q, const struct rules *rules)
{
	for (size_t i = 0; rules && i < rules_refusals(rules); i++) {
		const struct rules_refusal *f = rules_refusal_at(rules, i);

		put(q, slice_make(f->key, f->key_n), f->reason, f->kept ? LAST_GOOD : ANSWER_503);
	}
}

/* Those whose value is good, but whose key says nothing that the dialect could match. */
static void
put_routes(struct quarantine *q, const struct rules *rules, const struct compile_report *report)
{
	static const char prefix[] = "redis:";
	BUF_CLEAN struct buf key = { 0 };

	for (size_t i = 0; rules && i < report->routes_count; i++) {
		const struct compile_route *r = &report->routes[i];

		if (r->state != ROUTE_IS_REFUSED || r->source != SOURCE_REDX)
			continue;
		key.n = 0;
		buf_addf(&key, "frontend:%s", r->id + sizeof prefix - 1);
		if (rules_knows(rules, buf_slice(&key)) &&
		    !rules_refusal_find(rules, buf_slice(&key)) && *r->upstream == '\0')
			put(q, buf_slice(&key), r->reason, NOTHING);
	}
}

/* ---- telling ---- */

static const char *const in_force_name[] = {
	[LAST_GOOD] = "last_good",
	[ANSWER_503] = "503",
	[NOTHING] = "nothing",
};

/* Bytes from outside stand in it quoted already. */
static const char *
reason_text(const char *reason, char *out, size_t cap)
{
	size_t n = 0;

	for (; reason[n] && n + 1 < cap; n++)
		out[n] = reason[n] == '"' ? '\'' : (unsigned char)reason[n] < 0x20 ? ' ' : reason[n];
	out[n] = '\0';
	return out;
}

static void
tell(struct quarantine *q)
{
	size_t lines = 0;

	for (size_t i = 0; i < q->all.count; i++) {
		struct refused *f = q->all.entries[i].value;
		char key[200], reason[200];

		if (f->told)
			continue;
		f->told = true;
		if (++lines <= LINES_MAX)
			log_warn("rule key=\"%s\" state=refused in_force=%s reason=\"%s\"",
				 log_quote(map_name(&q->all.entries[i]), key, sizeof key),
				 in_force_name[f->in_force],
				 reason_text(f->reason, reason, sizeof reason));
	}
	if (lines > LINES_MAX)
		log_warn("rules state=refused more=%zu see=\"yett routes --refused\"",
			 lines - LINES_MAX);
}

static void
forget_the_mended(struct quarantine *q)
{
	for (size_t i = q->all.count; i-- > 0;) {
		struct map_entry *e = &q->all.entries[i];
		struct refused *f = e->value;
		char key[200];

		if (f->present)
			continue;
		log_info("rule key=\"%s\" state=mended",
			 log_quote(map_name(e), key, sizeof key));
		refused_free(map_take(&q->all, map_name(e)));
	}
}

void
quarantine_settle(struct quarantine *q, const struct rules *rules,
		  const struct compile_report *report)
{
	for (size_t i = 0; i < q->all.count; i++)
		((struct refused *)q->all.entries[i].value)->present = false;
	q->closed = 0;
	put_rules(q, rules);
	put_routes(q, rules, report);
	forget_the_mended(q);
	tell(q);
}

void
quarantine_write(const struct quarantine *q, struct buf *out)
{
	buf_addc(out, '[');
	for (size_t i = 0; i < q->all.count; i++) {
		const struct refused *f = q->all.entries[i].value;

		buf_adds(out, i > 0 ? SLICE(",{\"key\":") : SLICE("{\"key\":"));
		buf_add_json(out, map_name(&q->all.entries[i]));
		buf_adds(out, SLICE(",\"reason\":"));
		buf_add_json(out, slice_of(f->reason));
		buf_addf(out, ",\"kept\":%s,\"in_force\":\"%s\",\"since\":",
			 f->in_force == LAST_GOOD ? "true" : "false", in_force_name[f->in_force]);
		buf_add_json_time(out, f->since);
		buf_addc(out, '}');
	}
	buf_addc(out, ']');
}
