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

#define SILENT_S 60 /* before it is asked */
#define ASK_EACH_S 15
#define ASK_TIMES 4

void
stream_peer_watch(int fd)
{
	static const struct {
		int level, name, value;
	} options[] = {
		{ IPPROTO_TCP, TCP_KEEPIDLE, SILENT_S },
		{ IPPROTO_TCP, TCP_KEEPINTVL, ASK_EACH_S },
		{ IPPROTO_TCP, TCP_KEEPCNT, ASK_TIMES },
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
	};

	for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
		(void)setsockopt(fd, options[i].level, options[i].name, &options[i].value,
				 sizeof options[i].value);
}

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
