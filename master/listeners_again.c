/*
 * Sockets that do not listen any more, although they should. A worker has all rights over the
 * sockets that it accepts on, and who takes it over can end their listening for everybody
 * (connect(2) to nowhere), also for the worker that comes after it.
 */

#include "listeners.h"

#include "socket.h"

#include "lib/log.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define EVERY_MS 1000

static bool
is_listening(int fd)
{
	int listening = 1;
	socklen_t n = sizeof listening;

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &n) < 0 || listening;
}

static int
listen_again(int fd)
{
	const struct sockaddr nobody = { .sa_family = AF_UNSPEC };

	(void)!connect(fd, &nobody, sizeof nobody); /* it may be connected instead */
	return socket_listen(fd);
}

void
listeners_tick(struct listeners *l, uint64_t now_ms)
{
	if (now_ms < l->look_ms)
		return;
	l->look_ms = now_ms + EVERY_MS;
	for (size_t i = 0; i < l->count; i++) {
		for (uint32_t k = 0; k < l->all[i].fds_count; k++) {
			int fd = l->all[i].fds[k], r;

			if (fd < 0 || is_listening(fd))
				continue;
			r = listen_again(fd);
			log_error("listener address=%s slot=%u error=\"a worker ended its "
				  "listening\" again=\"%s\"",
				  l->all[i].text, (unsigned)k, r < 0 ? strerror(-r) : "ok");
		}
	}
}
