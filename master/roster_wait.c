/*
 * Who waits for a revision to be in force: in this gateway, or in all that share the Redis. Others
 * are asked for until they have it, at first often.
 */

#include "api.h"
#include "master.h"
#include "roster_own.h"

#include "lib/clock.h"
#include "lib/xalloc.h"

#include <stdio.h>
#include <stdlib.h>

#define POLL_FIRST_MS 100
#define POLL_LAST_MS 500

struct wait {
	struct list link;
	struct api_call *call;
	void (*settled)(struct api_call *call, const struct roster_outcome *o);
	char revision[REVISION_TEXT]; /* "": whatever they have */
	bool all;
	uint64_t begun_ms, deadline_ms;
	uint64_t poll_ms, pause_ms;
	struct { /* at what it was looked last; there may be many to look at */
		bool any;
		uint64_t known_ms;
		char ours[REVISION_TEXT];
	} looked;
};

static bool
has(const char *revision, const struct wait *w)
{
	return !*w->revision || (*revision && revision_compare(revision, w->revision) >= 0);
}

static void
name_one(const struct roster_gateway *g, struct buf *out)
{
	buf_addf(out, "%s{\"gateway\":\"%s\",\"name\":", out->n ? "," : "", g->id);
	buf_add_json(out, slice_of(g->name));
	buf_addf(out, ",\"revision\":\"%s\"}", g->revision);
}

/* Who counts and has not got it; who does not count any more is named, too. Whoever asks for all of
 * them asks for those that go on, also where he asks one that does not. */
static void
look(const struct master *m, const struct wait *w, struct buf *lagging, struct buf *gone)
{
	const struct roster *r = &m->roster;
	struct roster_gateway self;

	roster_self(m, &self);
	if (!has(self.revision, w) && !(w->all && self.state == ROSTER_DRAINING))
		name_one(&self, lagging);
	for (size_t i = 0; w->all && i < r->known.count; i++) {
		const struct roster_gateway *g = &r->known.all[i];

		if (strcmp(g->id, self.id) == 0 || g->state == ROSTER_DRAINING)
			continue;
		if (g->state == ROSTER_GONE)
			name_one(g, gone);
		else if (!has(g->revision, w))
			name_one(g, lagging);
	}
}

/* Was it asked for since, and did Redis have all of them then? */
static bool
is_known(const struct master *m, const struct wait *w)
{
	const struct roster *r = &m->roster;

	return r->known.ms >= w->begun_ms &&
	       (!r->forgotten_ms || r->known.ms >= r->forgotten_ms + ROSTER_BACK_MS);
}

static bool
is_news(const struct master *m, const struct wait *w, uint64_t now)
{
	const struct roster *r = &m->roster;

	return !w->looked.any || w->looked.known_ms != r->known.ms || now >= w->deadline_ms ||
	       strcmp(w->looked.ours, r->force.revision) != 0 || !store_redis_is_up(m->store) ||
	       w->call->admin->instance != w->call->instance;
}

static void
looked(const struct master *m, struct wait *w)
{
	w->looked.any = true;
	w->looked.known_ms = m->roster.known.ms;
	memcpy(w->looked.ours, m->roster.force.revision, sizeof w->looked.ours);
}

/* Is it over? Then *out says how. */
static bool
is_over(struct master *m, struct wait *w, uint64_t now, struct buf *lagging, struct buf *gone,
	struct roster_outcome *out)
{
	bool others = w->all && m->config->redis.configured;
	bool known = !others || is_known(m, w);
	bool late = now >= w->deadline_ms;

	*out = (struct roster_outcome){ .status = 200 };
	if (w->call->admin->instance != w->call->instance) /* nobody hears it any more */
		return true;
	if (known)
		look(m, w, lagging, gone);
	out->lagging = buf_slice(lagging);
	out->gone = buf_slice(gone);
	if (known && lagging->n == 0)
		return true;
	out->status = known ? 202 : 503;
	/* There is no list of others without Redis, and no point in waiting for it. */
	return late || (others && !*w->revision && !store_redis_is_up(m->store));
}

static void
wait_end(struct wait *w, const struct roster_outcome *o)
{
	struct api_call *call = w->call;
	void (*settled)(struct api_call *, const struct roster_outcome *) = w->settled;

	list_remove(&w->link);
	free(w);
	settled(call, o);
}

static void
poll(struct master *m, struct wait *w, uint64_t now)
{
	if (!w->all || now < w->poll_ms)
		return;
	w->pause_ms = w->pause_ms < POLL_LAST_MS / 2 ? 2 * w->pause_ms : POLL_LAST_MS;
	w->poll_ms = now + w->pause_ms;
	roster_read(m, is_known(m, w) ? w->revision : "");
}

void
roster_settle(struct master *m)
{
	uint64_t now = clock_mono_ms();

	list_for_safe (pos, tmp, &m->roster.waits) {
		struct wait *w = container_of(pos, struct wait, link);
		BUF_CLEAN struct buf lagging = { 0 }, gone = { 0 };
		struct roster_outcome o;

		if (is_news(m, w, now) && is_over(m, w, now, &lagging, &gone, &o)) {
			wait_end(w, &o);
			continue;
		}
		looked(m, w);
		poll(m, w, now);
	}
}

void
roster_wait(struct api_call *call, const char *revision, bool all, uint64_t deadline_ms,
	    void (*settled)(struct api_call *call, const struct roster_outcome *o))
{
	struct master *m = call->master;
	struct wait *w = xcalloc(1, sizeof *w);

	w->call = call;
	w->settled = settled;
	w->all = all;
	w->begun_ms = clock_mono_ms();
	w->deadline_ms = deadline_ms;
	w->pause_ms = POLL_FIRST_MS / 2;
	snprintf(w->revision, sizeof w->revision, "%s", revision);
	list_push(&m->roster.waits, &w->link);
	roster_settle(m);
}

void
roster_deinit(struct master *m)
{
	struct roster *r = &m->roster;

	roster_lost(m);
	list_for_safe (pos, tmp, &r->waits) {
		struct wait *w = container_of(pos, struct wait, link);

		list_remove(&w->link);
		api_reply_message(w->call, 503, "The gateway ends", SLICE(""));
		free(w);
	}
	free(r->known.all);
}
