#include "revisions.h"

#include "change.h"
#include "master.h"
#include "rules_recover.h"
#include "store.h"

#include "lib/clock.h"
#include "lib/log.h"

#include <stdio.h>

#define WHO_RAW "raw"
#define QUIET_MS 200   /* several raw writes of one wish come within this */
#define YIELD_MS 600   /* who cannot say what changed lets those note it who can */
#define AGAIN_MS 10000 /* after one that Redis refused */
#define DUE_MS 2000    /* nor does a stream of them stay without a revision for longer */

void
revisions_deinit(struct master *m)
{
	history_deinit(&m->revisions.history);
}

const struct revision *
revisions_in_force(const struct master *m)
{
	const struct revisions *v = &m->revisions;

	if (!delta_is_empty(rules_changes(m->rules)))
		return NULL;
	return history_find(&v->history, slice_of(v->base));
}

/* ---- notes ---- */

/* What led from the newest revision to our rules. */
static void
add_delta(const struct master *m, struct buf *out)
{
	const struct revisions *v = &m->revisions;
	const struct revision *newest = history_newest(&v->history);
	const struct revision *base = history_find(&v->history, slice_of(v->base));
	struct delta d DELTA_CLEAN = { 0 };
	struct buf why BUF_CLEAN = { 0 };

	if (!newest) {
		buf_add_json(out, SLICE("it is the first, what was before it is not known"));
	} else if (!base) {
		buf_add_json(out, SLICE("it was made while no gateway looked"));
	} else if (history_between(&v->history, newest, base, &d, &why) < 0) {
		buf_add_json(out, buf_slice(&why));
	} else {
		delta_compose(&d, rules_changes(m->rules));
		delta_write(&d, out);
	}
}

static void
on_noted(void *userdata, const struct store_outcome *o)
{
	struct master *m = userdata;
	struct revisions *v = &m->revisions;

	v->noting = false;
	if (o->status == 200) {
		v->refused = false;
	} else if (o->status == 409) {
		v->due = true; /* another was first; perhaps it noted the same */
	} else if (!v->refused) {
		v->refused = true;
		log_warn("revisions error=\"%.*s\" remedy=\"changes past the API get no revision "
			 "from here\"",
			 SLICE_F(o->reason));
	}
	revisions_settle(m);
	if (o->status != 200 && o->status != 409)
		v->quiet_ms = v->due_ms = clock_mono_ms() + AGAIN_MS;
}

static void
note(struct master *m)
{
	struct revisions *v = &m->revisions;
	struct buf delta BUF_CLEAN = { 0 };
	struct change *c = change_new(SLICE(WHO_RAW), SLICE("written past the API"));

	add_delta(m, &delta);
	change_note(c, buf_slice(&delta));
	v->due = false;
	v->noting = true;
	store_submit(m, c, on_noted, m);
}

void
revisions_tick(struct master *m, uint64_t now_ms)
{
	const struct revisions *v = &m->revisions;
	struct store_redis_status st;

	if (!v->due || v->noting || (now_ms < v->quiet_ms && now_ms < v->due_ms) ||
	    !m->config->redis.configured)
		return;
	store_redis_get_status(m->store, &st);
	if (st.settled)
		note(m);
}

/* ---- settling ---- */

/* Is there something to note? */
static bool
is_due(struct master *m)
{
	struct revisions *v = &m->revisions;
	const struct revision *newest = history_newest(&v->history);
	char digest[DIGEST_TEXT];

	rules_digest(m->rules, digest);
	if (newest && strcmp(newest->digest, digest) == 0) {
		snprintf(v->base, sizeof v->base, "%s", newest->id);
		rules_mark(m->rules);
		return rules_knows_better(m->rules, newest);
	}
	return v->due || !delta_is_empty(rules_changes(m->rules)) ||
	       (!v->base[0] && (newest || rules_known(m->rules) > 0));
}

void
revisions_settle(struct master *m)
{
	struct revisions *v = &m->revisions;
	const struct revision *r;
	uint64_t now = clock_mono_ms();
	bool was_due = v->due, knows;

	v->due = is_due(m);
	if (v->due && !was_due)
		v->due_ms = now + DUE_MS;
	knows = !v->history.count || history_find(&v->history, slice_of(v->base));
	v->quiet_ms = now + (knows ? QUIET_MS : YIELD_MS);
	r = revisions_in_force(m);
	if (strcmp(m->publisher.revision, r ? r->id : "") != 0)
		saver_mark(&m->saver);
	publish_revision(m, r ? r->id : "", r ? r->wall : 0);
}

void
revisions_remember(struct master *m, struct revision *r)
{
	struct revisions *v = &m->revisions;
	char digest[DIGEST_TEXT];

	rules_digest(m->rules, digest);
	rules_mark(m->rules);
	if (strcmp(r->digest, digest) == 0)
		snprintf(v->base, sizeof v->base, "%s", r->id);
	history_add(&v->history, r);
	revisions_settle(m);
}

/* What is deleted through the API of any gateway is no accident, however much it is. */
static void
take_note(struct master *m, const struct revision *r)
{
	struct delta d DELTA_CLEAN = { 0 };

	if (!r->delta || strcmp(r->who, WHO_RAW) == 0 || delta_read(&d, slice_of(r->delta)) < 0)
		return;
	for (size_t i = 0; i < d.items.count; i++) {
		const struct delta_item *item = d.items.entries[i].value;

		if (strcmp(item->after, "null") == 0)
			store_redis_meant(m->store, map_name(&d.items.entries[i]));
	}
}

void
revisions_recover(struct master *m)
{
	uint64_t before = rules_generation(m->rules);

	rules_recover(m->rules, &m->revisions.history);
	if (rules_generation(m->rules) == before)
		return;
	saver_mark(&m->saver);
	publish_mark(m, PUBLISH_RULES);
}

void
revisions_read(struct master *m)
{
	struct revisions *v = &m->revisions;
	const struct history *h = &v->history;

	for (size_t i = 0; i < h->count; i++) {
		if (!*v->read || revision_compare(h->at[i]->id, v->read) > 0)
			take_note(m, h->at[i]);
	}
	v->first = v->first && !h->count;
	if (h->count)
		snprintf(v->read, sizeof v->read, "%s", history_newest(h)->id);
	revisions_recover(m);
	revisions_settle(m);
}

void
revisions_add(struct master *m, struct revision *r)
{
	if (!r)
		return;
	history_add(&m->revisions.history, r);
	m->revisions.first = false;
	revisions_recover(m);
	revisions_settle(m);
}

void
revisions_write(const struct master *m, struct buf *out)
{
	const struct revision *r = revisions_in_force(m);
	struct store_redis_status st;
	char digest[DIGEST_TEXT];

	store_redis_get_status(m->store, &st);
	rules_digest(m->rules, digest);
	buf_adds(out, SLICE("\"revision\":"));
	if (r)
		revision_write(r, false, out);
	else
		buf_adds(out, SLICE("null"));
	buf_addf(out, ",\"digest\":\"%s\",\"history_error\":", digest);
	buf_add_json(out, slice_of(st.history_error));
}
