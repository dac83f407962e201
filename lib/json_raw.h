#pragma once

/*
 * json_raw: the members of an object as they were written, for who passes a value on unread: no
 * number is rounded, and a large text needs no tree. For what json_scan has found to be JSON; of
 * anything else it reads nothing outside, and says nothing of use.
 */

#include "slice.h"

/* The next member of an object: its name with its quotes, and its value. `rest` is the object's
 * text at first, with or without white space around it. False at the end, and for what is none. */
bool json_raw_next(struct slice *rest, struct slice *name, struct slice *value);
/* Is the name this one, however it was written? */
bool json_raw_is(struct slice name, const char *is);
