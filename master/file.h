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
/* What such an error means, and what to do. */
const char *file_error(int error);
/* As buf_deinit, but the bytes are overwritten first. */
void file_wipe(struct buf *b);

#define FILE_SECRET __attribute__((cleanup(file_wipe)))
