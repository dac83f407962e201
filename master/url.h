#pragma once

/*
 * url: an absolute http or https URL (RFC 3986) of a document that the master fetches. Stricter
 * than the RFC where two readers could disagree: no userinfo, no fragment, a host as lib/uri takes
 * it.
 */

#include "config.h"

#define URL_MAX 2048

/* Into `out`, whose texts are the arena's. NULL, or what is wrong with it: a sentence without a
 * subject, a literal. */
const char *url_parse(struct arena *arena, struct slice text, struct config_url *out)
    __attribute__((warn_unused_result));
