/*
 * responder: an upstream for measurements. One thread, one epoll; with --workers N that many
 * processes behind one port.
 *
 *   /0 /1k /64k /1m /12345 /1g   that many bytes, a pattern of 64 characters over and over
 *   /slow?ms=N                   1 KiB after N milliseconds
 *   /upload                      reads the body and answers with its length as text
 *   /isAlive                     200
 *   /echo                        a WebSocket that sends back what it gets
 *
 * The last segment of a path decides, so that a gateway may route by what stands before it.
 */

#include "connection.h"
#include "listen.h"

#include <getopt.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

static void
accept_all(int listener, int epoll)
{
	for (;;) {
		int one = 1, fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET };

		if (fd < 0)
			return;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		ev.data.ptr = connection_new(fd);
		if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev) < 0)
			connection_free(ev.data.ptr);
	}
}

static int
serve(int listener, const char *name)
{
	struct epoll_event events[256], ev = { .events = EPOLLIN };
	struct responder r;
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &ev) < 0) {
		perror("bench-responder: epoll");
		return 1;
	}
	responder_init(&r, name);
	for (;;) {
		int n = epoll_wait(epoll, events, 256, responder_slow(&r));

		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr)
				connection_event(&r, events[i].data.ptr, events[i].events);
			else
				accept_all(listener, epoll);
		}
	}
}

/* This process serves, and workers - 1 children that end with it. */
static int
start(struct sockaddr_in *address, int workers, const char *name)
{
	pid_t parent = getpid();
	int listener = listen_on(address, workers > 1);

	if (listener < 0) {
		perror("bench-responder: listen");
		return 1;
	}
	printf("%u\n", ntohs(address->sin_port));
	fflush(stdout);
	for (int i = 1; i < workers && getpid() == parent; i++) {
		if (fork() != 0)
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(listener);
		listener = listen_on(address, true);
		if (listener < 0 || getppid() != parent)
			return 1;
	}
	return serve(listener, name);
}

static int
usage(FILE *to)
{
	fputs(
	    "usage: bench-responder [--listen ADDRESS:PORT] [--workers N] [--name NAME]\n"
	    "Prints its port (a free one for port 0, the default) and serves until it is killed.\n",
	    to);
	return to == stdout ? 0 : 2;
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "listen", required_argument, NULL, 'l' },
		{ "workers", required_argument, NULL, 'w' },
		{ "name", required_argument, NULL, 'n' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const char *name = NULL;
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int option, workers = 1;
	bool bad = false;

	while ((option = getopt_long(argc, argv, "l:w:n:", options, NULL)) >= 0) {
		if (option == 'l')
			bad = bad || !listen_parse(optarg, &address);
		else if (option == 'w')
			workers = atoi(optarg);
		else if (option == 'n')
			name = optarg;
		else if (option == 'h')
			return usage(stdout);
		else
			bad = true;
	}
	if (bad || optind != argc || workers < 1)
		return usage(stderr);
	return start(&address, workers, name);
}
