#include "quarantine.h"

#include "compile.h"
#include "rules.h"

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/xalloc.h"

#include <stdlib.h>

#define LINES_MAX 20 /* in the log, of those that are new at once */

enum in_force {
	LAST_GOOD,
	ANSWER_503, /* where it would have matched */
	PROTECTION, /* of what can be read of it */
	ASKING,     /* all that the store's rules serve asks for a token */
	CLOSED,     /* all of that answers 503 */
	NOTHING,
};

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
	q->closed += in_force == ANSWER_503 || in_force == CLOSED;
}

static const struct slice frontend = { "frontend:", 9 };

/* Has it a line in the report, which knows where it applies? A NUL would cut its id. */
static bool
has_line(const struct rules_refusal *f)
{
	struct slice key = slice_make(f->key, f->key_n);

	return (slice_starts(key, frontend) ||
		slice_starts(key, rules_native_prefix(NATIVE_ROUTE))) &&
	       !memchr(key.p, '\0', key.n);
}

static enum in_force
in_force_of(const struct rules_refusal *f, const struct config *c)
{
	struct slice key = slice_make(f->key, f->key_n);
	const struct config_policy *p;

	if (f->kept)
		return LAST_GOOD;
	switch (rules_closes(f, c)) {
	case CLOSES_ALL:
		return CLOSED;
	case CLOSES_BY_TOKEN:
		return ASKING;
	case CLOSES_NO_MORE:
		break;
	}
	if (slice_starts(key, rules_native_prefix(NATIVE_POLICY))) {
		p = f->native ? rules_native_read(f->native, c) : NULL;
		return p && p->protect_count > 0 ? PROTECTION : NOTHING;
	}
	if (slice_starts(key, rules_native_prefix(NATIVE_KEY)))
		return NOTHING;
	/* Of what leads to a backend or an upstream. */
	return memchr(key.p, '\0', key.n) ? NOTHING : ANSWER_503;
}

static void
put_rules(struct quarantine *q, const struct rules *rules, const struct config *c)
{
	for (size_t i = 0; rules && i < rules_refusals(rules); i++) {
		const struct rules_refusal *f = rules_refusal_at(rules, i);

		if (f->kept || !has_line(f))
			put(q, slice_make(f->key, f->key_n), f->reason, in_force_of(f, c));
	}
}

/* False when it is no rule of a store. */
static bool
key_of(const struct compile_route *r, struct buf *key)
{
	const char *colon = strchr(r->id, ':');

	key->n = 0;
	if (r->source == SOURCE_FILE || !colon)
		return false;
	buf_adds(key, r->source == SOURCE_REDX ? frontend : rules_native_prefix(NATIVE_ROUTE));
	buf_addf(key, "%s", colon + 1);
	return true;
}

/* Those that are refused for themselves, those that are wrong beside the configuration or lead
 * nowhere, and those whose value is good, but whose key says nothing that the dialect could match.
 */
static void
put_routes(struct quarantine *q, const struct rules *rules, const struct config *c,
	   const struct compile_report *report)
{
	BUF_CLEAN struct buf key = { 0 };

	for (size_t i = 0; rules && i < report->routes_count; i++) {
		const struct compile_route *r = &report->routes[i];
		const struct rules_refusal *f;

		if (r->state == ROUTE_ACTIVE || !key_of(r, &key))
			continue;
		f = rules_refusal_find(rules, buf_slice(&key));
		if (f && !f->kept)
			put(q, buf_slice(&key), f->reason,
			    rules_closes(f, c) == CLOSES_ALL ? CLOSED
			    : r->order > 0                   ? ANSWER_503
							     : NOTHING);
		else if (!f && r->faulty)
			put(q, buf_slice(&key), r->reason, r->order > 0 ? ANSWER_503 : NOTHING);
		else if (!f && r->state == ROUTE_IS_REFUSED && r->source == SOURCE_REDX &&
			 *r->upstream == '\0' && rules_knows(rules, buf_slice(&key)))
			put(q, buf_slice(&key), r->reason, NOTHING);
	}
}

/* Those that are good by themselves, and wrong beside the configuration. */
static void
put_upstreams(struct quarantine *q, const struct rules *rules, const struct config *c)
{
	for (size_t i = 0; rules && i < rules_natives(rules, NATIVE_UPSTREAM); i++) {
		struct rules_native *n = rules_native_at(rules, NATIVE_UPSTREAM, i);
		const char *fault = rules_native_fault(n, c);
		BUF_CLEAN struct buf key = { 0 };

		if (!fault)
			continue;
		buf_adds(&key, rules_native_prefix(NATIVE_UPSTREAM));
		buf_addf(&key, "%s", rules_native_name(n));
		put(q, buf_slice(&key), fault, ANSWER_503);
	}
}

/* ---- telling ---- */

static const char *const in_force_name[] = {
	[LAST_GOOD] = "last_good",  [ANSWER_503] = "503", [PROTECTION] = "protection",
	[ASKING] = "all_protected", [CLOSED] = "all_503", [NOTHING] = "nothing",
};

/* Bytes from outside stand in it quoted already. */
static const char *
reason_text(const char *reason, char *out, size_t cap)
{
	size_t n = 0;

	for (; reason[n] && n + 1 < cap; n++)
		out[n] = reason[n] == '"'                  ? '\''
			 : (unsigned char)reason[n] < 0x20 ? ' '
							   : reason[n];
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
		if ((f->in_force == CLOSED || f->in_force == ASKING) && ++lines <= LINES_MAX)
			log_error(
			    "rule key=\"%s\" state=refused reason=\"%s\" "
			    "effect=\"all rules of the store %s\" remedy=\"write it again, or "
			    "delete it\"",
			    log_quote(map_name(&q->all.entries[i]), key, sizeof key),
			    reason_text(f->reason, reason, sizeof reason),
			    f->in_force == CLOSED ? "answer 503" : "ask for a token");
		else if (++lines <= LINES_MAX)
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
		log_info("rule key=\"%s\" state=mended", log_quote(map_name(e), key, sizeof key));
		refused_free(map_take(&q->all, map_name(e)));
	}
}

void
quarantine_settle(struct quarantine *q, const struct rules *rules, const struct config *c,
		  const struct compile_report *report)
{
	for (size_t i = 0; i < q->all.count; i++)
		((struct refused *)q->all.entries[i].value)->present = false;
	q->closed = 0;
	put_rules(q, rules, c);
	put_routes(q, rules, c, report);
	put_upstreams(q, rules, c);
	forget_the_mended(q);
	tell(q);
}

bool
quarantine_knows(const struct quarantine *q, const struct map *keys)
{
	for (size_t i = 0; i < keys->count && q->all.count > 0; i++) {
		if (map_get(&q->all, map_name(&keys->entries[i])))
			return true;
	}
	return false;
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
