/*
 * GET /statistics: what routes, upstreams and identities did; hour=2026-11-27T10: what identities
 * did then at all gateways.
 */

#include "api.h"

#include "flush.h"
#include "master.h"
#include "statistics.h"

void
api_statistics(struct api_call *c)
{
	BUF_CLEAN struct buf json = { 0 };
	struct slice hour = api_query(c, SLICE("hour"));

	if (hour.p) {
		flush_read(c, hour);
		return;
	}
	statistics_write(c->master, c->text.role >= ACCESS_OPERATE, &json);
	api_reply(c, 200, buf_slice(&json), NULL);
}
