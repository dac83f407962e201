#pragma once

/*
 * fallback: the upstream that answers where a request's own one cannot. Once a request, and never
 * so that something is done twice that may not be.
 */

#include "request.h"

/* After r->failure: may another upstream have the request, whatever the one before did with it? */
bool fallback_is_harmless(const struct request *r);
/* Hands the request over: `pick` is next. False: its route has no fallback, or this is it. */
bool fallback_take(struct request *r);
