#pragma once

/*
 * peer: the other end of a connection that our code makes, which says what the fuzzer wrote. A Unix
 * socket: it connects at once, and leaves nothing behind in the kernel.
 */

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

struct peer {
	uv_loop_t loop;
	struct sockaddr_un address;
	int listener;
};

static struct peer peer;

static void
peer_remove(void)
{
	unlink(peer.address.sun_path);
}

static void
peer_open(void)
{
	if (peer.listener > 0)
		return;
	uv_loop_init(&peer.loop);
	peer.address.sun_family = AF_UNIX;
	snprintf(peer.address.sun_path, sizeof peer.address.sun_path, "/tmp/yett-fuzz-%d",
		 (int)getpid());
	unlink(peer.address.sun_path);
	atexit(peer_remove);
	peer.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(peer.listener, (struct sockaddr *)&peer.address, sizeof peer.address) < 0 ||
	    listen(peer.listener, 4) < 0)
		abort();
}

/* Our code has connected: says `data` in pieces of `piece` bytes (0: all at once), and closes. */
static void
peer_say(const uint8_t *data, size_t size, size_t piece)
{
	int fd = accept4(peer.listener, NULL, NULL, SOCK_CLOEXEC);

	assert(fd >= 0);
	uv_run(&peer.loop, UV_RUN_NOWAIT);
	for (size_t at = 0, n; at < size; at += n) {
		n = piece && piece < size - at ? piece : size - at;
		if (send(fd, data + at, n, MSG_NOSIGNAL | MSG_DONTWAIT) < (ssize_t)n)
			break;
		uv_run(&peer.loop, UV_RUN_NOWAIT);
	}
	close(fd);
	for (int i = 0; i < 4; i++)
		uv_run(&peer.loop, UV_RUN_NOWAIT);
}
