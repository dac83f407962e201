#pragma once

/*
 * blame: which setting and which field are behind a refusal, for the answer and for the log. Names
 * only, never a value.
 */

#include "request.h"

/* Name of the setting whose limit was met; NULL: no limit was. */
const char *blame_limit(const struct request *r);
/* Name of the field; empty: it is no one field's fault. */
struct slice blame_field(const struct request *r);
