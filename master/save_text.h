#pragma once

/*
 * save_text: a whole file in state_dir, in place of the one before: written, fsynced, renamed. For
 * the child that saves (save.h), as it waits for the disk.
 */

#include "lib/slice.h"

struct master;

/* Begins the name of a file that is being written; a pid and a name follow. */
#define SAVE_NEW ".new-"

/* 0 or a negative errno; then the one before is there still. */
int save_text(const struct master *m, const char *name, struct slice text);
/* The folder knows what was renamed. */
int save_sync(const char *folder);
