#pragma once

/*
 * mirror: copies of requests for an upstream whose answers nobody sees. The original neither waits
 * for its copy nor fails with it: what would take too much (a long body, too many copies under way)
 * is not copied, and counted. A copy is marked, and what is marked is not copied again.
 */

#include "request.h"

#define MIRRORED "X-Yett-Mirrored"
#define MIRROR_BODY_MAX ((size_t)65536)
#define MIRRORS_MAX 100u /* under way, in a worker */
#define MIRROR_MS 10000u /* for all of a copy */

/* The request is about to be sent, for the first time: begins its copy, if there is to be one. What
 * came of its body so far is taken along. */
void mirror_begin(struct request *r);
/* More of the body came (r->in.spans), or its end. */
void mirror_body(struct request *r);
/* The request ended before its body did. */
void mirror_drop(struct request *r);
/* The worker ends. */
void mirrors_cancel(struct worker *w);
