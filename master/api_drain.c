/*
 * Endpoints that are taken out of service, and back; the maintenance of all.
 */

#include "api.h"

#include "master.h"
#include "number.h"

#include <errno.h>

static void
reply(struct api_call *c)
{
	BUF_CLEAN struct buf json = { 0 };

	buf_adds(&json, SLICE("{\"drained\":"));
	drains_write(c->master, &json);
	buf_adds(&json, SLICE("}\n"));
	api_reply(c, 200, buf_slice(&json), NULL);
}

void
api_drains(struct api_call *c)
{
	reply(c);
}

void
api_drain_begin(struct api_call *c)
{
	int r = drains_begin(c->master, c->param[0], api_flag(c, SLICE("sticky=1")));

	if (r == -ENOENT)
		api_reply_message(c, 404, "No upstream has this endpoint", SLICE(""));
	else if (r < 0)
		api_reply_message(c, 409,
				  "There are more endpoints than the board has words for, and this "
				  "is one of those without",
				  SLICE(""));
	else
		reply(c);
}

void
api_drain_end(struct api_call *c)
{
	if (drains_end(c->master, c->param[0]) < 0)
		api_reply_message(c, 404, "This endpoint is not drained", SLICE(""));
	else
		reply(c);
}

static void
reply_maintenance(struct api_call *c)
{
	BUF_CLEAN struct buf json = { 0 };

	buf_adds(&json, SLICE("{\"maintenance\":"));
	maintenance_write(c->master, &json);
	buf_adds(&json, SLICE("}\n"));
	api_reply(c, 200, buf_slice(&json), NULL);
}

void
api_maintenance(struct api_call *c)
{
	reply_maintenance(c);
}

void
api_maintenance_set(struct api_call *c)
{
	int64_t ms = 0;

	if (!slice_eq(c->param[0], SLICE("off")) &&
	    (number_parse(SETTING_DURATION, c->param[0], &ms) != NUMBER_OK ||
	     ms > 7 * INT64_C(86400000))) {
		api_reply_message(c, 400, "Retry-After is a duration of at most 7d, such as 10m",
				  SLICE(""));
		return;
	}
	(void)!maintenance_set(c->master, (ms + 999) / 1000);
	reply_maintenance(c);
}

void
api_maintenance_end(struct api_call *c)
{
	(void)!maintenance_set(c->master, -1);
	reply_maintenance(c);
}

void
api_worker_replace(struct api_call *c)
{
	int64_t number;
	int r = -ENOENT;

	if (number_parse(SETTING_INT, c->param[0], &number) == NUMBER_OK && number >= 0 &&
	    number < UINT32_MAX)
		r = master_replace_worker(c->master, (uint32_t)number);
	if (r == -ENOENT)
		api_reply_message(c, 404, "There is no such worker", SLICE(""));
	else if (r < 0)
		api_reply_message(c, 409, "It is not one that serves now", SLICE(""));
	else
		api_reply_message(c, 202, "Another worker takes its place, and it finishes",
				  SLICE(""));
}
