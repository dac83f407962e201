#pragma once

/*
 * renku: what Renku's gateway says of itself, as our own settings, with the lines of the operator's
 * files.
 *
 * Its own configuration (config.yaml, over that secret_config.yaml, over both the environment) is
 * known by its sections; what it refuses is refused, its routes are built in (renku_routes.c), and
 * our own settings may stand beside it. Otherwise, with compatibility: renku, server.rateLimits is
 * limits.rates, and nothing else of `server` is understood.
 */

#include "config_read.h"

/* The root that is to be read: the one that was given, where it is none of Renku's and the profile
 * is another. Mistakes are in r->mistakes. */
const struct node *renku_translate(struct config_reader *r, const struct node *root);
