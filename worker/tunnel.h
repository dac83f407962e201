#pragma once

/*
 * tunnel: after a 101 bytes go through as they come, in both directions, each with its own end. The
 * stream outlives the table that decided it.
 */

#include "request.h"

void tunnel_start(struct request *r);
void tunnel_bytes(struct request *r, bool from_client, struct slice bytes);
/* Nothing was read from either side for tunnel_idle. */
void tunnel_silent(struct request *r);
void tunnel_end(struct request *r, bool from_client);
/* Ends it with a word to the client where there is one: a WebSocket's close frame. */
void tunnel_close(struct request *r, enum reason reason);
/* Is all of it out? The step `relay` of a tunnel. */
enum result tunnel_step(struct request *r);
