#pragma once

/*
 * redirect: may a route redirect to this? What the client sends can choose the path and the query
 * of the target and never where it leads: the scheme and the authority are the operator's, but for
 * $scheme and $host, which are the client's own.
 */

#include "lib/slice.h"

/* What is wrong with a template, and the remedy; NULL: nothing. */
const char *redirect_fault(struct slice to);
