#pragma once

/*
 * store_disk: a file that is replaced as a whole, by a child that may wait for the disk while the
 * loop goes on.
 */

#include "lib/buf.h"

#include <stdbool.h>
#include <sys/types.h>

struct store_disk;
struct uv_loop_s;

struct store_disk *store_disk_new(struct uv_loop_s *loop);
/* A child that is still at work gets a moment, and no callback follows. Run the loop once more. */
void store_disk_free(struct store_disk *d);
/* As fork: 0 in the child, which ends with _exit(errno) and dies with its parent; > 0 in the
 * parent, where `done` is called when it has ended: 0 or a negative errno; or a negative errno. One
 * at a time. */
pid_t store_disk_fork(struct store_disk *d, void (*done)(void *userdata, int error),
		      void *userdata);
bool store_disk_is_busy(const struct store_disk *d);
/* Replaces folder/name: written beside, synced, renamed, the folder synced; what was
 * there is NAME.1 (keep.h). 0 or an errno. */
int store_disk_replace(const char *folder, const char *name, struct slice content);
/* Can files be made there, and synced? 0 or an errno. */
int store_disk_try(const char *folder);
/* Reads all of a file. 0; -EBADMSG: it is no file, or too large; or another negative errno. */
int store_disk_read(const char *path, size_t max, struct buf *out);
