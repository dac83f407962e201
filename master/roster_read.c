/*
 * Who announced itself, as Redis has it: asked for, read, and written for people. What stands there
 * may be of another version, or of somebody hostile: what is no announcement is left out, what is
 * not known in one is not looked at, and texts are cut and made fit for a terminal.
 */

#include "config_rule.h"
#include "master.h"
#include "roster_own.h"

#include "lib/clock.h"
#include "lib/json.h"
#include "lib/map.h"
#include "lib/xalloc.h"

#include <stdio.h>
#include <stdlib.h>

#define FRESH_MS 1000
#define TEXT_MAX                                                                                   \
	1500        /* bytes of an announcement: all of ROSTER_MAX are less than an answer may be */
#define DEPTH_MAX 8 /* a newer one may say more of itself */

/* KEYS: of gateways. ARGV: how much of each. What is no text is none; MGET would bring all of it,
 * and what somebody has put there in the place of an announcement may be of any length. */
static const char read_script[] =
    "local all = {} "
    "for i, key in ipairs(KEYS) do "
    "local text = redis.pcall('GETRANGE', key, 0, ARGV[1]) "
    "if type(text) == 'table' then "
    "if not string.find(text.err, 'WRONGTYPE', 1, true) then return text end "
    "text = '' end "
    "all[i] = text end "
    "return all";

struct roster_question {
	struct master *master;
	uint64_t begun_ms;
	uint64_t now_ms; /* of Redis */
	char beyond[REVISION_TEXT];
	struct roster_gateway *all;
	size_t count;
	size_t *asked; /* those of `all` that an answer is to come for */
	size_t asked_count;
};

/* ---- one of them ---- */

static void
copy(struct slice from, char *to, size_t cap)
{
	size_t n = from.n < cap - 1 ? from.n : cap - 1;

	for (size_t i = 0; i < n; i++)
		to[i] = from.p[i] >= ' ' && from.p[i] < 0x7f ? from.p[i] : '?';
	to[n] = '\0';
}

static uint64_t
count_of(const struct json *v, const char *name)
{
	double number = 0;

	return json_number(json_get(v, name), &number) && number > 0 && number < 1e15
		   ? (uint64_t)number
		   : 0;
}

static enum roster_state
state_of(struct slice text)
{
	for (int s = ROSTER_READY; s <= ROSTER_DRAINING; s++) {
		if (slice_eq(text, slice_of(roster_state_name[s])))
			return (enum roster_state)s;
	}
	return ROSTER_DEGRADED; /* a newer one knows more of them */
}

void
roster_read_one(struct roster_gateway *g, struct slice text)
{
	struct json *v = NULL;

	g->state = ROSTER_GONE;
	if (json_parse(text, TEXT_MAX, DEPTH_MAX, &v) < 0)
		return;
	if (json_kind(v) == JSON_OBJECT) {
		g->state = state_of(json_text(json_get(v, "state")));
		copy(json_text(json_get(v, "name")), g->name, sizeof g->name);
		copy(json_text(json_get(v, "version")), g->version, sizeof g->version);
		copy(json_text(json_get(v, "degraded")), g->degraded, sizeof g->degraded);
		if (revision_is_id(json_text(json_get(v, "revision"))))
			copy(json_text(json_get(v, "revision")), g->revision, sizeof g->revision);
		g->format = count_of(v, "format");
		g->pid = count_of(v, "pid");
		g->table = count_of(v, "table");
		g->workers = count_of(v, "workers");
		g->in_force_ms = count_of(v, "in_force_ms");
		g->up_ms = count_of(v, "up_ms");
	}
	json_free(v);
}

void
roster_write_one(const struct roster_gateway *g, bool announced, struct buf *out)
{
	const struct {
		const char *name;
		uint64_t value;
	} numbers[] = {
		{ "format", g->format },
		{ "pid", g->pid },
		{ "table", g->table },
		{ "workers", g->workers },
		{ "in_force_ms", g->in_force_ms + g->heard_ms },
		{ "up_ms", g->up_ms + g->heard_ms },
	};

	buf_addc(out, '{');
	if (!announced)
		buf_addf(out, "\"id\":\"%s\",\"heard_ms\":%llu,", g->id,
			 (unsigned long long)g->heard_ms);
	buf_adds(out, SLICE("\"name\":"));
	buf_add_json(out, slice_of(g->name));
	buf_addf(out, ",\"state\":\"%s\"", roster_state_name[g->state]);
	if (g->state != ROSTER_GONE) {
		buf_adds(out, SLICE(",\"version\":"));
		buf_add_json(out, slice_of(g->version));
		buf_adds(out, SLICE(",\"degraded\":"));
		buf_add_json(out, slice_of(g->degraded));
		buf_addf(out, ",\"revision\":\"%s\"", g->revision);
		for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
			buf_addf(out, ",\"%s\":%llu", numbers[i].name,
				 (unsigned long long)numbers[i].value);
	}
	buf_addc(out, '}');
}

/* ---- asking ---- */

static void
question_end(struct master *m, bool good)
{
	struct roster *r = &m->roster;
	struct roster_question *q = r->question;

	if (!q)
		return;
	r->question = NULL;
	if (good) {
		free(r->known.all);
		r->known.all = q->all;
		r->known.count = q->count;
		r->known.ms = q->begun_ms;
	} else {
		free(q->all);
	}
	free(q->asked);
	free(q);
	roster_settle(m);
}

void
roster_lost(struct master *m)
{
	struct roster *r = &m->roster;

	r->told.ms = 0;
	r->script[0] = '\0';
	question_end(m, false);
}

static void
on_announcements(void *userdata, struct slice tag, const struct redis_reply *reply)
{
	struct master *m = userdata;
	struct roster_question *q = m->roster.question;
	bool good = reply->type == REDIS_ARRAY && reply->count == q->asked_count;

	for (size_t i = 0; good && i < q->asked_count; i++) {
		const struct redis_reply *e = reply->elements[i];

		roster_read_one(&q->all[q->asked[i]],
				e && e->type == REDIS_STRING ? e->text : SLICE(""));
	}
	roster_complain(&m->roster, ROSTER_ASKS, good ? NULL : reply);
	question_end(m, good);
}

/* "ID NAME" and when it was heard of, in ms. False: it is none. */
static bool
read_member(struct roster_question *q, const struct redis_reply *member,
	    const struct redis_reply *heard, struct roster_gateway *g)
{
	struct slice name, id;
	uint64_t at;

	if (!member || !heard || member->type != REDIS_STRING || heard->type != REDIS_STRING ||
	    heard->text.n > 20)
		return false;
	id = slice_cut(member->text, ' ', &name);
	if (id.n != sizeof g->id - 1 || strspn(id.p, "0123456789abcdef") < id.n)
		return false;
	*g = (struct roster_gateway){ .state = ROSTER_GONE };
	copy(id, g->id, sizeof g->id);
	if (name.p)
		copy(name, g->name, sizeof g->name);
	at = strtoull(heard->text.p, NULL, 10);
	g->heard_ms = q->now_ms > at ? q->now_ms - at : 0;
	return true;
}

/* Those of whom nothing more needs to be known. */
static void
find_beyond(const struct roster_question *q, struct map *out)
{
	const struct roster *r = &q->master->roster;

	for (size_t i = 0; *q->beyond && i < r->known.count; i++) {
		struct roster_gateway *g = &r->known.all[i];

		if (g->state != ROSTER_GONE && *g->revision &&
		    revision_compare(g->revision, q->beyond) >= 0)
			*map_put(out, slice_of(g->id)) = g;
	}
}

static bool
is_beyond(const struct map *beyond, struct roster_gateway *g)
{
	const struct roster_gateway *known = map_get(beyond, slice_of(g->id));
	uint64_t heard_ms = g->heard_ms;

	if (!known || heard_ms > ROSTER_EXPIRE_S * 1000)
		return false;
	*g = *known;
	g->heard_ms = heard_ms;
	return true;
}

static void
ask_each(struct roster_question *q)
{
	struct buf BUF_CLEAN keys = { 0 };
	struct slice *argv = xcalloc(q->asked_count + 4, sizeof *argv);
	const size_t n = sizeof ROSTER_KEY - 1 + sizeof q->all->id - 1;
	char count[16], last[16];

	for (size_t i = 0; i < q->asked_count; i++)
		buf_addf(&keys, ROSTER_KEY "%s", q->all[q->asked[i]].id);
	argv[0] = SLICE("EVAL");
	argv[1] = slice_of(read_script);
	argv[2] = slice_make(count, (size_t)snprintf(count, sizeof count, "%zu", q->asked_count));
	for (size_t i = 0; i < q->asked_count; i++)
		argv[i + 3] = slice_make(keys.p + i * n, n);
	argv[q->asked_count + 3] =
	    slice_make(last, (size_t)snprintf(last, sizeof last, "%d", TEXT_MAX));
	store_redis_command(q->master->store, on_announcements, q->master, SLICE(""),
			    q->asked_count + 4, argv);
	free(argv);
}

/* Those who were heard of; of two with the same id, as of a host that has another name now, the one
 * that was heard of last. False: we are not among them. */
static bool
take_members(struct roster_question *q, const struct redis_reply *reply)
{
	size_t pairs = reply->count / 2 < ROSTER_MAX ? reply->count / 2 : ROSTER_MAX;
	struct map places = MAP_INIT;
	bool ours;

	q->all = xcalloc(pairs + 1, sizeof *q->all);
	for (size_t i = 0; i < pairs; i++) {
		struct roster_gateway g, *before;
		void **place;

		if (!read_member(q, reply->elements[2 * i], reply->elements[2 * i + 1], &g))
			continue;
		place = map_put(&places, slice_of(g.id));
		before = *place;
		if (!before)
			*place = before = &q->all[q->count++];
		*before = g;
	}
	ours = map_get(&places, slice_of(q->master->roster.id));
	map_deinit(&places, NULL);
	return ours;
}

static void
on_heard(void *userdata, struct slice tag, const struct redis_reply *reply)
{
	struct master *m = userdata;
	struct roster *r = &m->roster;
	struct roster_question *q = r->question;
	struct map beyond = MAP_INIT;

	if (reply->type != REDIS_ARRAY) {
		roster_complain(r, ROSTER_ASKS, reply);
		question_end(m, false);
		return;
	}
	if (!take_members(q, reply) && r->listed) {
		roster_forgotten(r);
		r->told.ms = 0;
	}
	find_beyond(q, &beyond);
	q->asked = xcalloc(q->count + 1, sizeof *q->asked);
	for (size_t i = 0; i < q->count; i++) {
		if (!is_beyond(&beyond, &q->all[i]))
			q->asked[q->asked_count++] = i;
	}
	map_deinit(&beyond, NULL);
	if (q->asked_count > 0)
		ask_each(q);
	else
		question_end(m, true);
}

static void
on_time(void *userdata, struct slice tag, const struct redis_reply *reply)
{
	struct roster_question *q = ((struct master *)userdata)->roster.question;
	uint64_t part[2] = { 0 };

	for (size_t i = 0; reply->type == REDIS_ARRAY && i < 2 && i < reply->count; i++) {
		const struct redis_reply *e = reply->elements[i];

		if (e && e->type == REDIS_STRING && e->text.n < 20)
			part[i] = strtoull(e->text.p, NULL, 10);
	}
	q->now_ms = part[0] * 1000 + part[1] / 1000;
}

void
roster_read(struct master *m, const char *beyond)
{
	struct roster *r = &m->roster;
	char first[16];
	const struct slice time[] = { SLICE("TIME") };
	const struct slice heard[] = { SLICE("ZRANGE"), SLICE(ROSTER_HEARD),
				       slice_make(first, (size_t)snprintf(first, sizeof first, "%d",
									  -ROSTER_MAX)),
				       SLICE("-1"), SLICE("WITHSCORES") };

	if (r->question || !store_redis_is_up(m->store))
		return;
	r->question = xcalloc(1, sizeof *r->question);
	r->question->master = m;
	r->question->begun_ms = clock_mono_ms();
	snprintf(r->question->beyond, sizeof r->question->beyond, "%s", beyond);
	store_redis_command(m->store, on_time, m, SLICE(""), 1, time);
	store_redis_command(m->store, on_heard, m, SLICE(""), 5, heard);
}

/* ---- what is made of it ---- */

void
roster_refresh(struct master *m)
{
	const struct roster *r = &m->roster;

	if (!r->known.ms || clock_mono_ms() > r->known.ms + FRESH_MS)
		roster_read(m, "");
}

void
roster_warn(const struct master *m, struct buf *warnings)
{
	const struct roster *r = &m->roster;

	for (size_t i = 0; i < r->known.count; i++) {
		const struct roster_gateway *g = &r->known.all[i];
		struct buf BUF_CLEAN text = { 0 };

		if (g->state == ROSTER_GONE || g->format >= RULE_FORMAT)
			continue;
		buf_addf(&text,
			 "gateway %s (%s, yett %s) reads format %llu of the rules, this one %d: "
			 "what it does not know it refuses, and serves the last good value",
			 g->id, g->name, g->version, (unsigned long long)g->format, RULE_FORMAT);
		buf_adds(warnings, warnings->n ? SLICE(",") : SLICE(""));
		buf_add_json(warnings, buf_slice(&text));
	}
}

void
roster_write(const struct master *m, struct buf *out)
{
	const struct roster *r = &m->roster;
	struct roster_gateway self;

	roster_self(m, &self);
	buf_addc(out, '[');
	roster_write_one(&self, false, out);
	for (size_t i = 0; i < r->known.count; i++) {
		if (strcmp(r->known.all[i].id, self.id) == 0)
			continue;
		buf_addc(out, ',');
		roster_write_one(&r->known.all[i], false, out);
	}
	buf_addc(out, ']');
}
