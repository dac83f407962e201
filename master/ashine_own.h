#pragma once

/* ashine_own: what the files of ashine share. */

#include "ashine.h"
#include "foreign.h"
#include "node.h"
#include "settings.h"

#define WHOSE "a-shine"

/* ashine_services.c: `services` as routes of ours, each one with this `cors` (NULL: none). Says
 * whether there is one for which one has to be known. */
struct node *ashine_services(struct config_reader *r, const struct node *services,
			     const struct node *cors, bool *authenticated);
