#include "tls_feed.h"

#define PLAIN 16384

int
tls_feed(struct tls_session *s, struct slice in, struct buf *out, const struct tls_feed_ops *ops,
	 void *userdata)
{
	char plain[PLAIN];
	size_t n;
	int r;

	if (!tls_session_established(s)) {
		r = tls_session_handshake(s, &in, out);
		if (r != 0)
			return r;
		if (!ops->secured(userdata))
			return 0;
	}
	do {
		r = tls_session_read(s, &in, plain, sizeof plain, &n, out);
		if (n > 0 && !ops->data(userdata, slice_make(plain, n)))
			return 0;
	} while (r == TLS_ROOM);
	return r;
}
