#pragma once

/*
 * keep: what becomes of a state file before it is replaced, and of one that cannot be read: the
 * copy before the present one stays as NAME.1, and nothing damaged is ever written over.
 */

#include "lib/buf.h"

/* What stands under `name` in the folder is NAME.1 from now on, too. Where nothing does, NAME.1
 * stays as it is. 0 or an errno. */
int keep_previous(int folder, const char *name);
/* Moves a damaged file to PATH.bad, or PATH.bad.2 and so on, and says so in `error`. */
void keep_damaged(const char *path, struct buf *error);
/* Is there one that was moved away? */
bool keep_has_damaged(const char *path);
