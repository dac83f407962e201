#pragma once

/*
 * foreign: what the files that translate another system's configuration share: its keys are told
 * apart without regard to case, as those systems' own readers do.
 */

#include "config_read.h"
#include "settings.h"

/* The keys that a mapping may have; others, and one that stands twice, are mistakes. `whose`: the
 * system; `where`: the mapping's path in the file, "" for the root. False: it is no mapping, which
 * is one, too. */
bool foreign_keys(struct config_reader *r, const struct node *n, const char *whose,
		  const char *where, const struct setting_word *known);
/* The value of a key in any case; NULL: it is not there, or nothing stands behind it. */
const struct node *foreign_get(const struct node *n, const char *key);
/* The same for "a.b.c". */
const struct node *foreign_at(const struct node *n, const char *path);
/* node_put of a text, which is copied. */
void foreign_put(struct config_reader *r, struct node *mapping, const char *key, struct slice text,
		 int line);
