/*
 * GET /statistics: what routes, upstreams and identities did.
 */

#include "api.h"

#include "master.h"
#include "statistics.h"

void
api_statistics(struct api_call *c)
{
	BUF_CLEAN struct buf json = { 0 };

	statistics_write(c->master, c->text.role >= ACCESS_OPERATE, &json);
	api_reply(c, 200, buf_slice(&json), NULL);
}
