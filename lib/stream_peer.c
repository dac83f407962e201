#include "stream_peer.h"

#include "stream.h"

#include <errno.h>
#include <netinet/tcp.h>

/* The C library's struct ends before what is wanted; <linux/tcp.h> clashes with its header. */
struct tcp_info_more {
	struct tcp_info info;
	uint64_t pacing_rate, max_pacing_rate, bytes_acked;
};
_Static_assert(offsetof(struct tcp_info_more, bytes_acked) == 120, "the kernel's place of it");

int
stream_acked(const struct stream *s, uint64_t *out)
{
	struct tcp_info_more more;
	socklen_t n = sizeof more;
	int fd;

	if (s->uv.handle.type != UV_TCP || uv_fileno(&s->uv.handle, &fd) < 0)
		return -EOPNOTSUPP;
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &more, &n) < 0)
		return -errno;
	if (n < sizeof more || more.bytes_acked == 0)
		return -EOPNOTSUPP;
	*out = more.bytes_acked - 1; /* the SYN is counted too */
	return 0;
}

bool
stream_is_quiet(const struct stream *s)
{
	char byte;
	int fd;

	return uv_fileno(&s->uv.handle, &fd) == 0 &&
	       recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
	       (errno == EAGAIN || errno == EWOULDBLOCK);
}
