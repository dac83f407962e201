#pragma once

/*
 * memfd: anonymous files that are handed to other processes, and the seals that make them safe to
 * share.
 */

#include "lib/slice.h"

#include <sys/stat.h>

/* Not for workers, once they are confined (worker/sandbox.h).
 * Makes one of `size` bytes of zeroes, close-on-exec, of mode 0400, so that nobody can open it
 * again for writing. Its memory is there from the start: what is missing is an error here, and no
 * SIGBUS at the first touch. 0 or a negative errno. */
int memfd_make(const char *name, size_t size, int *out_fd) __attribute__((warn_unused_result));
/* One with these runs of bytes (at least one byte in all), one behind the other, that nobody can
 * change. 0 or a negative errno. */
int memfd_of(const char *name, const struct slice *parts, size_t n, int *out_fd)
    __attribute__((warn_unused_result));
/* fstat(2) of any descriptor, by the call of that name: libc's asks by a path, as newfstatat(2),
 * which a worker may not (worker/sandbox.h). 0 or a negative errno. */
int memfd_stat(int fd, struct stat *out) __attribute__((warn_unused_result));
/* Adds F_SEAL_*. 0 or a negative errno. */
int memfd_seal(int fd, int seals) __attribute__((warn_unused_result));
/* Memory that several processes write: one of `size` bytes of zeroes whose size nobody can change,
 * mapped. *out_fd is for handing out. 0 or a negative errno. */
int memfd_share(const char *name, size_t size, void **out, int *out_fd)
    __attribute__((warn_unused_result));
/* Maps what memfd_share made; `fd` is taken over. 0, or -EBADMSG when it is of another size, or
 * that could be changed. */
int memfd_join(int fd, size_t size, void **out) __attribute__((warn_unused_result));
/* Maps what memfd_of made, for reading, until memfd_unmap. `fd` stays the caller's. 0; -EBADMSG
 * when it could still be changed, or is empty; another negative errno. */
int memfd_map(int fd, struct slice *out) __attribute__((warn_unused_result));
void memfd_unmap(struct slice memory); /* of no bytes: nothing to do */
/* Is it one, with all of these seals? Then *size is its size, for good if they hold F_SEAL_SHRINK.
 * 0 or -EBADMSG. */
int memfd_check(int fd, int seals, size_t *size) __attribute__((warn_unused_result));
