#pragma once

/*
 * file: a whole small file at once. Regular files only: a pipe or a device would block, or never
 * end.
 */

#include "lib/buf.h"

#include <sys/stat.h>

/* Appends the content to `out`. *st may be NULL. 0; -EISDIR; -EINVAL: no regular file; -EFBIG: more
 * than `max` bytes; another negative errno. */
int file_read(const char *path, size_t max, struct buf *out, struct stat *st)
    __attribute__((warn_unused_result));
/* What shows that a file was written, or that another one took its place. */
struct file_stamp {
	struct timespec changed, written;
	dev_t device;
	ino_t number;
	off_t size;
};

/* Of the file that the path leads to; zeroes when there is none. A file that was written a moment
 * ago may be written once more within the same tick of its clock: it has no stamp yet, either. */
struct file_stamp file_stamp(const char *path);
/* Surely not written in between? */
bool file_stamp_same(const struct file_stamp *a, const struct file_stamp *b);
/* Can this user read it, in every folder of the path? Asks a child process; for who is root. */
bool file_readable_by(const char *path, const char *user);
/* What such an error means, and what to do. */
const char *file_error(int error);
/* As buf_deinit, but the bytes are overwritten first. */
void file_wipe(struct buf *b);

#define FILE_SECRET __attribute__((cleanup(file_wipe)))
