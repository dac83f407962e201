#pragma once

/*
 * stream_peer: what the kernel knows of the other side of a stream. Each question is a system call:
 * not for the path of an ordinary request.
 *
 * Not with TCP_USER_TIMEOUT: it would also end a peer that lives and reads nothing for so long,
 * which is what timeouts.idle is for. What a peer that is gone leaves unacknowledged ends with
 * net.ipv4.tcp_retries2.
 */

#include <stdbool.h>
#include <stdint.h>

struct stream;

/* The kernel asks the peer of this TCP socket when it has said nothing for a minute: one that is
 * gone without a word breaks the connection within two. What is accepted from a listener inherits
 * it. */
void stream_peer_watch(int fd);
/* Bytes of ours that the peer's kernel has acknowledged since the connection was made, also after
 * it broke. 0 and *out, or a negative errno where nobody counts them (a Unix socket). */
int stream_acked(const struct stream *s, uint64_t *out) __attribute__((warn_unused_result));
/* Neither bytes nor an end of the peer wait to be read. */
bool stream_is_quiet(const struct stream *s);
