#pragma once

/*
 * hub: a route by which a page has other services asked in its user's name, as NaaVRE's
 * communicator does: POST .../external-service, GET .../me. Whom it may ask stands in the table;
 * the request is made anew from what the page says, with the user's token, and what the service
 * says comes back as JSON, whatever its status. Follows no redirect.
 */

#include "request.h"

/* In the place of an upstream: after the policies. */
enum result hub_step(struct request *r);
/* r has ended: nobody waits for the service any more. */
void hub_leave(struct request *r);
