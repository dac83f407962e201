/*
 * A change that came over the API: stored, compiled, and in force in every worker before it is
 * answered.
 */

#include "api.h"

#include "change.h"
#include "master.h"

#include <stdio.h>

static struct slice
expected_by(const struct api_call *c)
{
	struct slice match = slice_trim(c->text.part[CALL_IF_MATCH]);

	return slice_eq(match, SLICE("*")) ? SLICE("") : match;
}

struct change *
api_new_change(struct api_call *c)
{
	const struct slice *part = c->text.part;
	struct buf why BUF_CLEAN = { 0 };
	struct change *change;

	if (part[CALL_WHY].n > 0)
		buf_adds(&why, part[CALL_WHY]);
	else
		buf_addf(&why, "%.*s %.*s", SLICE_F(part[CALL_METHOD]), SLICE_F(part[CALL_PATH]));
	if (why.n > REVISION_WHY_MAX)
		why.n = REVISION_WHY_MAX;
	change = change_new(part[CALL_WHO], buf_slice(&why));
	change_expect(change, expected_by(c));
	return change;
}

bool
api_matches(const struct api_call *c)
{
	return change_is_for(expected_by(c), slice_of(store_revision(c->master)));
}

static void
on_settled(struct api_call *c, const struct wait_outcome *o)
{
	struct buf more BUF_CLEAN = { 0 };

	if (o->status == 200 && *c->revision && api_flag(c, SLICE("wait=fleet"))) {
		api_wait_fleet(c);
		return;
	}
	roster_warn(c->master, &c->warnings);
	if (o->status == 200) {
		api_reply_message(c, 200, "OK", buf_slice(&c->data));
		return;
	}
	buf_addf(&more, ",\"lagging\":[%.*s]", SLICE_F(o->lagging));
	api_reply_more(c, o->status,
		       o->status == 202 ? "OK"
					: "It is stored, and a worker refused the table made of it",
		       buf_slice(&c->data), buf_slice(&more), NULL);
}

static void
on_stored(void *userdata, const struct store_outcome *o)
{
	struct api_call *c = userdata;
	struct buf reason BUF_CLEAN = { 0 };

	snprintf(c->revision, sizeof c->revision, "%s", o->revision);
	if (o->status != 200) {
		buf_adds(&reason, o->reason);
		buf_addc(&reason, '\0');
		api_reply_message(c, o->status, reason.p, buf_slice(&c->data));
	} else if (api_flag(c, SLICE("wait=0"))) {
		api_reply_message(c, 202, "OK", buf_slice(&c->data));
	} else {
		waiters_add(c, api_flag(c, SLICE("wait=1")) ? WAIT_LONG : 0, on_settled);
	}
}

void
api_change(struct api_call *c, struct change *change)
{
	roster_refresh(c->master);
	store_submit(c->master, change, on_stored, c);
}
