/*
 * Who announced himself, as Redis has it: asked for, read, and written for people. What stands
 * there may be of another version, or of somebody hostile: what is no announcement is left out.
 */

#include "config_rule.h"
#include "master.h"
#include "roster_own.h"

#include "lib/clock.h"
#include "lib/map.h"
#include "lib/xalloc.h"

#include <stdio.h>
#include <stdlib.h>

#define FRESH_MS 1000
#define MEMBER_MAX 96 /* bytes of a member: the id and the host */

/* What somebody else has put there may be of any length, and is cut where it is: an answer that is
 * too large ends the link. KEYS: who was heard of when. ARGV: how many, how much of each. */
static const char heard_script[] =
    "local all = redis.call('ZRANGE', KEYS[1], -ARGV[1], -1, 'WITHSCORES') "
    "for i = 1, #all, 2 do all[i] = string.sub(all[i], 1, ARGV[2]) end "
    "return all";

/* KEYS: of gateways. ARGV: how much of each. What is no text is none. */
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

/* Redis knows of us no more, and so perhaps of nobody who is about to come back. */
static void
doubt(struct roster *r)
{
	if (!r->listed)
		return;
	roster_forgotten(r);
	r->told.ms = 0;
}

static void
on_announcements(void *userdata, struct slice tag, const struct redis_reply *reply)
{
	struct master *m = userdata;
	struct roster_question *q = m->roster.question;
	bool good = reply->type == REDIS_ARRAY && reply->count == q->asked_count;

	for (size_t i = 0; good && i < q->asked_count; i++) {
		const struct redis_reply *e = reply->elements[i];
		struct roster_gateway *g = &q->all[q->asked[i]];

		roster_read_one(g, e && e->type == REDIS_STRING ? e->text : SLICE(""));
		if (g->state == ROSTER_GONE && strcmp(g->id, m->roster.id) == 0)
			doubt(&m->roster);
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
	roster_copy(id, g->id, sizeof g->id);
	if (name.p)
		roster_copy(name, g->name, sizeof g->name);
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
	    slice_make(last, (size_t)snprintf(last, sizeof last, "%d", ROSTER_TEXT_MAX));
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
	if (!take_members(q, reply))
		doubt(r);
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
	char count[16], most[16];
	const struct slice time[] = { SLICE("TIME") };
	const struct slice heard[] = {
		SLICE("EVAL"),
		slice_of(heard_script),
		SLICE("1"),
		SLICE(ROSTER_HEARD),
		slice_make(count, (size_t)snprintf(count, sizeof count, "%d", ROSTER_MAX)),
		slice_make(most, (size_t)snprintf(most, sizeof most, "%d", MEMBER_MAX)),
	};

	if (r->question || !store_redis_is_up(m->store))
		return;
	r->question = xcalloc(1, sizeof *r->question);
	r->question->master = m;
	r->question->begun_ms = clock_mono_ms();
	snprintf(r->question->beyond, sizeof r->question->beyond, "%s", beyond);
	store_redis_command(m->store, on_time, m, SLICE(""), 1, time);
	store_redis_command(m->store, on_heard, m, SLICE(""), sizeof heard / sizeof heard[0],
			    heard);
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
