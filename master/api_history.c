/*
 * The history of the rules for operators: the last revisions, and what differs between two.
 */

#include "api.h"

#include "diff.h"
#include "master.h"
#include "point.h"

/* ---- reading ---- */

void
api_revisions(struct api_call *c)
{
	const struct history *h = &c->master->revisions.history;
	BUF_CLEAN struct buf json = { 0 };

	buf_addc(&json, '{');
	revisions_write(c->master, &json);
	buf_adds(&json, SLICE(",\"revisions\":["));
	for (size_t i = h->count; i-- > 0;) {
		revision_write(h->at[i], false, &json);
		buf_adds(&json, i ? SLICE(",") : SLICE(""));
	}
	buf_adds(&json, SLICE("]}"));
	api_reply_message(c, 200, "OK", buf_slice(&json));
}

void
api_reply_no_revision(struct api_call *c, struct slice id)
{
	BUF_CLEAN struct buf text = { 0 };

	buf_addf(&text, "There is no revision %.*s among the last %d", (int)(id.n < 64 ? id.n : 64),
		 id.p, HISTORY_MAX);
	buf_addc(&text, '\0');
	api_reply_message(c, 404, text.p, SLICE(""));
}

void
api_revision(struct api_call *c)
{
	const struct revision *r = history_find(&c->master->revisions.history, c->param[0]);
	struct delta d DELTA_CLEAN = { 0 };
	BUF_CLEAN struct buf json = { 0 };

	if (!r) {
		api_reply_no_revision(c, c->param[0]);
		return;
	}
	revision_write(r, true, &json);
	if (r->delta && delta_read(&d, slice_of(r->delta)) == 0) {
		json.n--; /* the brace */
		buf_adds(&json, SLICE(",\"diff\":"));
		diff_write(&d, &json);
		buf_addc(&json, '}');
	}
	api_reply_message(c, 200, "OK", buf_slice(&json));
}

/* ---- differences ---- */

void
api_diff(struct api_call *c)
{
	const struct master *m = c->master;
	struct slice a = api_query(c, SLICE("from")), b = api_query(c, SLICE("to"));
	struct point from = point_find(m, a.n ? a : SLICE("previous"));
	struct point to = point_find(m, b.n ? b : SLICE("current"));
	struct delta d DELTA_CLEAN = { 0 };
	BUF_CLEAN struct buf json = { 0 }, why = { 0 };

	if (from.kind == POINT_UNKNOWN || to.kind == POINT_UNKNOWN) {
		api_reply_no_revision(c, from.kind == POINT_UNKNOWN ? a : b);
		return;
	}
	if (point_difference(m, from, to, &d, &why) < 0) {
		buf_addc(&why, '\0');
		api_reply_message(c, 409, why.p, SLICE(""));
		return;
	}
	buf_adds(&json, SLICE("{\"from\":"));
	point_write(m, from, &json);
	buf_adds(&json, SLICE(",\"to\":"));
	point_write(m, to, &json);
	buf_adds(&json, SLICE(",\"diff\":"));
	diff_write(&d, &json);
	buf_addc(&json, '}');
	api_reply_message(c, 200, "OK", buf_slice(&json));
}
