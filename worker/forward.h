#pragma once

/*
 * forward: heads are rewritten here, in both directions: hop-by-hop fields out (RFC 9110
 * section 7.6.1), our own in, whatever a client could use to pose as the gateway out.
 */

#include "request.h"

/* The request's head for the endpoint, into worker->head. */
void forward_request(struct request *r);
/* The same for a mirror: marked, on a connection of its own. */
void forward_copy(struct request *r, uint32_t endpoint);
/* The answer's head for the client, into worker->head; sets r->framing and r->keep_alive. */
void forward_response(struct request *r);
/* An interim answer (1xx) for the client, into worker->head. */
void forward_interim(struct request *r);
