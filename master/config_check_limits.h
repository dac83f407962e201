#pragma once

/*
 * config_check_limits: rates and concurrency, and what names them.
 */

#include "config_read.h"

void config_check_limits(struct config_reader *r);
/* What a route (or "limits", for all of them) names or holds itself. `unknown`: names may be told
 * to be unknown, because all that there are are in `c`. */
void config_check_limited(struct mistakes *m, const struct config *c, bool unknown, const char *key,
			  int line, const struct config_limited *l);
