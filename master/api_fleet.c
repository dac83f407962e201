/*
 * The gateways that share our Redis, and waiting for them.
 */

#include "api.h"

#include "master.h"
#include "number.h"
#include "settings.h"

#include "lib/clock.h"

#include <stdio.h>

#define NOTHING_KNOWN "Redis is away, or has forgotten the gateways: nothing is known of the others"
#define PATIENCE_MS 2000
#define PATIENCE_MAX_MS 60000 /* whoever asked may be gone by then */

/* ---- who there is ---- */

static void
on_known(struct api_call *c, const struct roster_outcome *o)
{
	BUF_CLEAN struct buf data = { 0 };

	buf_addf(&data, "{\"self\":\"%s\",\"whole\":%s,\"gateways\":", c->master->roster.id,
		 o->status == 200 ? "true" : "false");
	roster_write(c->master, &data);
	buf_addc(&data, '}');
	api_reply_message(c, 200, o->status == 200 ? "OK" : NOTHING_KNOWN, buf_slice(&data));
}

void
api_fleet(struct api_call *c)
{
	roster_wait(c, "", true, clock_mono_ms() + PATIENCE_MS, on_known);
}

/* ---- waiting ---- */

/* Until when the query has it wait. False, with the answer given: that is none. */
static bool
deadline_of(struct api_call *c, uint64_t *out)
{
	struct slice text = api_query(c, SLICE("timeout"));
	int64_t ms = PATIENCE_MS;

	if (text.p &&
	    (number_parse(SETTING_DURATION, text, &ms) != NUMBER_OK || ms > PATIENCE_MAX_MS)) {
		api_reply_message(c, 400, "timeout in the query: it is a duration up to 60s",
				  SLICE(""));
		return false;
	}
	*out = clock_mono_ms() + (uint64_t)ms;
	return true;
}

static void
add_outcome(const struct roster_outcome *o, struct buf *out)
{
	buf_addf(out, ",\"lagging\":[%.*s],\"gone\":[%.*s]", SLICE_F(o->lagging), SLICE_F(o->gone));
}

static void
on_waited(struct api_call *c, const struct roster_outcome *o)
{
	BUF_CLEAN struct buf more = { 0 };

	add_outcome(o, &more);
	api_reply_more(c, o->status, o->status == 503 ? NOTHING_KNOWN : "OK", SLICE(""),
		       buf_slice(&more), NULL);
}

void
api_wait(struct api_call *c)
{
	const struct revision *newest = history_newest(&c->master->revisions.history);
	struct slice id = c->param[0];
	uint64_t deadline;

	if (slice_eq(id, SLICE("latest")) && newest)
		id = slice_of(newest->id);
	if (!revision_is_id(id)) {
		api_reply_message(
		    c, 400, newest ? "It is no revision" : "There are no revisions yet", SLICE(""));
	} else if (deadline_of(c, &deadline)) {
		snprintf(c->revision, sizeof c->revision, "%.*s", SLICE_F(id));
		roster_wait(c, c->revision, api_flag(c, SLICE("all=1")), deadline, on_waited);
	}
}

/* ---- a change that all are to have ---- */

static void
on_fleet_has(struct api_call *c, const struct roster_outcome *o)
{
	BUF_CLEAN struct buf more = { 0 };

	add_outcome(o, &more);
	roster_warn(c->master, &c->warnings);
	api_reply_more(c, o->status == 200 ? 200 : 202,
		       o->status == 503 ? "It is stored. " NOTHING_KNOWN : "OK",
		       buf_slice(&c->data), buf_slice(&more), NULL);
}

void
api_wait_fleet(struct api_call *c)
{
	roster_wait(c, c->revision, true,
		    clock_mono_ms() +
			(api_flag(c, SLICE("wait=1")) ? PATIENCE_MAX_MS : PATIENCE_MS),
		    on_fleet_has);
}
