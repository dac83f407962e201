#pragma once

/* ashine_own: what the files of ashine share. */

#include "ashine.h"
#include "node.h"
#include "settings.h"

/* The keys that a mapping may have; others are mistakes. `where`: its path in the file. False: it
 * is no mapping, which is one, too. */
bool ashine_keys(struct config_reader *r, const struct node *n, const char *where,
		 const struct setting_word *known);
/* The value of a key in any case; NULL: it is not there, or nothing stands behind it. */
const struct node *ashine_get(const struct node *n, const char *key);
/* ashine_services.c: `services` as routes of ours, each one with this `cors` (NULL: none). Says
 * whether there is one for which one has to be known. */
struct node *ashine_services(struct config_reader *r, const struct node *services,
			     const struct node *cors, bool *authenticated);
