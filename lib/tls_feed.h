#pragma once

/*
 * tls_feed: a client's session for those who move bytes themselves: from the first byte to the last
 * by one call for each piece that came in.
 */

#include "tls_session.h"

struct tls_feed_ops {
	/* The handshake is over. Both may write (tls_session_write into the same `out`). False: no
	 * more of it, please; the session may be used as before, but not within the call. */
	bool (*secured)(void *userdata);
	bool (*data)(void *userdata, struct slice plain);
};

/* What came of the peer; nothing at the start. What is to be sent is added to `out`, also after a
 * failure. TLS_MORE, TLS_CLOSED, 0 when a callback said false, or a fatal outcome of tls_session.h.
 */
int tls_feed(struct tls_session *s, struct slice in, struct buf *out,
	     const struct tls_feed_ops *ops, void *userdata) __attribute__((warn_unused_result));
