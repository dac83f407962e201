#include "revisions.h"

#include "master.h"

#include <stdio.h>

void
revisions_deinit(struct master *m)
{
	history_deinit(&m->revisions.history);
}

const struct revision *
revisions_in_force(const struct master *m)
{
	const struct revisions *v = &m->revisions;

	if (rules_changes(m->rules)->items.count > 0)
		return NULL;
	return history_find(&v->history, slice_of(v->base));
}

/* ---- settling ---- */

void
revisions_settle(struct master *m)
{
	struct revisions *v = &m->revisions;
	const struct revision *newest = history_newest(&v->history), *r;
	char digest[DIGEST_TEXT];

	rules_digest(m->rules, digest);
	if (newest && strcmp(newest->digest, digest) == 0) {
		snprintf(v->base, sizeof v->base, "%s", newest->id);
		rules_mark(m->rules);
	}
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

void
revisions_add(struct master *m, struct revision *r)
{
	if (!r)
		return;
	history_add(&m->revisions.history, r);
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
