#include "point.h"

#include "master.h"

#include <errno.h>

/* The one before the revision in force. */
static struct point
previous(const struct master *m)
{
	const struct history *h = &m->revisions.history;
	struct point p = { POINT_REVISION, NULL };

	for (size_t i = 1; i < h->count; i++) {
		if (strcmp(h->at[i]->id, m->revisions.base) == 0)
			p.revision = h->at[i - 1];
	}
	return p;
}

struct point
point_find(const struct master *m, struct slice name)
{
	struct point p = { POINT_REVISION, NULL };

	if (slice_eq(name, SLICE("current")))
		p.kind = POINT_NOW;
	else if (slice_eq(name, SLICE("previous")))
		p = previous(m);
	else if (!(p.revision = history_find(&m->revisions.history, name)))
		p.kind = POINT_UNKNOWN;
	return p;
}

/* What leads from there to the rules in force. */
static int
to_now(const struct master *m, const struct revision *from, struct delta *out, struct buf *why)
{
	const struct history *h = &m->revisions.history;
	const struct revision *base = history_find(h, slice_of(m->revisions.base));
	int r;

	if (!base) {
		buf_adds(why, SLICE("the rules in force are no revision that is known"));
		return -ENOENT;
	}
	r = history_between(h, from, base, out, why);
	if (r == 0)
		delta_compose(out, rules_changes(m->rules));
	if (!out->large)
		return r;
	buf_adds(why, SLICE("what changed since then is too large to be kept"));
	return -ENOENT;
}

int
point_difference(const struct master *m, struct point from, struct point to, struct delta *out,
		 struct buf *why)
{
	int r;

	if (from.kind == POINT_REVISION && to.kind == POINT_REVISION)
		return history_between(&m->revisions.history, from.revision, to.revision, out, why);
	if (from.kind == to.kind)
		return 0;
	r = to_now(m, from.kind == POINT_NOW ? to.revision : from.revision, out, why);
	if (from.kind == POINT_NOW)
		delta_invert(out);
	return r;
}

void
point_write(const struct master *m, struct point p, struct buf *out)
{
	if (p.kind == POINT_NOW)
		buf_add_json(out, slice_of(store_revision(m)));
	else if (p.revision)
		buf_add_json(out, slice_of(p.revision->id));
	else
		buf_adds(out, SLICE("null"));
}
