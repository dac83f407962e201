#pragma once

/*
 * renku: what renku's gateway calls its limit, with compatibility: renku: server.rateLimits with
 * enabled, rate (a second, of each address) and burst. Translated into limits.rates, with the lines
 * of the operator's file. Nothing else of `server` is understood, and so it is refused.
 */

#include "config_read.h"

/* The root that is to be read: the one that was given, where it has no `server` or the profile is
 * another. Mistakes are in r->mistakes. */
const struct node *renku_translate(struct config_reader *r, const struct node *root);
