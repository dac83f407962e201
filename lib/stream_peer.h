#pragma once

/*
 * stream_peer: what the kernel knows of the other side of a stream. Each question is a system call:
 * not for the path of an ordinary request.
 */

#include <stdbool.h>
#include <stdint.h>

struct stream;

/* Bytes of ours that the peer's kernel has acknowledged since the connection was made, also after
 * it broke. 0 and *out, or a negative errno where nobody counts them (a Unix socket). */
int stream_acked(const struct stream *s, uint64_t *out) __attribute__((warn_unused_result));
/* Neither bytes nor an end of the peer wait to be read. */
bool stream_is_quiet(const struct stream *s);
