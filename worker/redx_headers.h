#pragma once

/*
 * redx_headers: what redx tells upstreams of its decision, where `compatibility` asks for it:
 * X-Redx-Frontend-Name, -Frontend-Cache-Hit, -Backend-Name, -Backend-Cache-Hit and -Backend-Server.
 * "Hit" is that there is one.
 */

#include "request.h"

/* Most bytes that they take. */
size_t redx_headers_room(const struct request *r);
char *redx_headers_put(char *o, const struct request *r);
