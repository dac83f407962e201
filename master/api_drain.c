/*
 * Endpoints that are taken out of service, and back.
 */

#include "api.h"

#include "master.h"

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
