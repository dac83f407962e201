#pragma once

/* echo: the server's side of a WebSocket that sends back what it gets, frame by frame as it comes.
 * Bytes in, bytes out. */

#include "frame.h"

struct echo {
	struct frame frame;
	bool payload; /* in that of the frame, else in its head */
};

/* Appends the head fields that accept an upgrade with this key (RFC 6455 section 4.2.2). */
void echo_accept(struct slice key, struct buf *out);
/* Takes all of `in`, which it changes. False: nothing more is to be said, beside what is in `out`.
 */
bool echo_take(struct echo *e, struct slice in, struct buf *out)
    __attribute__((warn_unused_result));
